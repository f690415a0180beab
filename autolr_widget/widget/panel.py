"""The panel: all parts of the widget except for the curves of the chart, as one anywidget."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from autolr_widget.engine.reading.schedule import KINDS
from autolr_widget.widget.chart import CURVE, MARGIN
from autolr_widget.widget.commands import in_words
from autolr_widget.widget.lesson import STAGES
from autolr_widget.widget.settings_traits import setting_controls, setting_traits

STATIC = Path(__file__).parent.parent / "static"


def _bundle(name: str) -> str | Path:
    """Return a file of the front end as text, or as a path in development.

    With a path, anywidget reloads the file in the page whenever it changes. But then it also keeps a reference to every
    instance of the widget, so that none is ever freed.
    """
    path = STATIC / name
    return path if os.environ.get("ANYWIDGET_HMR") == "1" else path.read_text(encoding="utf-8")


class Panel(anywidget.AnyWidget):
    """The panel: the chosen rate, the parts on top of the chart, the run bar, the controls, and the pacer.

    The pacer asks for the next rounds. Traits hold the state and are synchronized in both directions; commands are sent
    as messages, see `autolr_widget.widget.commands`. A front end may send any value, so code that reads a trait must
    check the value.
    """

    _esm = _bundle("panel.js")
    _css = _bundle("panel.css")

    # The values of the settings, and what the front end needs to show them.
    locals().update(setting_traits(sync=True))
    settings: traitlets.List[dict[str, Any]] = traitlets.List(help="The settings, see `setting_controls`").tag(
        sync=True
    )
    batch_most = traitlets.Int(512, help="The largest batch size that the data allow").tag(sync=True)
    own_batch_size = traitlets.Int(
        None, allow_none=True, help="The size of a stream's own batches, which the setting does not change"
    ).tag(sync=True)
    replay = traitlets.Bool(False, help="Whether this is a saved run, which has no model to measure").tag(sync=True)
    autosave = traitlets.Unicode("", help="The file to which rounds are written, or empty").tag(sync=True)

    # The run.
    subject = traitlets.Unicode("", help="The model and its optimizer, in words").tag(sync=True)
    status = traitlets.Unicode("idle").tag(sync=True)
    round = traitlets.Int(0).tag(sync=True)
    turn = traitlets.Int(0, help="The number of finished turns, see `Session.turn`").tag(sync=True)
    preparing = traitlets.Bool(False, help="Whether the training step is being traced").tag(sync=True)
    progress: traitlets.Dict[str, Any] = traitlets.Dict(
        {"finished": 0, "current": 0, "round": 0, "seconds_per_step": None},
        help="The training steps so far, see `View.show_progress`",
    ).tag(sync=True)
    workers = traitlets.Unicode("", help="Who takes the training steps, see `LRTuner.workers`").tag(sync=True)
    efforts: traitlets.List[dict[str, Any]] = traitlets.List(
        help="How much work a run may be, see `autolr_widget.widget.efforts`"
    ).tag(sync=True)
    stale = traitlets.Bool(False).tag(sync=True)
    continues = traitlets.Bool(False).tag(sync=True)
    error = traitlets.Unicode("").tag(sync=True)

    # The choice.
    selected_lr = traitlets.Float(None, allow_none=True).tag(sync=True)
    pinned = traitlets.Bool(False).tag(sync=True)
    reason = traitlets.Unicode("", help="How the rate was chosen, and how certain the choice is").tag(sync=True)
    warning = traitlets.Unicode("", help="Why a rate of the user's own is a bad choice, or empty").tag(sync=True)
    notice = traitlets.Unicode("", help="The result of the last command").tag(sync=True)
    refusals: traitlets.Dict[str, Any] = traitlets.Dict(
        help="What the kernel refused, by the field's trait: its `value`, and why in `words`"
    ).tag(sync=True)
    interval: traitlets.List[float] = traitlets.List(help="The range that the chart shades, or empty").tag(sync=True)
    choices = traitlets.Dict(help="What each rule chooses").tag(sync=True)
    all_rules = traitlets.Bool(False, help="Whether the chart shows the choice of every rule").tag(sync=True)
    edge = traitlets.Unicode("", help="The end of the grid at which the curve's lowest point lies, or empty").tag(
        sync=True
    )
    code = traitlets.Unicode("", help="Python that does the same without the widget").tag(sync=True)
    undoable = traitlets.Bool(False, help="Whether an `apply` can be undone").tag(sync=True)
    kind = traitlets.Unicode("constant", help='What `apply` sets: `"constant"`, or one of `schedules`').tag(sync=True)
    schedules = traitlets.Dict(KINDS, help="The kinds of schedules, and what the screen calls them").tag(sync=True)
    epochs = traitlets.Float(10.0, help="The epochs of the schedule").tag(sync=True)
    schedule = traitlets.Dict(
        help="The picture of the schedule: its `rates`, the `epochs` that it shows, or why there is none in `words`"
    ).tag(sync=True)

    # The chart.
    rates = traitlets.Bytes(b"", help="The grid, float64").tag(sync=True)
    table = traitlets.Bytes(
        b"", help="Five rows, float32: mean, lower, upper, count, and in how many rounds the rate diverged"
    ).tag(sync=True)
    view = traitlets.List([1e-4, 10.0], help="The learning rates that the x-axis spans").tag(sync=True)
    full_view = traitlets.List([1e-4, 10.0], help="The `view` that shows the whole chart").tag(sync=True)
    axis = traitlets.Unicode("log").tag(sync=True)
    limits = traitlets.List([-1.0, 1.0], help="The ends of the y-axis").tag(sync=True)
    margin = traitlets.Dict(MARGIN, help="Pixels from the figure's edges to the plot").tag(sync=True)
    colors = traitlets.Dict({"curve": CURVE}, help="Colors of the chart's lines").tag(sync=True)
    large = traitlets.Bool(False, help="Whether everything is in large print, for a projector").tag(sync=True)
    show_rounds = traitlets.Bool(False).tag(sync=True)
    pins: traitlets.List[dict[str, Any]] = traitlets.List(
        help="The runs to compare with: `words`, and the lowest point"
    ).tag(sync=True)
    this_run = traitlets.Unicode("", help="The current run, in words like those of `pins`").tag(sync=True)
    probed = traitlets.Int(-1, help="Index of the rate whose rounds are shown as a histogram, or -1").tag(sync=True)
    histogram = traitlets.Dict(help="The `edges` and `counts` of that histogram").tag(sync=True)
    curves = traitlets.Bytes(b"", help="What `training_curves` returns, a row per rate; empty without curves").tag(
        sync=True
    )
    curves_of = traitlets.Unicode("", help="The rounds that the training curves are of").tag(sync=True)

    # A training with the widget's callback.
    training = traitlets.Dict(help="The state of the training, see `LiveTraining`; empty before the first").tag(
        sync=True
    )
    training_points = traitlets.Bytes(b"", help="What `Losses.table` returns").tag(sync=True)
    training_validation = traitlets.Bytes(
        b"", help="Two rows, float32: the steps after which the validation loss was measured, and this loss"
    ).tag(sync=True)

    # One round, explained.
    explain = traitlets.Bool(False).tag(sync=True)
    lesson = traitlets.Dict().tag(sync=True)
    stage = traitlets.Int(0, help="The current stage of the explanation; 0 if there is none").tag(sync=True)
    stages = traitlets.Int(STAGES, help="The last stage").tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        #: Held while values of the front end are taken over. The same values may also come with a command, in another
        #: thread: the command must not be carried out before their observers are done.
        self.taking_over = threading.RLock()
        super().__init__(**traits)

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Take over values from the front end. Show the error if an observer raises one: it has no other reader."""
        with self.taking_over:
            try:
                super().set_state(sync_data)
            except Exception as error:
                self.notice = in_words(error)

    @traitlets.default("settings")
    def _settings(self) -> list[dict[str, Any]]:
        # Build the list for each panel, not once for the class, because users may add rules of their own.
        return setting_controls()
