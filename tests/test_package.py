"""What a user installs: a wheel and an sdist, with all files that belong to them."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
import tomllib

ROOT = Path(__file__).parent.parent
STATIC = {"panel.js", "panel.css"}


@pytest.fixture(scope="module")
def dist(tmp_path_factory):
    """An sdist, and a wheel built from it."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "build", "--outdir", folder, ROOT], check=True, capture_output=True)
    return folder


def test_the_bundle_is_small():
    sizes = {name: (ROOT / "autolr_widget" / "static" / name).stat().st_size for name in STATIC}
    assert sum(sizes.values()) < 80_000, sizes


def test_a_citation_names_the_version_of_the_package():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")


def test_the_sdist_holds_sources_and_static_files(dist):
    (path,) = dist.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.split("/", 1)[-1] for name in archive.getnames()}
    assert {f"autolr_widget/static/{name}" for name in STATIC} <= names
    assert {"js/package.json", "js/src/run_bar.ts", "LICENSE", "README.md"} <= names
    assert not any("node_modules" in name or name.startswith(".venv") for name in names)


def test_the_wheel_works_in_a_clean_environment(dist, tmp_path):
    (path,) = dist.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
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
