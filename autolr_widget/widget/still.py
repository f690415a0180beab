"""What a reader without a kernel sees: the last state as a picture, and as text."""

from __future__ import annotations

import base64
import html
from typing import Any

from autolr_widget.engine.record import Record
from autolr_widget.widget.export import as_file

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
    png = base64.b64encode(as_file("png", record, selected)).decode()
    line, _, table = words.partition("\n")
    return {
        "text/plain": words,
        "image/png": png,
        "text/html": (
            f'<div class="autolr-still"><p>{html.escape(line)}</p><img src="data:image/png;base64,{png}" '
            f'alt="{html.escape(line)}" style="max-width: 100%"><pre>{html.escape(table)}</pre></div>'
        ),
    }
