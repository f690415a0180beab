"""The directive ``recorded-run``: a saved run, which the widget's front end shows without a kernel."""

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from autolr_widget.engine.saved.saved_run import SavedRun
from autolr_widget.widget.recording import element


class RecordedRun(SphinxDirective):
    """Shows the run in the file that its argument names, relative to the page."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        file, path = self.env.relfn2path(self.arguments[0])
        self.env.note_dependency(file)
        run = element(SavedRun.read(path), None, "<p>This run needs JavaScript.</p>")
        return [nodes.raw("", run, format="html")]


def add_front_end(app: Sphinx, page: str, template: str, context: object, doctree: nodes.document | None) -> None:
    """Load them on pages that show a run."""
    if doctree and any("autolr-recorded" in raw.astext() for raw in doctree.findall(nodes.raw)):
        app.add_css_file("page.css")
        # Not a module, which a browser does not load from a file.
        app.add_js_file("page.js", loading_method="defer")


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("recorded-run", RecordedRun)
    app.connect("html-page-context", add_front_end)
    return {"parallel_read_safe": True}
