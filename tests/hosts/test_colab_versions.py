"""An install in Colab must change no package that is there: that would force the user to restart the session."""

import json
import os
import subprocess

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from tests.hosts import environments

PYTHON = "3.13"
#: Dependencies that Colab does not have. They may require only packages that are there.
NEW = {"jupyter-ui-poll"}


def colab_versions():
    lines = environments.COLAB_VERSIONS.read_text().splitlines()
    pairs = (line.split("==") for line in lines if not line.startswith("#"))
    return {canonicalize_name(name): version for name, version in pairs}


def test_colab_s_python_is_supported():
    assert PYTHON in SpecifierSet(environments.project()["requires-python"])


@pytest.mark.parametrize(
    "requirement",
    [each for each in map(Requirement, environments.project()["dependencies"]) if each.name not in NEW],
    ids=str,
)
def test_each_dependency_accepts_colab_s_version(requirement):
    assert colab_versions()[canonicalize_name(requirement.name)] in requirement.specifier


def test_the_host_has_colab_s_versions():
    listed = subprocess.run(
        [*environments.pip("colab"), "list", "--format=json"], capture_output=True, text=True, check=True
    )
    installed = {canonicalize_name(each["name"]): each["version"] for each in json.loads(listed.stdout)}
    wanted = colab_versions()
    assert {name: installed.get(name) for name in wanted} == wanted


def test_an_install_in_colab_changes_no_package_there():
    """Asks pip itself, which also looks at what our dependencies require of each other."""
    report = [*environments.pip("colab"), "install", "--dry-run", "--quiet", "--report=-", str(environments.ROOT)]
    # Without the path to this checkout, which would count as installed.
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(report, capture_output=True, text=True, check=True, env=clean)
    changes = [each["metadata"]["name"] for each in json.loads(done.stdout)["install"]]
    # The host may have the new ones already.
    assert set(changes) - NEW == {"autolr_widget"}
