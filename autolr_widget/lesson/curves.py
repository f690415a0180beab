"""Some curves in one picture, with their names at their ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import bqplot
import numpy as np
from numpy.typing import ArrayLike

from autolr_widget.engine.types import Floats
from autolr_widget.lesson.look import Part
from autolr_widget.lesson.picture import GREEN, ORANGE, picture
from autolr_widget.widget.chart import CURVE

#: A color and a style for each curve.
STYLES = ((CURVE, "solid"), (ORANGE, "dashed"), (GREEN, "dash_dotted"), ("#cc79a7", "dotted"))
#: The share of the picture's width that the names take, and of its height that each of them needs.
FOR_NAMES, LINE = 0.22, 0.085


class Curves(Part):
    """Some curves in one picture.

    Parameters
    ----------
    lines
        The values of each curve, by its name. What is not finite, or too high, leaves the picture at the top.
    x
        The places of the values. By default, these are the numbers from 1.
    x_name, y_name
        The names of the axes.
    y_max
        The upper end of the picture. By default, it shows the curves up to a little above their beginnings.
    log
        Whether the x-axis is logarithmic.

    Raises
    ------
    ValueError
        If there are more curves than styles of lines, or a curve has another length than ``x``.
    """

    def __init__(
        self,
        lines: Mapping[str, ArrayLike],
        *,
        x: Sequence[float] | None = None,
        x_name: str = "training step",
        y_name: str = "loss",
        y_max: float | None = None,
        log: bool = False,
    ) -> None:
        values = {name: np.asarray(line, dtype=float) for name, line in lines.items()}
        sizes = {line.size for line in values.values()} | ({len(x)} if x is not None else set())
        if len(sizes) != 1 or len(values) > len(STYLES):
            raise ValueError(f"Argument `lines` must be at most {len(STYLES)} curves of one length. Received: {sizes}")
        places = np.arange(1.0, sizes.pop() + 1) if x is None else np.asarray(x, dtype=float)
        low, high = _limits(np.array([*values.values()]), y_max)
        first, last = float(places[0]), float(places[-1])
        end = _between(first, last, 1 / (1 - FOR_NAMES), log)
        horizontal = (bqplot.LogScale if log else bqplot.LinearScale)(min=first, max=end)
        scales = {"x": horizontal, "y": bqplot.LinearScale(min=low, max=high)}
        marks = [
            bqplot.Lines(
                x=places,
                # bqplot can draw neither infinity nor what is far outside of the picture.
                y=np.clip(np.where(np.isfinite(line), line, np.inf), low, high + (high - low)),
                scales=scales,
                colors=[color],
                line_style=style,
                stroke_width=3,
            )
            for line, (color, style) in zip(values.values(), STYLES, strict=False)
        ]
        ends = np.array([np.clip(line[-1] if np.isfinite(line[-1]) else np.inf, low, high) for line in values.values()])
        height = high - low
        at = apart(ends, low + LINE / 2 * height, high - LINE / 2 * height, LINE * height)
        # A piece of each line leads to its name: color alone does not tell everybody which it is.
        pieces = [_between(last, end, share, log) for share in (0.05, 0.25)]
        samples = [
            bqplot.Lines(x=pieces, y=[y, y], scales=scales, colors=[color], line_style=style, stroke_width=3)
            for y, (color, style) in zip(at, STYLES, strict=False)
        ]
        names = bqplot.Label(
            x=np.full(at.size, pieces[1]),
            y=at,
            text=[*values],
            scales=scales,
            colors=[color for color, _ in STYLES[: at.size]],
            default_size=18,
            font_weight="bold",
            x_offset=8,
        )
        size = {"height": "340px", "width": "100%"}
        self.figure = picture([*marks, *samples, names], scales, (x_name, y_name), last=last, layout=size)
        super().__init__(self.figure)


def _between(one: float, other: float, share: float, log: bool) -> float:
    """Return the place that is this share of the way from one to the other."""
    return one * (other / one) ** share if log else one + share * (other - one)


def apart(places: Floats, low: float, high: float, least: float) -> Floats:
    """Return places near these, in the same order, which are at least so far apart and between the ends.

    >>> apart(np.array([0.0, 0.1, 5.0]), 0.0, 10.0, 1.0).tolist()
    [0.0, 1.0, 5.0]
    """
    order = np.argsort(places, kind="stable")
    steps = least * np.arange(places.size)
    # Places that are apart enough do not fall when these steps are taken off.
    level = np.maximum.accumulate(np.clip(places[order], low, high) - steps)
    result = np.empty_like(level)
    result[order] = np.minimum(level, high - steps[-1]) + steps
    return result


def _limits(values: Floats, y_max: float | None) -> tuple[float, float]:
    """Return the ends of the y-axis: from the lowest value to a little above the highest first one."""
    low = float(np.nanmin(np.where(np.isfinite(values), values, np.nan)))
    first = values[:, 0]
    high = float(first[np.isfinite(first)].max()) if y_max is None else y_max
    margin = 0.08 * (high - low) or 1.0
    return min(0.0, low - margin) if low < 0 else 0.0, high + (margin if y_max is None else 0)
