"""The links between the files of the repository, and the repository's own address."""

import re

import pytest
import tomllib

from tests.docs.test_code import PAGES, ROOT

URLS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]
ADDRESS = URLS["Homepage"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_the_repository_has_one_address():
    owner = ADDRESS.removeprefix("https://github.com/").removesuffix("/autolr_widget")
    others = [*PAGES, *(ROOT / "notebooks").glob("*.ipynb"), ROOT / "CITATION.cff", ROOT / "pyproject.toml"]
    for path in others:
        for found in re.findall(
            r"\bgithub(?:usercontent)?(?:\.com)?/([\w-]+)/autolr_widget\b", path.read_text(encoding="utf-8")
        ):
            assert found == owner, f"{path.name}: the owner is {owner} in pyproject.toml"
    assert all(url.startswith(ADDRESS) for url in URLS.values())
    assert f"repository-code: {ADDRESS}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
