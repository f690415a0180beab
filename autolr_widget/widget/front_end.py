"""The two parts of the screen that are ours in the browser too."""

from __future__ import annotations

from pathlib import Path

import anywidget
import traitlets

STATIC = Path(__file__).parent.parent / "static"


class RunBar(anywidget.AnyWidget):
    """Run/Pause, Step, Reset and the progress, and the pacer that asks for the rounds.

    Sends ``{"type": "tick", "round": n}``, and ``start``, ``pause``, ``step`` and ``reset`` when a button is pressed.
    """

    _esm = STATIC / "run_bar.js"
    _css = STATIC / "widget.css"

    status = traitlets.Unicode("idle").tag(sync=True)
    round = traitlets.Int(0).tag(sync=True)
    num_subsamples = traitlets.Int(1).tag(sync=True)
    stale = traitlets.Bool(False).tag(sync=True)
    error = traitlets.Unicode("").tag(sync=True)
    turn = traitlets.Int(0, help="Ticks answered").tag(sync=True)


class LRRange(anywidget.AnyWidget):
    """A slider with two thumbs on a log track: the ends of the grid."""

    _esm = STATIC / "lr_range.js"
    _css = STATIC / "widget.css"

    lr_min = traitlets.Float(1e-6).tag(sync=True)
    lr_max = traitlets.Float(1.0).tag(sync=True)
    low = traitlets.Float(1e-8, help="Left end of the track").tag(sync=True)
    high = traitlets.Float(10.0, help="Right end of the track").tag(sync=True)
