"""The site. Its source is the whole repository, so that the same relative links work on the site and on a forge."""

import inspect
import sys
from pathlib import Path

import tomllib
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.ext.autodoc.mock import mock

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "extensions"), str(HERE.parent)]
# They take long to import, and nothing here runs a model.
STAND_INS = mock(["keras", "tensorflow"])
STAND_INS.__enter__()
PROJECT = tomllib.loads((HERE.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]

project, release = PROJECT["name"], PROJECT["version"]
root_doc = "docs/index"
include_patterns = ["docs/**.md", "notebooks/*.ipynb", "benchmarks/README.md", "*.md", "tests/mutants.md"]
# These are not even looked into.
exclude_patterns = [".git", ".venv", "build", "js", "mutants", "autolr_widget", "README.md", "**/.*"]
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
    "architecture",
    "notebook",
    "recorded_run",
    "settings_table",
]
myst_heading_anchors = 3

# Parameters that are described together stay together.
napoleon_use_param = False
napoleon_attr_annotations = False
add_module_names = False
maximum_signature_line_length = 80
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True}
# A name in backticks is a link if this site describes it, and code otherwise.
default_role = "py:obj"

html_theme = "furo"
pygments_dark_style = "github-dark"
html_title = project
# With the front end that shows the recorded runs.
html_static_path = ["static", "../autolr_widget/static"]
html_css_files = ["site.css"]
html_extra_path = ["root"]
html_copy_source = False
html_show_copyright = False
html_theme_options = {"source_repository": PROJECT["urls"]["Homepage"], "source_branch": "main", "source_directory": ""}


def as_code(app: Sphinx, env: object, node: nodes.Element, text: nodes.TextElement) -> nodes.Node | None:
    """Leave names of other packages as they are: only our own must have a page."""
    ours = node["reftarget"].startswith("autolr_widget.")
    return None if ours or node.get("refdomain") != "py" else text


def with_settings(app: Sphinx, what: str, name: str, cls: type, *_: object) -> tuple[str, None] | None:
    """Show the arguments of a class with all settings, as `help` does. Types would fill a screen."""
    if what != "class":
        return None
    parameters = inspect.signature(cls).parameters.values()
    bare = [parameter.replace(annotation=parameter.empty) for parameter in parameters]
    return str(inspect.Signature(bare)), None


def setup(app: Sphinx) -> None:
    app.connect("autodoc-process-signature", with_settings)
    app.connect("missing-reference", as_code)
