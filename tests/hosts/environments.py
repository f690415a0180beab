"""The environments of the hosts that the tests' own one is not: `python -m tests.hosts.environments` makes them all.

Each has its own Jupyter and its own widgets, Python packages and front ends alike. All else, TensorFlow above all, is
lent by the tests' environment, so that they are made in seconds.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import requires
from pathlib import Path

from packaging.requirements import Requirement

FOLDER = Path(sys.prefix) / "hosts"


def oldest(name: str) -> str:
    """The oldest version of a package that this one declares to work with, as a requirement."""
    declared = [r for r in map(Requirement, requires("autolr_widget") or []) if r.name == name]
    (lower,) = {s.version for r in declared for s in r.specifier if s.operator == ">="}
    return f"{name}=={lower}"


def environments() -> dict[str, list[str]]:
    """What is installed for each host, beside what that asks for itself."""
    widgets = ["anywidget", "bqplot<0.13", "ipywidgets>=8", "jupyterlab_widgets"]
    return {
        # What Colab's kernel has, and the last JupyterLab whose widgets are as old.
        "colab": [
            "anywidget",
            "bqplot==0.12.47",
            "ipykernel==6.17.1",
            "ipython==7.34.0",
            "ipywidgets==7.7.1",
            "jupyterlab==3.6.8",
            "jupyterlab_widgets<2",
        ],
        "notebook": [*widgets, "ipykernel>=7", "jupyterlab", "notebook>=7"],
        "voila": [*widgets, "ipykernel>=7", "nbconvert", "voila"],
        "lab-oldest": [*widgets, "ipykernel<7", oldest("jupyterlab")],
    }


def python(name: str) -> Path:
    """The interpreter of an environment."""
    path = FOLDER / name / "bin" / "python"
    if not path.exists():
        raise FileNotFoundError(f"No environment of the host {name} in {FOLDER}: `make hosts` makes it.")
    return path


def make(name: str, requirements: list[str]) -> None:
    """Make an environment anew."""
    place = FOLDER / name
    shutil.rmtree(place, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place], check=True)
    pip = [sys.executable, "-m", "pip", "--python", place, "install", "--quiet", "--no-warn-conflicts"]
    # Before anything is lent: pip would take what it sees there for installed, whose front ends are elsewhere.
    subprocess.run([*pip, "--no-deps", *requirements], check=True)
    (site,) = place.glob("lib/python*/site-packages")
    lent = sysconfig.get_path("purelib")
    # Not a path alone: the tests' environment has .pth files too, and this package is in one of them.
    (site / "lent.pth").write_text(f"import site; site.addsitedir({lent!r})\n")
    subprocess.run([*pip, *requirements], check=True)


if __name__ == "__main__":
    begun = time.monotonic()
    # pip waits for the network as much as it works.
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda item: make(*item), environments().items()))
    print(f"Hosts: {', '.join(environments())} in {time.monotonic() - begun:.0f} s")
