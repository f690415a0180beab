"""Export of a run: as a file, as a picture, as a page, and as Python code that does the same."""

from __future__ import annotations

import html
import io
from collections.abc import Callable
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from autolr_widget.engine.arguments import ARGUMENTS
from autolr_widget.engine.reading.band import BANDS
from autolr_widget.engine.reading.results import TuneResults
from autolr_widget.engine.runs.run import Run
from autolr_widget.engine.saved.saved_run import SavedRun, write_whole
from autolr_widget.engine.settings import Settings
from autolr_widget.widget import recording
from autolr_widget.widget.curve import y_limits
from autolr_widget.widget.panel import STATIC

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: The file formats, named by their suffix.
FORMATS = ("json", "csv", "parquet", "png", "svg", "html")

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Learning rate {rate}</title>
<style>
:root {{ color-scheme: light dark; background: light-dark(#fff, #131416); color: light-dark(#1f1f1f, #ececec) }}
body {{ max-width: 64rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.5 system-ui, sans-serif }}
h1 {{ font-weight: 600 }}
svg {{ max-width: 100%; height: auto }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums }}
th, td {{ padding: 0.15rem 0.6rem; border-bottom: 1px solid #8888; text-align: right }}
pre {{ padding: 0.8rem; overflow: auto; background: #8882 }}
.table {{ overflow: auto }}
{style}
</style>
<h1>Learning rate {rate}</h1>
<p>{rounds} rounds · {settings}</p>
{run}
<h2>The same in Python</h2>
<pre>{code}</pre>
<h2>The curve</h2>
<div class="table" tabindex="0">{table}</div>
<script type="module">
{script}
</script>
</html>
"""


def as_read(run: Run) -> SavedRun:
    """Return the run as it is read: after fewer steps than were measured, if the user wants that."""
    saved_run, steps = run.saved_run, run.read_at
    if steps is None or len(saved_run.results) == 0:
        return saved_run
    settings = replace(saved_run.settings, horizon=steps)
    return replace(saved_run, settings=settings, results=saved_run.results.at(steps))


def write_file(path: str | Path, saved_run: SavedRun, selected: float | None, code: str) -> None:
    """Write the run to ``path``, in the format that the suffix names. The other arguments are those of `as_file`.

    Raises
    ------
    ValueError
        If the suffix is not one of `FORMATS`, or the run is too large to be read again.
    OSError
        If the file can't be written.
    """
    kind = Path(path).suffix.removeprefix(".")
    if kind not in FORMATS:
        raise ValueError(f"Argument `path` must end in one of {', '.join(f'.{f}' for f in FORMATS)}. Received: {path}")
    if kind == "json":
        saved_run.write(path)
    else:
        write_whole(path, as_file(kind, saved_run, selected, code))


def as_file(kind: str, saved_run: SavedRun, selected: float | None, code: str) -> bytes:
    """Return the content of a file.

    Parameters
    ----------
    kind
        One of `FORMATS`.
    saved_run
        The run.
    selected
        The chosen rate, if there is one. Pictures and pages show it.
    code
        Python code that does the same as the run. Pages show it.

    Raises
    ------
    ValueError
        If ``kind`` is not one of `FORMATS`, or is ``"parquet"`` and pyarrow is not installed.
    """
    if kind not in FORMATS:
        raise ValueError(f"A file must have one of the formats {', '.join(FORMATS)}. Received: {kind}")
    results, settings = saved_run.results, saved_run.settings
    if kind == "json":
        return saved_run.to_json().encode()
    if kind == "csv":
        return results.frame.to_csv(index_label="round").encode()
    if kind == "parquet":
        return _parquet(results)
    if kind == "html":
        return _page(saved_run, selected, code).encode()
    file = io.BytesIO()
    picture(results, settings, selected).savefig(file, format=kind, dpi=150)
    return file.getvalue()


def picture(results: TuneResults, settings: Settings, selected: float | None) -> Figure:
    """Draw the chart as a matplotlib figure. It is not registered with pyplot, so that it opens no window."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4), layout="constrained")
    ax = figure.add_subplot()
    if len(results) > 0:
        band = BANDS[settings.band](results.deltas, settings.alpha)
        results.plot_band(ax, band, settings.alpha)
        seen = np.isfinite(band.mean)
        if seen.any():
            lower, upper = (np.where(np.isfinite(edge), edge, band.mean)[seen] for edge in (band.lower, band.upper))
            ax.set_ylim(*y_limits(band.mean[seen], lower, upper))
    ax.set_xlim(results.rates[0], results.rates[-1])
    if selected is not None:
        ax.axvline(selected, color="#d55e00", label=f"chosen: {selected:.3g}")
        ax.legend()
    return figure


def python(settings: Settings, data: str, pinned: float | None, assign: Callable[[str], str]) -> str:
    """Return Python code that does the same without the widget.

    Parameters
    ----------
    settings
        The settings of the run. Only those that differ from the default appear in the code.
    data
        The arguments that pass the data, as Python source: ``"x, y"``.
    pinned
        The user's own rate if it is pinned. The code then only sets that rate.
    assign
        Returns the code that writes a rate into the model's optimizer. The rate is passed as code too.
    """
    if pinned is not None:
        return assign(repr(pinned))
    values = {"lr_space": (settings.lr_min, settings.lr_max), **asdict(settings)}
    arguments = [f"{name}={values[name]!r}" for name, default in ARGUMENTS.items() if values[name] != default]
    return (
        "from autolr_widget import LRTuner\n\n"
        f"tuner = LRTuner({', '.join(['model', data, *arguments])})\n"
        "for _ in tuner:\n"
        "    pass\n" + assign(f"tuner.results.best_lr({settings.method!r})")
    )


def _parquet(results: TuneResults) -> bytes:
    frame = results.frame
    frame.columns = frame.columns.map(repr)
    file = io.BytesIO()
    try:
        frame.to_parquet(file)
    except ImportError as error:
        raise ValueError("Parquet needs pyarrow: pip install pyarrow") from error
    return file.getvalue()


def _page(saved_run: SavedRun, selected: float | None, code: str) -> str:
    results, settings = saved_run.results, saved_run.settings
    picture = as_file("svg", saved_run, selected, code).decode()
    picture = picture[picture.index("<svg") :]
    table = results.summary(settings.alpha, settings.band).reset_index(names="learning rate")
    style, script = ((STATIC / f"page.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
    return PAGE.format(
        rate="not chosen" if selected is None else f"{selected:.4g}",
        rounds=len(results),
        settings=html.escape(" · ".join(f"{f.name} {getattr(settings, f.name)}" for f in fields(Settings))),
        run=recording.element(saved_run, selected, picture) if len(results) > 0 else picture,
        code=html.escape(code),
        table=table.to_html(float_format="{:.4g}".format, border=0, escape=True, index=False),
        style=style,
        script=script,
    )
