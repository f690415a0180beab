"""How a run is shown: its curve, the values read from it, the pinned curves, and the explanation of a round."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autolr_widget.engine.grid import SCALES
from autolr_widget.engine.reading.band import BANDS
from autolr_widget.engine.reading.choosing import choices
from autolr_widget.engine.reading.results import TuneResults
from autolr_widget.engine.runs.run import Run
from autolr_widget.engine.settings import Settings
from autolr_widget.engine.types import Floats
from autolr_widget.widget.chart import Chart
from autolr_widget.widget.curve import shown_band, table, whole
from autolr_widget.widget.lesson import STAGES, STEPS, lesson
from autolr_widget.widget.panel import Panel
from autolr_widget.widget.pins import Pin, pinned
from autolr_widget.widget.training_curves import training_curves, words

#: The curve of the unfinished round is shown if a round takes more seconds than this.
SEEN = 2.0
#: A run that took more seconds stays in the chart as a pinned run when it is discarded.
LONG = 60.0

#: Learning rates and mean loss differentials, two arrays of shape ``(num_evals,)``.
Curve = tuple[Floats, Floats]


class View:
    """The chart, and what the panel shows on top of it.

    Parameters
    ----------
    run
        The run to show first.
    panel
        The panel, whose traits the view sets.
    on_explained
        Called when the explanation of a round has reached its last stage or was ended. The chart does not show the
        round before that.
    """

    def __init__(self, run: Run, panel: Panel, on_explained: Callable[[], None]) -> None:
        self._run = run
        #: The grid that is shown. A run may widen its grid.
        self._rates = run.rates
        self._panel = panel
        self._on_explained = on_explained
        #: The values from which the last summary was computed.
        self._summed: tuple[object, ...] = ()
        #: Whether the training curves are those of the round that is explained.
        self._shows_one_round = False
        self._pins: list[Pin] = []
        #: The words of the pin of the last look.
        self._look = ""
        #: The curve of the run that the next run refines, if there is one.
        self.before: Curve | None = None
        #: False while a round is explained that the chart does not show yet.
        self.explained = True
        panel.axis = run.settings.scale
        self.chart = Chart(run.rates, panel.axis)
        self._show_all()
        panel.observe(self._on_view, names=["view", "axis"])
        panel.observe(self._on_large, names="large")
        panel.observe(self._show_details, names=["show_rounds", "probed"])
        panel.observe(self._on_stage, names=["explain", "stage"])

    def show_rounds(self, run: Run, settings: Settings) -> bool:
        """Show the rounds so far, or begin to explain the last round.

        Returns
        -------
        bool
            Whether the chart shows the last round.
        """
        if run is not self._run or run.rates is not self._rates:
            took = len(self._run) * self._run.rates.size * self._run.settings.horizon * self._run.seconds_per_step
            if took > LONG and self.before is None and self._run.can_measure:
                self.pin()
            self._run, self._rates, self._shows_one_round = run, run.rates, False
            self.chart.show_grid(run.rates, self._panel.axis, self.before)
            self.before = None
            with self._panel.hold_sync():
                self._panel.choices, self._panel.table, self._panel.histogram, self._panel.this_run = {}, b"", {}, ""
                self._panel.lesson, self._panel.stage, self._panel.limits = {}, 0, list(self.chart.limits)
                self._panel.curves, self._panel.curves_of = b"", ""
            self._show_all()
        if not self.explained and len(run) > 0:
            if self._panel.lesson.get("round") != len(run):
                self._panel.lesson, self._panel.stage = lesson(run), 1
            return False
        deltas = run.deltas
        self.chart.show_band(shown_band(deltas, settings), run.racing, whole(run, deltas))
        return True

    def show_progress(self, run: Run) -> None:
        """Tell the panel how many training steps the finished rounds took, the current round, and a whole round.

        It is told the workers that take them, too.
        """
        unfinished, horizon, seconds = run.unfinished, run.settings.horizon, run.seconds_per_step
        measured = len(run) * run.rates.size
        if run.settings.pruner == "racing":
            measured = sum(int(round.measured.sum()) for round in run.rounds)
        self._panel.progress = {
            "finished": measured * horizon,
            "current": run.steps_ahead + (0 if unfinished is None else int(unfinished.steps.sum())),
            "round": int(run.racing.sum()) * horizon,
            "seconds_per_step": seconds if math.isfinite(seconds) else None,
        }
        self._panel.workers = run.workers

    def show_unfinished(self, run: Run) -> None:
        """Show the unfinished round, unless it is over too soon to be seen."""
        unfinished = run.unfinished
        seconds = run.seconds_per_step * run.racing.sum() * run.settings.horizon
        seen = unfinished is not None and (len(run) == 0 or seconds > SEEN)
        self.chart.show_unfinished(unfinished.deltas if unfinished is not None and seen else None, alone=len(run) == 0)
        if len(run) == 0 and unfinished is not None:
            none = np.full_like(run.rates, np.nan)
            rows = np.array([unfinished.deltas, none, none, np.zeros_like(none), none])
            self._panel.table, self._panel.limits = rows.astype(np.float32).tobytes(), list(self.chart.limits)
            self._panel.curves = training_curves(unfinished.curves[np.newaxis], unfinished.steps[np.newaxis]).tobytes()
            self._panel.curves_of = f"Round 1, {unfinished.extent}"
        elif len(run) == 0:
            self._panel.table, self._panel.curves, self._panel.curves_of = b"", b"", ""

    def end_lesson(self) -> None:
        """End the explanation. From now on, the chart shows all rounds."""
        self.explained = True
        self._panel.lesson, self._panel.stage = {}, 0

    def show_summary(self, settings: Settings) -> None:
        """Show the choices of all rules, and the values that the pointer can read at each rate."""
        summed = (self._run, len(self._run), self._run.read_at, settings.alpha, settings.band)
        if summed == self._summed:
            return
        self._summed = summed
        # Read the results once, because another thread may add a round meanwhile.
        results = self._run.results
        assert results.measured is not None
        with self._panel.hold_sync():
            self._panel.choices = choices(results.rates, results.deltas)
            self._panel.table = table(results, shown_band(results.deltas, settings)).tobytes()
            self._panel.limits = list(self.chart.limits)
            self._panel.this_run = self._words()
            if results.curves is not None:
                # A continued run of version 1 begins with rounds without curves.
                known = np.isfinite(results.curves).any(axis=(1, 2))
                self._show_curves(results.curves[known], results.measured[known], words(results.measured[known]))
        self._show_details()

    def _show_curves(self, curves: Floats, measured: NDArray[np.bool_], of: str) -> None:
        self._panel.curves = training_curves(curves, measured * curves.shape[2]).tobytes()
        self._panel.curves_of = of

    def curve(self) -> Curve:
        """Return the rates and means of the current run."""
        run, deltas = self._run, self._run.deltas
        return run.rates, np.where(whole(run, deltas), BANDS["normal"](deltas, 0.05).mean, np.nan)

    def pin(self) -> None:
        """Pin the current curve, see `autolr_widget.widget.pins.pinned`."""
        self._show_pins(pinned(self._pins, self._words(), *self.curve()))

    def pin_look(self, words: str, results: TuneResults) -> None:
        """Pin the curve of a look during a training, in the place of that of the look before it."""
        others = [pin for pin in self._pins if pin.words != self._look or pin.name]
        self._look = words
        self._show_pins(pinned(others, words, results.rates, results.deltas[0]))

    def unpin(self, index: int) -> None:
        """Remove the pinned curve with this index."""
        self._show_pins([pin for i, pin in enumerate(self._pins) if i != index])

    def name_pin(self, letter: str, name: str) -> None:
        """Name the pinned curve with this letter. An empty name takes its name away."""
        self._show_pins([replace(pin, name=name.strip()[:40]) if pin.letter == letter else pin for pin in self._pins])

    def _on_view(self, _: Any) -> None:
        """Show the range to which the front end has zoomed, or the whole grid if that is not a valid range."""
        panel, view = self._panel, self._panel.view
        if panel.axis not in SCALES or not _is_range(view):
            panel.axis, panel.view = self._run.settings.scale, list(self.chart.ends)
        else:
            self.chart.show_axis(panel.axis, (view[0], view[1]))

    def _on_large(self, _: Any) -> None:
        self.chart.enlarge(self._panel.large)
        self._panel.margin = self.chart.figure.fig_margin
        self._on_view(None)

    def _show_details(self, _: Any = None) -> None:
        """Show what the user wants to see beside the curve: the curve of each round, and the histogram of one rate."""
        panel, results = self._panel, self._run.results
        deltas = results.deltas
        assert results.measured is not None
        shown = slice(None if panel.show_rounds else 0)
        self.chart.show_rounds(deltas[shown], results.measured[shown])
        column = deltas[:, panel.probed] if 0 <= panel.probed < deltas.shape[1] else deltas[:0, 0]
        column = np.clip(column[np.isfinite(column)], -1e30, 1e30)
        # Sturges' rule depends only on the number of values. With other rules, one extreme value would lead to millions
        # of bins.
        counts, edges = np.histogram(column, bins="sturges")
        panel.histogram = {"counts": counts.tolist(), "edges": edges.tolist()} if len(column) > 0 else {}

    def _on_stage(self, _: Any) -> None:
        panel, number = self._panel, self._panel.lesson.get("round", 0)
        # Of stages that follow each other quickly, the front end sends only the last.
        if panel.explain and STEPS <= panel.stage < STAGES and 0 < number <= len(self._run):
            round = self._run.rounds[number - 1]
            self._shows_one_round, self._summed = True, ()
            with panel.hold_sync():
                self._show_curves(round.curves[np.newaxis], round.measured[np.newaxis], f"Round {number}")
        elif self._shows_one_round if self.explained else not panel.explain or panel.stage >= STAGES:
            self.explained, self._shows_one_round = True, False
            self._on_explained()

    def _show_all(self) -> None:
        with self._panel.hold_sync():
            self._panel.subject = self._run.subject
            self._panel.rates = self._run.rates.tobytes()
            self._panel.full_view = list(self.chart.ends)
            self._panel.view = list(self.chart.ends)

    def _show_pins(self, pins: list[Pin]) -> None:
        self._pins = pins
        self.chart.show_pins(pins)
        self._panel.pins = [pin.shown for pin in pins]

    def _words(self) -> str:
        """Return a description of the current run that distinguishes it from other runs."""
        settings, rounds = self._run.settings, len(self._run)
        words = [self._run.optimizer, f"batches of {self._run.own_batch_size or settings.batch_size}"]
        steps = self._run.read_at or settings.horizon
        words += [f"{steps} step{'s' if steps > 1 else ''}"]
        words += [f"{rounds} round{'s' if rounds > 1 else ''}"]
        return " · ".join(words)


def _is_range(view: list[Any]) -> bool:
    return len(view) == 2 and all(type(end) in (int, float) for end in view) and 0 <= view[0] < view[1] <= 1e300
