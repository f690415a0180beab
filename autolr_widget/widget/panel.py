"""All of the screen but the chart's curves: one model in the browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anywidget
import traitlets

STATIC = Path(__file__).parent.parent / "static"

RULE_NAMES = {
    "mean": "lowest mean",
    "median": "lowest median",
    "variance": "smallest spread (nearly always the smallest rate)",
    "max": "largest that never raised the loss",
    "steady": "steadiest drop",
    "cautious": "lowest point of the curve, halved",
    "share": "smallest with 80 % of the best drop",
    "significant": "largest that lowers the loss significantly",
    "steepest": "where the curve falls steepest",
    "valley": "half way down the valley",
    "soft": "middle of the lowest part",
}


class Panel(anywidget.AnyWidget):
    """The chosen rate, what lies over the chart, the run bar, the controls, and the pacer that asks for the rounds.

    What holds is in the traits, in both directions; what is to be done comes as a message, see `TunerWidget._receive`.
    Anything may come from a front end: whoever reads a trait checks it.
    """

    # As text: of a path, anywidget's class keeps every instance, to tell it of changes.
    _esm = (STATIC / "panel.js").read_text(encoding="utf-8")
    _css = (STATIC / "panel.css").read_text(encoding="utf-8")

    # The settings, as in `Settings`.
    lr_min = traitlets.Float(1e-4).tag(sync=True)
    lr_max = traitlets.Float(10.0).tag(sync=True)
    scale = traitlets.Unicode("log").tag(sync=True)
    num_evals = traitlets.Int(9).tag(sync=True)
    num_subsamples = traitlets.Int(10).tag(sync=True)
    batch_size = traitlets.Int(32).tag(sync=True)
    horizon = traitlets.Int(55).tag(sync=True)
    evaluate_on = traitlets.Unicode("own").tag(sync=True)
    method = traitlets.Unicode("cautious").tag(sync=True)
    alpha = traitlets.Float(0.05).tag(sync=True)
    band = traitlets.Unicode("normal").tag(sync=True)
    sampler = traitlets.Unicode("full").tag(sync=True)
    stop_rule = traitlets.Unicode("rounds").tag(sync=True)
    seed = traitlets.Int(42).tag(sync=True)

    rules = traitlets.Dict(help="Names of the rules, as the menu shows them").tag(sync=True)
    batch_most = traitlets.Int(512, help="The largest batch that the data allow").tag(sync=True)
    recorded = traitlets.Bool(False, help="Whether this is a saved run, which has no model to measure").tag(sync=True)

    autosave = traitlets.Unicode("", help="The file that rounds are written to, if any").tag(sync=True)

    # The run.
    status = traitlets.Unicode("idle").tag(sync=True)
    round = traitlets.Int(0).tag(sync=True)
    turn = traitlets.Int(0, help="Ticks answered").tag(sync=True)
    stale = traitlets.Bool(False).tag(sync=True)
    error = traitlets.Unicode("").tag(sync=True)

    # What is made of it.
    selected_lr = traitlets.Float(None, allow_none=True).tag(sync=True)
    pinned = traitlets.Bool(False).tag(sync=True)
    says = traitlets.Unicode("", help="How the rate was chosen, and how sure it is").tag(sync=True)
    said = traitlets.Unicode("", help="What the last thing that was asked for has led to").tag(sync=True)
    interval: traitlets.List[float] = traitlets.List(help="Interval of the chosen rate, or empty").tag(sync=True)
    choices = traitlets.Dict(help="What each rule chooses").tag(sync=True)
    code = traitlets.Unicode("", help="Python that does the same without the widget").tag(sync=True)
    undoable = traitlets.Bool(False, help="Whether an applied rate can be taken back").tag(sync=True)

    # The chart.
    rates = traitlets.Bytes(b"", help="The grid, float64").tag(sync=True)
    table = traitlets.Bytes(b"", help="Mean, lower, upper, count and times diverged of each rate, float32").tag(
        sync=True
    )
    view = traitlets.List([1e-4, 10.0], help="The learning rates that the x-axis spans").tag(sync=True)
    ends = traitlets.List([1e-4, 10.0], help="The learning rates that it spans when all is shown").tag(sync=True)
    axis = traitlets.Unicode("log").tag(sync=True)
    limits = traitlets.List([-1.0, 1.0], help="Ends of the y-axis").tag(sync=True)
    show_rounds = traitlets.Bool(False).tag(sync=True)
    pins: traitlets.List[dict[str, Any]] = traitlets.List(
        help="The runs to compare with: `words`, and the lowest point"
    ).tag(sync=True)
    this_run = traitlets.Unicode("", help="The run at hand, in words like those of `pins`").tag(sync=True)
    probed = traitlets.Int(-1, help="Index of the rate whose rounds are shown as a histogram, or -1").tag(sync=True)
    histogram = traitlets.Dict(help="Its `edges` and `counts`").tag(sync=True)

    # A round explained.
    explain = traitlets.Bool(False).tag(sync=True)
    lesson = traitlets.Dict().tag(sync=True)
    stage = traitlets.Int(0, help="How far the explanation has got; 0 when there is none").tag(sync=True)
