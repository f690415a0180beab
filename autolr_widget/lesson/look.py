"""How the parts of the lesson look: as large as the widget's large print, in light and in dark themes."""

from __future__ import annotations

from html import escape
from pathlib import Path

import ipywidgets as ipw
from IPython.display import HTML

from autolr_widget.widget.closing import owned_widgets
from autolr_widget.widget.colab import allow_front_ends

#: In every part, because Colab shows each output in a page of its own.
STYLE = f"<style>{Path(__file__).with_name('lesson.css').read_text(encoding='utf-8')}</style>"

#: The text, the code and the hidden code of JupyterLab and Notebook.
NOTEBOOK = """<style>
.jp-Notebook { --jp-content-font-size1: 18px; --jp-code-font-size: 16px; }
.jp-Notebook .jp-Placeholder-content * { font-size: 16px; }
</style>"""


def large_notebook() -> HTML:
    """Show the text and the code of this notebook in large print, for as long as this output is there.

    It changes JupyterLab and Notebook 7. Colab has the font size among its own settings.
    """
    return HTML(f"{NOTEBOOK}<p>This notebook is in large print.</p>")


def paragraph(text: str, name: str = "autolr-text") -> str:
    """Return plain text as HTML."""
    return f'<p class="{name}">{escape(text)}</p>'


class Part(ipw.VBox):
    """A part of the lesson: widgets below one another, which look alike."""

    def __init__(self, *children: ipw.Widget) -> None:
        allow_front_ends()
        super().__init__([ipw.HTML(STYLE), *children])
        self.add_class("autolr-lesson")

    def close(self) -> None:
        """Close the part, and all widgets that belong to it."""
        if self.comm is not None:
            for widget in owned_widgets(self):
                widget.close()
        super().close()
