"""The chart: the mean loss differential, its band, the zero line, and the curves to compare with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import bqplot
import numpy as np
from numpy.typing import NDArray

from autolr_widget.engine.reading.band import Band
from autolr_widget.engine.types import Floats
from autolr_widget.widget.curve import edges, lines_of, racing_part, y_limits
from autolr_widget.widget.pins import COLORS, Pin

#: The blue has a contrast of at least 3:1 on white and on JupyterLab's dark background.
CURVE = "#0c7bdc"
NEUTRAL = "#808080"

#: The distances in pixels from the edges of the figure to the plot. The front end draws its part on top of the plot.
MARGIN = {"top": 12, "bottom": 50, "left": 68, "right": 16}
#: How much larger everything is in large print. It is `--autolr-px` in the style sheet.
LARGE = 1.35
#: The height of the figure in pixels, and in large print. It is `--autolr-figure-height` in the style sheet.
HEIGHT, LARGE_HEIGHT = 320, 300


class Chart:
    """The chart, drawn by bqplot. Everything interactive and all text are drawn on top of it by the front end.

    The number of marks never changes, because bqplot leaves removed marks on the screen.

    Parameters
    ----------
    rates
        The learning rates of the first run, shape ``(num_evals,)``.
    axis
        ``"log"`` or ``"linear"``.

    Attributes
    ----------
    figure
        The `bqplot.Figure`.
    limits
        The two ends of the y-axis.
    is_log
        Whether the visible x-axis is logarithmic.
    """

    def __init__(self, rates: Floats, axis: str) -> None:
        y = bqplot.LinearScale()
        # There are two x-axes, one of them visible: an axis that is given another scale still draws the old one (bqplot
        # 0.12.47).
        self._x = {"log": bqplot.LogScale(), "linear": bqplot.LinearScale()}
        self._x_axes = {
            name: bqplot.Axis(scale=scale, label="learning rate", grid_lines="none", tick_format=tick_format)
            for (name, scale), tick_format in zip(self._x.items(), (".0e", None), strict=True)
        }
        # All marks begin with this scale: a scale that a mark is made with and then loses would never be closed.
        scales = {"x": self._x["linear"], "y": y}
        blue = {"colors": [CURVE], "visible": False}
        # One mark has three lines, the lower and upper edge of the band and the mean, so that a round needs one message
        # instead of two. bqplot fills the area from each line to the next; only the first area is visible.
        self._curve = _lines(
            scales,
            stroke_width=2.5,
            opacities=[0, 0, 1],
            fill="between",
            fill_colors=[CURVE] * 3,
            fill_opacities=[0.35, 0, 0],
            **blue,
        )
        self._zero = _lines(scales, colors=[NEUTRAL], line_style="dashed", stroke_width=1)
        # In a race, the faint mean of all rates is behind the mean of the rates that still race.
        self._dropped = _lines(scales, stroke_width=1.5, opacities=[0.5], **blue)
        self._rounds = _lines(scales, stroke_width=1, opacities=[0.3], **blue)
        self._unfinished = _lines(scales, stroke_width=2, opacities=[0.6], line_style="dashed", **blue)
        # The curve of the run that `refine` started from. It is not a Scatter, for which bqplot would leave room at the
        # edges of the plot, so that the front end could not place points on the curve.
        self._before = _lines(scales, colors=[NEUTRAL], line_style="dotted", stroke_width=2, visible=False)
        self._pins = _lines(scales, colors=[COLORS["A"]], stroke_width=2, visible=False)
        self._dips = np.empty((0, 2))
        self._y = y
        self._y_axis = bqplot.Axis(scale=y, orientation="vertical", label="change in loss", grid_lines="none")
        self.figure = bqplot.Figure(
            marks=[
                self._rounds,
                self._zero,
                self._before,
                self._pins,
                self._dropped,
                self._unfinished,
                self._curve,
            ],
            axes=[*self._x_axes.values(), self._y_axis],
            # The limits of the y-axis are the edges of the plot, so that the front end can place points on the curve.
            padding_y=0,
            min_aspect_ratio=0.2,
            max_aspect_ratio=10,
            background_style={"fill": "none"},
            # ipywidgets' default margin would make the figure wider than the widget.
            layout={"width": "100%", "min_width": "0", "margin": "0"},
        )
        self.figure.add_class("autolr-chart")
        self._stroke_widths = [mark.stroke_width for mark in self.figure.marks]
        self.enlarge(large=False)
        self.show_grid(rates, axis)

    def enlarge(self, large: bool) -> None:
        """Set the sizes for large or for normal print. From the next `show_axis` on, there are as many ticks as fit."""
        times = LARGE if large else 1.0
        self._most_ticks = 4 if large else 6
        self.figure.layout.height = f"{LARGE_HEIGHT if large else HEIGHT}px"
        self.figure.fig_margin = {side: round(times * pixels) for side, pixels in MARGIN.items()}
        for x_axis in self._x_axes.values():
            x_axis.label_offset = f"{34 * times:.0f}px"
        self._y_axis.label_offset = f"{52 * times:.0f}px"
        for mark, width in zip(self.figure.marks, self._stroke_widths, strict=True):
            mark.stroke_width = times * width

    def show_grid(self, rates: Floats, axis: str, before: tuple[Floats, Floats] | None = None) -> None:
        """Show the empty grid of a new run.

        Parameters
        ----------
        rates
            The learning rates, shape ``(num_evals,)``.
        axis
            ``"log"`` or ``"linear"``.
        before
            Rates and means of the run that the new run refines. They stay in the chart as a dotted line.
        """
        self._rates = rates
        both = rates if before is None else np.concatenate([rates, before[0]])
        self._ends = np.array([both.min(), both.max()])
        for mark in (self._curve, self._dropped, self._rounds, self._unfinished):
            mark.visible = False
        seen = np.zeros(0, dtype=bool) if before is None else np.isfinite(before[1])
        with self._before.hold_sync():
            # bqplot can't draw a line of one point.
            self._before.visible = int(seen.sum()) > 1
            if before is not None and self._before.visible:
                self._before.x, self._before.y = before[0][seen], np.clip(before[1][seen], -1e30, 1e30)
        with self._zero.hold_sync():
            self._zero.x, self._zero.y = self._ends, np.zeros(2)
        self._fit_y(*np.empty((3, 0)))
        self.show_axis(axis, self.ends)

    @property
    def ends(self) -> tuple[float, float]:
        """The ends of the x-axis when it shows everything: the whole grid, and the grid before `refine` or `widen`."""
        first, last = map(float, self._ends)
        return first, last

    def show_axis(self, axis: str, view: tuple[float, float]) -> None:
        """Show the same curve on a ``"log"`` or ``"linear"`` x-axis with the two ends ``view``."""
        first, last = view
        # A linear grid may begin at 0, which a log axis can't show.
        self.is_log = axis == "log" and min(first, self.ends[0]) > 0
        shown = "log" if self.is_log else "linear"
        with self._x[shown].hold_sync():
            self._x[shown].min, self._x[shown].max = first, last
        if self.is_log:
            # The ticks that bqplot chooses overlap on a narrow screen.
            ticks = decades(first, last, self._most_ticks)
            self._x_axes["log"].tick_values = ticks
            round_numbers = all(f"{tick:.0e}" == f"{tick:.2e}".replace(".00", "") for tick in ticks)
            self._x_axes["log"].tick_format = ".0e" if round_numbers else ".3~g"
        for name, x_axis in self._x_axes.items():
            x_axis.visible = name == shown
        for mark in self.figure.marks:
            if mark.scales["x"] is not self._x[shown]:
                mark.scales = {**mark.scales, "x": self._x[shown]}

    def show_band(self, band: Band, racing: NDArray[np.bool_], whole: NDArray[np.bool_]) -> None:
        """Show the statistics of the rounds so far.

        Parameters
        ----------
        band
            The means and their confidence band.
        racing
            Which rates still race, as booleans of shape ``(num_evals,)``. The others are faint.
        whole
            Which rates have diverged in no round. The others are left out: the mean over the rounds in which a rate did
            not diverge looks better than the rate is.
        """
        seen = np.isfinite(band.mean) & whole
        self._curve.visible = bool(seen.any())
        self._dropped.visible = bool(seen.any() and not racing.all())
        if not seen.any():
            return
        shown = seen
        if self._dropped.visible:
            shown = racing_part(seen, racing)
            self._move(self._dropped, band.mean, seen)
        lower, upper = edges(band)
        self._fit_y(band.mean[seen], lower[seen], upper[seen])
        self._draw(self._curve, *lines_of(self._rates, band, shown, self.limits[1]))

    def show_unfinished(self, deltas: Floats | None, alone: bool) -> None:
        """Show the differentials of the unfinished round, shape ``(num_evals,)``, or no such curve.

        If it is ``alone`` in the chart, the y-axis fits it.
        """
        seen = np.zeros_like(self._rates, dtype=bool) if deltas is None else np.isfinite(deltas)
        # bqplot can't draw a line of one point.
        self._unfinished.visible = int(seen.sum()) > 1
        if deltas is None or not seen.any():
            return
        if self._unfinished.visible:
            self._move(self._unfinished, deltas, seen)
        if alone:
            self._fit_y(deltas[seen], deltas[seen], deltas[seen])

    def _move(self, mark: bqplot.Lines, y: Floats, some: NDArray[np.bool_]) -> None:
        self._draw(mark, self._rates[some], y[..., some])

    def _draw(self, mark: bqplot.Lines, x: Floats, y: Floats) -> None:
        with mark.hold_sync():
            # float32 takes half the bytes and is exact enough for a screen. The values that are clipped, because
            # float32 can't hold them, are far outside of the chart.
            mark.x, mark.y = x, np.clip(y, -1e30, 1e30).astype(np.float32)

    def show_rounds(self, deltas: Floats, measured: NDArray[np.bool_]) -> None:
        """Draw a faint curve for each round. Without rounds, remove these curves.

        Parameters
        ----------
        deltas
            Loss differentials of the rounds to draw, shape ``(rounds, num_evals)``.
        measured
            Which of them were measured, in the same shape.
        """
        # The line goes out of the chart at the top where a rate diverged, and has a gap where it was not measured.
        y = np.clip(np.where(np.isfinite(deltas), deltas, np.where(measured, np.inf, np.nan)), -1e30, 1e30)
        with self._rounds.hold_sync():
            self._rounds.visible = len(y) > 0
            if len(y) > 0:
                self._rounds.x, self._rounds.y = self._rates, y.astype(np.float32)

    def show_pins(self, pins: Sequence[Pin]) -> None:
        """Show these pinned curves, and no others. From the next curve on, the y-axis contains their lowest points."""
        self._dips = np.array([pin.lowest for pin in pins]).reshape(-1, 2)
        seen = [(pin.rates[np.isfinite(pin.mean)], pin.mean[np.isfinite(pin.mean)]) for pin in pins]
        # All lines of a mark must have the same number of points, so short lines repeat their last point.
        most = max((len(rates) for rates, _ in seen), default=0)
        with self._pins.hold_sync():
            self._pins.visible = bool(pins)
            if pins:
                self._pins.colors = [COLORS[pin.letter] for pin in pins]
                self._pins.x, self._pins.y = (
                    np.array([np.pad(line[which], (0, most - len(line[which])), "edge") for line in seen])
                    for which in (0, 1)
                )
        # bqplot styles a new line only when the style changes.
        self._pins.line_style = "solid"
        self._pins.line_style = "dash_dotted"

    def _fit_y(self, mean: Floats, lower: Floats, upper: Floats) -> None:
        """Let the y-axis fit a curve and the lowest points of the pinned ones, if these are on the x-axis."""
        rates, changes = self._dips.T
        inside = changes[(rates >= self._ends[0]) & (rates <= self._ends[1])]
        values = [np.append(one, inside) for one in (mean, lower, upper)]
        self._limit_y(*(y_limits(*values) if values[0].size > 0 else (-1.0, 1.0)))

    def _limit_y(self, lower: float, upper: float) -> None:
        self.limits = lower, upper
        with self._y.hold_sync():
            self._y.min, self._y.max = lower, upper


def _lines(scales: dict[str, bqplot.Scale], **style: Any) -> bqplot.Lines:
    # Begin with points that every axis can show: bqplot can't draw an empty or a constant line, or 0 on a log axis.
    return bqplot.Lines(x=[1.0, 2.0], y=[0.0, 1.0], scales=scales, **style)


def decades(first: float, last: float, most: int) -> Floats:
    """Return at most ``most`` ticks from ``first`` to ``last``: powers of ten, and more round numbers if there is room.

    >>> decades(1e-6, 1.0, 6).tolist()
    [1e-06, 0.0001, 0.01, 1.0]
    >>> decades(0.1, 1.0, 6).tolist()
    [0.1, 0.2, 0.5, 1.0]
    """
    # Round the logarithms, so that 1e-6 counts as a power of ten even if its last bit is off.
    low, high = math.ceil(round(math.log10(first), 9)), math.floor(round(math.log10(last), 9))
    for multiples in ((1, 2, 5), (1, 3)):
        ticks = [m * 10.0**e for e in range(low - 1, high + 1) for m in multiples]
        inside = [tick for tick in ticks if first * (1 - 1e-9) <= tick <= last * (1 + 1e-9)]
        if 2 <= len(inside) <= most:
            return np.array(inside)
    if high <= low:
        return np.array([first, last])
    stride = math.ceil((high - low + 1) / most)
    return np.float64(10) ** np.arange(low, high + 1, stride)
