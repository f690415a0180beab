"""How a run is shown: its curve, what can be read from it, what it is compared with, and a round explained."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autolr_widget.engine.grid import SCALES
from autolr_widget.engine.reading.band import BANDS
from autolr_widget.engine.reading.selection import choices
from autolr_widget.engine.runs.run import Run
from autolr_widget.engine.settings import Settings
from autolr_widget.engine.types import Floats
from autolr_widget.widget.chart import PINS, Chart
from autolr_widget.widget.lesson import STAGES, lesson
from autolr_widget.widget.panel import Panel

#: Learning rates and their means.
Curve = tuple[Floats, Floats]


class View:
    """The chart, and the panel's part of the picture.

    Parameters
    ----------
    run
        The run to begin with.
    panel
        What lies over the chart and around it.
    on_explained
        Called when the explanation of a round has got to the chart, which has waited for it.
    """

    def __init__(self, run: Run, panel: Panel, on_explained: Callable[[], None]) -> None:
        self._run = run
        self._panel = panel
        self._on_explained = on_explained
        #: What the last summary was made of.
        self._summed: tuple[object, ...] = ()
        self._pins: list[tuple[str, Curve]] = []
        #: The curve of a run that the next one refines.
        self.before: Curve | None = None
        #: False while a round is being explained that the chart does not show yet.
        self.explained = True
        panel.axis = run.settings.scale
        self.chart = Chart(run.rates, panel.axis)
        self._show_all()
        panel.observe(self._on_view, names=["view", "axis"])
        panel.observe(self._show_details, names=["show_rounds", "probed"])
        panel.observe(self._on_stage, names=["explain", "stage"])

    def show_rounds(self, run: Run, settings: Settings) -> bool:
        """Show the rounds so far, or begin to explain the last of them; returns whether the chart shows it."""
        if run is not self._run:
            self._run = run
            self.chart.show_grid(run.rates, self._panel.axis, self.before)
            self.before = None
            with self._panel.hold_sync():
                self._panel.choices, self._panel.table, self._panel.histogram, self._panel.this_run = {}, b"", {}, ""
                self._panel.lesson, self._panel.stage, self._panel.limits = {}, 0, list(self.chart.limits)
            self._show_all()
        if not self.explained and len(run) > 0:
            if self._panel.lesson.get("round") != len(run):
                self._panel.lesson, self._panel.stage = lesson(run), 1
            return False
        self.chart.show_band(BANDS[settings.band](run.deltas, settings.alpha), run.racing)
        return True

    def end_lesson(self) -> None:
        """Let the chart show all rounds from now on."""
        self.explained = True
        self._panel.lesson, self._panel.stage = {}, 0

    def show_summary(self, settings: Settings) -> None:
        """Show what all rules choose, and what the pointer can read at each rate."""
        summed = (self._run, len(self._run), settings.alpha, settings.band)
        if summed == self._summed:
            return
        self._summed = summed
        # Once: another thread may be adding a round.
        results = self._run.results
        band = BANDS[settings.band](results.deltas, settings.alpha)
        assert results.measured is not None
        diverged = results.measured.sum(axis=0) - band.count
        table = np.array([band.mean, band.lower, band.upper, band.count, diverged])
        with self._panel.hold_sync():
            self._panel.choices = choices(results.rates, results.deltas)
            self._panel.table = table.astype(np.float32).tobytes()
            self._panel.limits = list(self.chart.limits)
            self._panel.this_run = self._words()
        self._show_details()

    def curve(self) -> Curve:
        """The rates and means of the current run."""
        return self._run.rates, BANDS["normal"](self._run.deltas, 0.05).mean

    def pin(self) -> None:
        """Keep the current curve for comparison; the last few pinned curves stay."""
        self._show_pins([*self._pins, (self._words(), self.curve())][-len(PINS) :])

    def unpin(self, index: int) -> None:
        """Take one of them away."""
        self._show_pins([run for i, run in enumerate(self._pins) if i != index])

    def _on_view(self, _: Any) -> None:
        """Show what the front end has zoomed to, or everything if that is not a range."""
        panel, view = self._panel, self._panel.view
        if panel.axis not in SCALES or not _is_range(view):
            panel.axis, panel.view = self._run.settings.scale, list(self.chart.ends)
        else:
            self.chart.show_axis(panel.axis, (view[0], view[1]))

    def _show_details(self, _: Any = None) -> None:
        """Show what was asked for beside the curve: each round's own, and the rounds of one rate."""
        panel, results = self._panel, self._run.results
        deltas = results.deltas
        assert results.measured is not None
        shown = slice(None if panel.show_rounds else 0)
        self.chart.show_rounds(deltas[shown], results.measured[shown])
        column = deltas[:, panel.probed] if 0 <= panel.probed < deltas.shape[1] else deltas[:0, 0]
        column = np.clip(column[np.isfinite(column)], -1e30, 1e30)
        # By their number alone: a rate that blew up once would ask for millions of bins.
        counts, edges = np.histogram(column, bins="sturges")
        panel.histogram = {"counts": counts.tolist(), "edges": edges.tolist()} if len(column) > 0 else {}

    def _on_stage(self, _: Any) -> None:
        if not self.explained and not (self._panel.explain and self._panel.stage < STAGES):
            self.explained = True
            self._on_explained()

    def _show_all(self) -> None:
        with self._panel.hold_sync():
            self._panel.rates = self._run.rates.tobytes()
            self._panel.full_view = list(self.chart.ends)
            self._panel.view = list(self.chart.ends)

    def _show_pins(self, runs: list[tuple[str, Curve]]) -> None:
        self._pins = runs
        self.chart.show_pins([curve for _, curve in runs])
        self._panel.pins = [{"words": words, **_lowest(curve)} for words, curve in runs]

    def _words(self) -> str:
        """The current run, in words that distinguish it from others."""
        settings, rounds = self._run.settings, len(self._run)
        words = [self._run.optimizer, f"batches of {settings.batch_size}"]
        words += [f"{settings.horizon} step{'s' if settings.horizon > 1 else ''}"]
        words += [f"{rounds} round{'s' if rounds > 1 else ''}"]
        return " · ".join(words)


def _lowest(curve: Curve) -> dict[str, float]:
    rates, mean = curve
    if not np.isfinite(mean).any():
        return {}
    lowest = int(np.nanargmin(mean))
    return {"rate": float(rates[lowest]), "change": float(mean[lowest])}


def _is_range(view: list[Any]) -> bool:
    return len(view) == 2 and all(type(end) in (int, float) for end in view) and 0 <= view[0] < view[1] <= 1e300
