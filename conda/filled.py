"""Prints recipe.yaml for a release: ``python conda/filled.py dist/autolr_widget-0.2.0.tar.gz``."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import tomllib


def filled(sdist: Path) -> str:
    """Return the recipe with the version and the repository of pyproject.toml, and the hash of the sdist."""
    here = Path(__file__).parent
    project = tomllib.loads((here.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    known = {
        "VERSION": project["version"],
        "SHA256": hashlib.sha256(sdist.read_bytes()).hexdigest(),
        "REPOSITORY": project["urls"]["Homepage"],
    }
    recipe = (here / "recipe.yaml").read_text(encoding="utf-8")
    for name, value in known.items():
        recipe = recipe.replace(f": {name}\n", f": {value}\n")
    return recipe


if __name__ == "__main__":
    print(filled(Path(sys.argv[1])), end="")
