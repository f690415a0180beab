"""The environments of the hosts, beside the tests' own environment: `python -m tests.hosts.environments` makes them.

Most have their own Jupyter and their own widgets, Python packages and front ends, and borrow everything else from the
tests' environment, so that they are made in seconds. Two have all of their packages, TensorFlow too: Colab's versions,
and the lowest versions that pyproject.toml declares.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
import sysconfig
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import tomllib
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
FOLDER = Path(sys.prefix) / "hosts"
COLAB_VERSIONS = Path(__file__).parent / "colab_versions.txt"
#: The tests' own pip. The interpreter of the environment that it is for comes next.
PIP = [sys.executable, "-m", "pip", "--python"]
#: Locked while the environments are made. If the process that makes them is killed, the lock is gone too.
BEING_MADE = FOLDER / ".being-made"


def project() -> dict[str, Any]:
    """The section [project] of pyproject.toml."""
    section: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return section


def lowest(requirements: list[str]) -> list[str]:
    """The same requirements with the lowest version of each."""
    return [f"{r.name}=={_floor(r)}" for r in map(Requirement, requirements)]


def _floor(requirement: Requirement) -> str:
    (floor,) = (s.version for s in requirement.specifier if s.operator == ">=")
    return floor


def with_all_packages() -> dict[str, list[str]]:
    """What uv installs for each environment that borrows nothing."""
    declared = project()["dependencies"]
    extras = project()["optional-dependencies"]
    (reference,) = (r for r in extras["dev"] if r.startswith("autolrtuner"))
    return {
        # Colab's kernel, and the last JupyterLab whose widgets are as old as Colab's.
        "colab": [
            f"--constraint={COLAB_VERSIONS}",
            *(Requirement(r).name for r in declared),
            "ipykernel",
            "pyarrow",
            "scikit-learn",
            "jupyterlab==3.6.8",
            "jupyterlab_widgets<2",
        ],
        "lowest": [
            *lowest([*declared, *extras["parquet"]]),
            reference,
            "hypothesis",
            "psutil",
            "pytest",
            "scikit-learn",
        ],
    }


def with_borrowed_packages() -> dict[str, list[str]]:
    """What pip installs for each environment that borrows TensorFlow and what else it lacks."""
    widgets = ["anywidget", "bqplot<0.13", "ipywidgets>=8", "jupyterlab_widgets"]
    (oldest_lab,) = lowest([r for r in project()["optional-dependencies"]["demo"] if r.startswith("jupyterlab")])
    return {
        "notebook": [*widgets, "ipykernel>=7", "jupyterlab", "notebook>=7"],
        "voila": [*widgets, "ipykernel>=7", "nbconvert", "voila"],
        "lab-oldest": [*widgets, "ipykernel<7", oldest_lab],
    }


def python(name: str) -> Path:
    """The interpreter of an environment. While they are made, this waits: `make test` runs other tests meanwhile."""
    if BEING_MADE.exists():
        with BEING_MADE.open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)
    path = FOLDER / name / "bin" / "python"
    if not path.exists():
        raise FileNotFoundError(f"There is no environment of the host {name} in {FOLDER}: `make hosts` makes it.")
    return path


def pip(name: str) -> list[str]:
    """The command of the tests' own pip for an environment."""
    return [*PIP, str(python(name))]


def make(name: str) -> None:
    """Make an environment again."""
    place = FOLDER / name
    shutil.rmtree(place, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place], check=True)
    (site,) = place.glob("lib/python*/site-packages")
    if requirements := with_all_packages().get(name):
        (site / "autolr_widget.pth").write_text(f"{ROOT}\n")
        uv = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", place]
        subprocess.run([*uv, *requirements], check=True)
        return
    # Not compiled: a third of the modules is ever imported, and Python keeps what it compiles then.
    install = [*PIP, str(place / "bin" / "python"), "install", "--quiet", "--no-warn-conflicts", "--no-compile"]
    requirements = with_borrowed_packages()[name]
    # Before anything is borrowed: pip would take borrowed packages for installed, whose front ends are elsewhere.
    subprocess.run([*install, "--no-deps", *requirements], check=True)
    # Not only a path, because the tests' environment has .pth files too, and this package is in one of them.
    (site / "borrowed.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    subprocess.run([*install, *requirements], check=True)


if __name__ == "__main__":
    begun = time.monotonic()
    names = sys.argv[1:] or [*with_all_packages(), *with_borrowed_packages()]
    FOLDER.mkdir(exist_ok=True)
    with BEING_MADE.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # pip waits for the network as much as it works.
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(make, names))
    print(f"Hosts: {', '.join(names)} in {time.monotonic() - begun:.0f} s")
