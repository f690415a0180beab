"""What a reader without a kernel sees: the last state as a picture, and as text."""

from __future__ import annotations

import base64
import html
import io
from typing import Any

from autolr_widget.engine.record import Record
from autolr_widget.widget.export import picture

COLUMNS = ["mean", "lower", "upper", "count", "diverged"]


def text(record: Record, status: str, selected: float | None) -> str:
    """The state in a line, and the curve as a table."""
    settings, rounds = record.settings, len(record.results)
    chosen = "no learning rate chosen" if selected is None else f"learning rate {selected:.4g}"
    line = f"TunerWidget: {chosen}, {status} after {rounds} of {max(rounds, settings.num_subsamples)} rounds"
    if rounds == 0:
        return line
    table = record.results.summary(settings.alpha, settings.band)[COLUMNS]
    return f"{line}\n{table.to_string(float_format='{:.4g}'.format)}"


def bundle(record: Record, status: str, selected: float | None) -> dict[str, Any]:
    """The same as an output of a notebook. Where the widget itself is on the page, its style hides this."""
    words = text(record, status, selected)
    if len(record.results) == 0:
        return {"text/plain": words, "text/html": f'<div class="autolr-still">{html.escape(words)}</div>'}
    png = base64.b64encode(_small_png(record, selected)).decode()
    line, _, table = words.partition("\n")
    return {
        "text/plain": words,
        "image/png": png,
        "text/html": (
            f'<div class="autolr-still"><p>{html.escape(line)}</p><img src="data:image/png;base64,{png}" '
            f'alt="{html.escape(line)}" style="max-width: 100%"><pre>{html.escape(table)}</pre></div>'
        ),
    }


def _small_png(record: Record, selected: float | None) -> bytes:
    """The picture in few colours: a quarter of the bytes, which each notebook keeps and each run sends."""
    from PIL import Image

    drawn, small = io.BytesIO(), io.BytesIO()
    picture(record.results, record.settings, selected).savefig(drawn, format="png", dpi=100)
    with Image.open(drawn) as image:
        image.convert("RGB").quantize(32, dither=Image.Dither.NONE).save(small, format="png", optimize=True)
    return small.getvalue()
