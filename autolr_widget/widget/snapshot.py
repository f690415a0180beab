"""The snapshot: what a reader without a kernel sees, a picture and a text of the last state."""

from __future__ import annotations

import base64
import html
import io
from typing import Any

from IPython.display import DisplayHandle, display

from autolr_widget.engine.saved.saved_run import SavedRun
from autolr_widget.widget.export import picture

DPI = 100
COLUMNS = ["mean", "lower", "upper", "count", "diverged"]


def text(saved_run: SavedRun, status: str, selected: float | None, why: str = "") -> str:
    """Return one line about the state, followed by a table of the curve if there is one.

    Here and below, ``why`` says why the rounds choose no rate.
    """
    settings, rounds = saved_run.settings, len(saved_run.results)
    chosen = "no learning rate chosen" if selected is None else f"learning rate {selected:.4g}"
    line = f"TunerWidget: {chosen}, {status} after {rounds} of {max(rounds, settings.num_subsamples)} rounds"
    line += f". {why}" * bool(why)
    if rounds == 0:
        return line
    table = saved_run.results.summary(settings.alpha, settings.band)[COLUMNS]
    return f"{line}\n{table.to_string(float_format='{:.4g}'.format)}"


class Snapshot:
    """The snapshot that is displayed after a widget. Before `display` is called, `update` does nothing."""

    def __init__(self) -> None:
        self._handle: DisplayHandle | None = None

    def display(self, model_id: str, saved_run: SavedRun, status: str, selected: float | None, why: str = "") -> None:
        """Display the widget with this model id, and the snapshot after it."""
        view = {"version_major": 2, "version_minor": 0, "model_id": model_id}
        words = text(saved_run, status, selected, why)
        display({"text/plain": words, "application/vnd.jupyter.widget-view+json": view}, raw=True)
        self._handle = display(bundle(saved_run, status, selected, why), raw=True, display_id=f"autolr-{model_id}")

    def update(self, saved_run: SavedRun, status: str, selected: float | None, why: str = "") -> None:
        """Replace the snapshot by one of the current state."""
        if self._handle is not None:
            self._handle.update(bundle(saved_run, status, selected, why), raw=True)


def bundle(saved_run: SavedRun, status: str, selected: float | None, why: str = "") -> dict[str, Any]:
    """Return the snapshot as the MIME bundle of a notebook output. A style sheet hides it where the widget is shown."""
    words = text(saved_run, status, selected, why)
    if len(saved_run.results) == 0:
        return {"text/plain": words, "text/html": f'<div class="autolr-snapshot">{html.escape(words)}</div>'}
    png = base64.b64encode(_small_png(saved_run, selected)).decode()
    line, _, table = words.partition("\n")
    return {
        "text/plain": words,
        "image/png": png,
        "text/html": (
            f'<div class="autolr-snapshot"><p>{html.escape(line)}</p><img src="data:image/png;base64,{png}" '
            f'alt="{html.escape(line)}" style="max-width: 100%"><pre>{html.escape(table)}</pre></div>'
        ),
    }


def _small_png(saved_run: SavedRun, selected: float | None) -> bytes:
    """Return the picture as PNG with few colors.

    This takes a quarter of the bytes. They matter, because each run sends the picture and each notebook stores it.
    """
    from PIL import Image

    figure = picture(saved_run.results, saved_run.settings, selected)
    # To fit the margins to the labels takes as long as to draw everything, and a snapshot is made at each pause.
    figure.set_layout_engine("none")
    figure.axes[0].set_position((0.11, 0.14, 0.87, 0.82))
    drawn, small = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="rgba", dpi=DPI)
    width, height = (DPI * figure.get_size_inches()).astype(int)
    image = Image.frombytes("RGBA", (width, height), drawn.getvalue()).convert("RGB")
    image.quantize(32, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(small, format="png")
    return small.getvalue()
