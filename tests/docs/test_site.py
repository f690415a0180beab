"""The site is built without a warning, and has what it promises."""

import json
import re
import subprocess
import sys

import pytest

from autolr_widget.engine.arguments import ARGUMENTS
from tests.docs.test_code import ROOT

BUILD = ["-m", "sphinx", "-c", "docs", "-q", "-W", "--keep-going", "-n", "-b", "html"]

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("site")]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the built site."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, *BUILD, "-d", folder / "doctrees", ".", folder / "html"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / "html"


def test_it_has_a_home_and_a_search(site):
    assert 'url=docs/index.html"' in (site / "index.html").read_text(encoding="utf-8")
    assert "horizon" in (site / "searchindex.js").read_text(encoding="utf-8")


def test_the_reference_is_that_of_the_code(site):
    settings = (site / "docs" / "reference" / "settings.html").read_text(encoding="utf-8")
    rows = re.findall(r"<tr.*?</tr>", settings, re.DOTALL)
    assert [name in row for name, row in zip(ARGUMENTS, rows[1:], strict=True)] == [True] * len(ARGUMENTS)
    assert "an integer of at least 2, at most 10,000" in settings
    widget = (site / "docs" / "reference" / "tuner-widget.html").read_text(encoding="utf-8")
    assert 'id="autolr_widget.TunerWidget.apply"' in widget
    assert "The choice of the rule, or the user" in widget, "the help of a trait"


def test_the_gallery_holds_runs(site):
    page = (site / "docs" / "gallery.html").read_text(encoding="utf-8")
    runs = [json.loads(text) for text in re.findall(r'<script type="application/json">(.*?)</script>', page)]
    assert len(runs) == len([*(ROOT / "docs" / "runs").glob("*.json")])
    assert all(run["state"]["replay"] for run in runs)
    assert re.search(r'<script defer="defer" src="../_static/page.js', page)
    assert (site / "_static" / "page.js").exists()
    assert "page.js" not in (site / "docs" / "bands.html").read_text(encoding="utf-8")
