"""What a user installs: a wheel and an sdist, with all files that belong to them."""

import email
import hashlib
import os
import re
import runpy
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
import tomllib
import yaml

import autolr_widget

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
#: What each notebook has a copy of, and what each exported page has.
PANEL, PAGE = {"panel.js", "panel.css"}, {"page.js", "page.css"}
STATIC = PANEL | PAGE


def build(folder):
    subprocess.run([sys.executable, "-m", "build", "--outdir", folder, ROOT], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def dist(tmp_path_factory):
    """An sdist, and a wheel built from it."""
    return build(tmp_path_factory.mktemp("dist"))


def test_the_bundle_is_small():
    for names in (PANEL, PAGE):
        sizes = {name: (ROOT / "autolr_widget" / "static" / name).stat().st_size for name in names}
        assert sum(sizes.values()) < 80_000, sizes


def test_the_package_tells_its_version():
    assert autolr_widget.__version__ == PROJECT["project"]["version"]


def test_two_builds_have_the_same_bytes(dist, tmp_path):
    again = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in build(tmp_path).iterdir()}
    assert again == {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in dist.iterdir()}


def test_the_page_on_pypi_links_to_whole_addresses(dist):
    (path,) = dist.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        name = next(name for name in archive.namelist() if name.endswith("/METADATA"))
        page = email.message_from_bytes(archive.read(name)).get_payload()
    repository = PROJECT["project"]["urls"]["Homepage"]
    raw = repository.replace("github.com", "raw.githubusercontent.com") + "/main"
    links = re.findall(r"\]\(([^)]*)\)", page)
    assert f"{raw}/docs/run.gif" in links
    assert f"{repository}/blob/main/docs/screen.md" in links
    assert [link for link in links if not link.startswith("https://")] == []


def test_the_recipe_for_conda_needs_what_the_package_needs(dist):
    (path,) = dist.glob("*.tar.gz")
    recipe = yaml.safe_load(runpy.run_path(str(ROOT / "conda" / "filled.py"))["filled"](path))
    assert recipe["context"]["version"] == PROJECT["project"]["version"]
    assert recipe["source"]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert recipe["about"]["repository"] == PROJECT["project"]["urls"]["Homepage"]
    # conda-forge's package of matplotlib without its graphical parts.
    named = {line.replace("matplotlib-base", "matplotlib") for line in recipe["requirements"]["run"]}
    assert named - {"python >=${{ python_min }}"} == {spaced(line) for line in PROJECT["project"]["dependencies"]}
    assert {*map(spaced, PROJECT["build-system"]["requires"])} < {*recipe["requirements"]["host"]}


def spaced(requirement):
    return re.sub(r"(?=[<>=])", " ", requirement, count=1)


def test_the_sdist_holds_sources_and_static_files(dist):
    (path,) = dist.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.split("/", 1)[-1] for name in archive.getnames()}
    assert {f"autolr_widget/static/{name}" for name in STATIC} <= names
    assert {"js/package.json", "js/src/run_bar.ts", "LICENSE", "README.md", "CONTRIBUTING.md", "Makefile"} <= names
    assert not any("node_modules" in name or name.startswith(".venv") for name in names)


def test_the_wheel_works_in_a_clean_environment(dist, tmp_path):
    (path,) = dist.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
    assert "autolr_widget/lesson/lesson.css" in names
    assert {"autolr_widget/py.typed", *(f"autolr_widget/static/{name}" for name in STATIC)} <= names
    assert all(name.startswith(("autolr_widget/", "autolr_widget-")) for name in names)

    # Its own package alone is installed; what it depends on, TensorFlow above all, is lent by the tests' environment.
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    site = next(environment.glob("lib/python*/site-packages"))
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", site, path]
    subprocess.run(pip, check=True)
    lent = next(p for p in sys.path if p.endswith("site-packages"))
    code = (
        f"import sys; sys.path.append({lent!r})\n"
        "import autolr_widget as package, autolr_widget.widget.panel as parts\n"
        f"assert package.__file__.startswith({str(site)!r}), package.__file__\n"
        "print(sorted(p.name for p in parts.STATIC.iterdir()), len(str(parts.Panel()._esm)) > 1000)\n"
    )
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    python = environment / "bin" / "python"
    done = subprocess.run([python, "-c", code], cwd=tmp_path, env=clean, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == f"{sorted(STATIC)} True"
