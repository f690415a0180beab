"""The picture: mean loss differential, its band, the zero line, the chosen rate, and what the other rules choose."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import bqplot
import numpy as np
from numpy.typing import NDArray

from autolr_widget.engine.band import Band

Floats = NDArray[np.float64]

#: Okabe and Ito's colour-blind-safe blue and vermilion; both reach 3:1 on white and on JupyterLab's dark surface.
CURVE = "#0c7bdc"
CHOICE = "#d55e00"
NEUTRAL = "#808080"

#: Share of the axis within which two rules share a mark.
CLOSE = 0.025
#: Letters of rules' names that one mark has room for.
LISTED = 36


class Chart:
    """A `bqplot.Figure` whose marks never change in number, because bqplot leaves removed ones on the screen.

    Parameters
    ----------
    on_click
        Called with the learning rate where the chart was clicked.
    """

    def __init__(self, rates: Floats, axis: str, on_click: Callable[[float], None]) -> None:
        self._on_click = on_click
        y = bqplot.LinearScale()
        # Two axes, one of them visible: one axis given another scale goes on drawing the old one (bqplot 0.12.47).
        self._x = {"log": bqplot.LogScale(), "linear": bqplot.LinearScale()}
        self._x_axes = {
            name: bqplot.Axis(
                scale=scale, label="learning rate", grid_lines="none", label_offset="34px", tick_format=tick_format
            )
            for (name, scale), tick_format in zip(self._x.items(), (".0e", None), strict=True)
        }
        blue = {"colors": [CURVE], "visible": False}
        self._mean = _lines(y, stroke_width=2.5, **blue)
        self._band = _lines(y, fill="between", fill_colors=[CURVE], fill_opacities=[0.35] * 2, opacities=[0], **blue)
        self._zero = _lines(y, colors=[NEUTRAL], line_style="dashed", stroke_width=1)
        # Behind the mean of the rates that still race, the mean of all, faint. The same but for a race.
        self._dropped = _lines(y, stroke_width=1.5, opacities=[0.5], **blue)
        # The run before `refine`.
        self._before = bqplot.Scatter(
            x=[1.0], y=[0.0], scales=_scales(y), colors=[NEUTRAL], default_size=24, visible=False
        )
        # A y-scale of its own, from 0 to 1: the line spans the plot whatever the curve does.
        span = bqplot.LinearScale(min=0, max=1)
        self._choice = _lines(span, colors=[CHOICE], stroke_width=2, visible=False)
        self._interval = _lines(span, fill="between", fill_colors=[CHOICE], fill_opacities=[0.15] * 2, opacities=[0])
        self._interval.visible = False
        ticks = {"x": [1.0], "y": [0.0], "scales": _scales(span), "colors": [NEUTRAL], "visible": False}
        self._rules = bqplot.Scatter(marker="triangle-down", default_size=36, **ticks)
        self._names = bqplot.Label(
            text=[""],
            align="end",
            x_offset=4,
            y_offset=12,
            rotate_angle=-90,
            default_size=11,
            font_weight="normal",
            **ticks,
        )
        # "add" appends a point where the plot is clicked: that is how bqplot tells the place of a click.
        self._clicks = bqplot.Scatter(
            x=[1.0], y=[0.0], scales=_scales(y), interactions={"click": "add"}, colors=["transparent"]
        )
        self._clicks.observe(self._clicked, names="x")
        self._y = y
        y_axis = bqplot.Axis(
            scale=y, orientation="vertical", label="change in loss", grid_lines="none", label_offset="52px"
        )
        self.figure = bqplot.Figure(
            marks=[
                *(self._interval, self._band, self._zero, self._before, self._dropped, self._mean, self._choice),
                *(self._rules, self._names, self._clicks),
            ],
            axes=[*self._x_axes.values(), y_axis],
            fig_margin={"top": 12, "bottom": 50, "left": 68, "right": 16},
            min_aspect_ratio=0.2,
            max_aspect_ratio=10,
            background_style={"fill": "none"},
        )
        # Its own margin would make it wider than the widget.
        self.figure.layout = {"width": "100%", "height": "320px", "min_width": "0", "margin": "0"}
        self.show_grid(rates, axis)

    def show_grid(self, rates: Floats, axis: str, before: tuple[Floats, Floats] | None = None) -> None:
        """Lay the x-axis, ``"log"`` or ``"linear"``, under the learning rates of a run, and remove the curve.

        ``before`` are the rates and means of the run that this one refines: they stay in the picture, as points.
        """
        self._rates = rates
        self._ends = rates[[0, -1]] if before is None else before[0][[0, -1]]
        for mark in (self._mean, self._band, self._dropped, self._interval, self._rules, self._names):
            mark.visible = False
        with self._before.hold_sync():
            self._before.visible = before is not None
            if before is not None:
                seen = np.isfinite(before[1])
                self._before.x, self._before.y = before[0][seen], np.clip(before[1][seen], -1e30, 1e30)
        with self._zero.hold_sync():
            self._zero.x, self._zero.y = self._ends, np.zeros(2)
        self._limit_y(-1.0, 1.0)
        self.show_axis(axis)

    def show_axis(self, axis: str) -> None:
        """Show the same curve on a ``"log"`` or ``"linear"`` x-axis."""
        first, last = map(float, self._ends)
        # Zero has no place on a log axis; a linear grid may begin there.
        self.is_log = axis == "log" and first > 0
        shown = "log" if self.is_log else "linear"
        with self._x[shown].hold_sync():
            self._x[shown].min, self._x[shown].max = first, last
        if self.is_log:
            # bqplot's own log ticks overlap on a narrow screen.
            self._x_axes["log"].tick_values = decades(first, last)
        for name, x_axis in self._x_axes.items():
            x_axis.visible = name == shown
        for mark in self.figure.marks:
            if mark.scales["x"] is not self._x[shown]:
                mark.scales = {**mark.scales, "x": self._x[shown]}

    def draw(self, band: Band, racing: NDArray[np.bool_]) -> None:
        """Show the statistics of the rounds so far; a rate that has diverged in every round is left out.

        The rates that are no longer ``racing`` are faint.
        """
        seen = np.isfinite(band.mean)
        self._mean.visible = bool(seen.any())
        self._dropped.visible = bool(seen.any() and not racing.all())
        if not seen.any():
            self._band.visible = False
            return
        shown, lines = seen, [(self._mean, band.mean, seen)]
        if self._dropped.visible:
            # bqplot draws no gaps: from the first that races to the last, and two points at least.
            points = np.flatnonzero(seen)
            places = np.flatnonzero(racing[points]) if racing[points].any() else np.arange(points.size)
            first = max(0, min(places[0], places[-1] - 1))
            shown = np.zeros_like(seen)
            shown[points[first : max(places[-1], first + 1) + 1]] = True
            lines = [(self._mean, band.mean, shown), (self._dropped, band.mean, seen)]
        # A rate of too few rounds has no band yet, and one point makes no line.
        banded = seen & np.isfinite(band.lower)
        self._band.visible = bool((shown & banded).sum() > 1)
        if self._band.visible:
            lines.append((self._band, np.stack([band.lower, band.upper]), shown & banded))
        for mark, y, some in lines:
            with mark.hold_sync():
                # Half the bytes, and as exact as a screen; what that format can't hold is far outside of the picture.
                mark.x, mark.y = self._rates[some], np.clip(y[..., some], -1e30, 1e30).astype(np.float32)
        lower, upper = (np.where(banded, edge, band.mean)[seen] for edge in (band.lower, band.upper))
        self._limit_y(*y_limits(band.mean[seen], lower, upper))

    def show_rules(self, choices: dict[str, float]) -> None:
        """Mark what each rule chooses, with its name; those that choose nearly the same share a mark."""
        first, last = map(float, self._ends)
        place = np.log if self.is_log else float
        named: list[tuple[float, list[str]]] = []
        for name, rate in sorted(choices.items(), key=lambda item: item[1]):
            if not first <= rate <= last:
                continue
            if named and place(rate) - place(named[-1][0]) < CLOSE * (place(last) - place(first)):
                named[-1][1].append(name)
            else:
                named.append((rate, [name]))
        for mark in (self._rules, self._names):
            with mark.hold_sync():
                mark.visible = bool(named)
                if named:
                    mark.x, mark.y = np.array([rate for rate, _ in named]), np.ones(len(named))
        if named:
            self._names.text = [_listed(names) for _, names in named]

    def show_interval(self, ends: tuple[float, float] | None) -> None:
        """Shade the interval of the chosen rate, or nothing."""
        with self._interval.hold_sync():
            self._interval.visible = ends is not None and ends[0] < ends[1]
            if self._interval.visible:
                self._interval.x, self._interval.y = np.array(ends), np.array([[0.0, 0.0], [1.0, 1.0]])

    def select(self, rate: float | None) -> None:
        """Put the marker at ``rate``, or take it away."""
        with self._choice.hold_sync():
            self._choice.visible = rate is not None
            if rate is not None:
                self._choice.x, self._choice.y = np.array([rate, rate]), np.array([0.0, 1.0])

    def _limit_y(self, lower: float, upper: float) -> None:
        with self._y.hold_sync():
            self._y.min, self._y.max = lower, upper

    def _clicked(self, change: dict[str, Floats]) -> None:
        if len(change["new"]) < 2:
            return
        clicked = float(change["new"][-1])
        with self._clicks.hold_sync():
            self._clicks.x, self._clicks.y = self._ends[:1], np.zeros(1)
        self._on_click(clicked)


def _scales(y: bqplot.Scale) -> dict[str, bqplot.Scale]:
    return {"x": bqplot.LinearScale(), "y": y}


def _lines(y: bqplot.Scale, **style: Any) -> bqplot.Lines:
    # Points that any axis can show: bqplot can't draw an empty or a constant line, nor 0 on a log axis.
    return bqplot.Lines(x=[1.0, 2.0], y=[0.0, 1.0], scales=_scales(y), **style)


def _listed(names: list[str]) -> str:
    """The names, as many as the chart is high for, and how many more there are."""
    shown = names[:1]
    while len(shown) < len(names) and len(", ".join([*shown, names[len(shown)]])) <= LISTED:
        shown.append(names[len(shown)])
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" +{more}" if more else "")


def y_limits(mean: Floats, lower: Floats, upper: Floats) -> tuple[float, float]:
    """Limits that show the dip: the lowest mean with its band, and above 0 as much as the dip is deep.

    Rates that are far too large raise the loss by orders of magnitude, and their bands reach as far down. The curve
    leaves the picture there. The limits are round numbers, so that the axis stands still from one round to the next.
    """
    dip = min(float(mean.min()), 0.0)
    seen = mean <= (-dip or np.inf)
    bottom = min(dip, max(float(lower[seen].min()), 1.5 * dip))
    top = max(float(upper[seen].max()), 0.0)
    if bottom < 0:
        top = min(top, -bottom)
    margin = 0.08 * (top - bottom) or 1.0
    unit = 10.0 ** math.floor(math.log10(margin))
    return math.floor((bottom - margin) / unit) * unit, math.ceil((top + margin) / unit) * unit


def decades(first: float, last: float) -> Floats:
    """Round numbers from ``first`` to ``last``: powers of ten, and others where there is room; 6 at most.

    >>> decades(1e-6, 1.0).tolist()
    [1e-06, 0.0001, 0.01, 1.0]
    >>> decades(0.1, 1.0).tolist()
    [0.1, 0.2, 0.5, 1.0]
    """
    # The rounding lets 1e-6 count as a power of ten, whatever its last bit.
    low, high = math.ceil(round(math.log10(first), 9)), math.floor(round(math.log10(last), 9))
    for multiples in ((1, 2, 5), (1, 3)):
        ticks = [m * 10.0**e for e in range(low - 1, high + 1) for m in multiples]
        inside = [tick for tick in ticks if first * (1 - 1e-9) <= tick <= last * (1 + 1e-9)]
        if 2 <= len(inside) <= 6:
            return np.array(inside)
    if high <= low:
        return np.array([first, last])
    stride = math.ceil((high - low + 1) / 6)
    return np.float64(10) ** np.arange(low, high + 1, stride)
