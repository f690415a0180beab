"""Shows a notebook as a page: its text and its code. Notebooks are committed without outputs."""

import json

from docutils import nodes
from myst_parser.parsers.sphinx_ import MystParser
from sphinx.application import Sphinx


class NotebookParser(MystParser):
    """Reads the cells of a notebook as Markdown."""

    supported = ("ipynb",)

    def parse(self, inputstring: str, document: nodes.document) -> None:
        cells = [("".join(cell["source"]), cell["cell_type"]) for cell in json.loads(inputstring)["cells"]]
        pages = [source if kind == "markdown" else f"```ipython3\n{source}\n```" for source, kind in cells]
        super().parse("\n\n".join(pages), document)


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_source_suffix(".ipynb", "ipynb")
    app.add_source_parser(NotebookParser)
    return {"parallel_read_safe": True}
