"""A picture of some curves, drawn by bqplot, whose text is large."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import bqplot
import numpy as np
from matplotlib.ticker import MaxNLocator

from autolr_widget.widget.chart import decades

#: Three colors of Okabe and Ito have a contrast of 3:1 on white and on dark: blue is that of the widget's curve.
ORANGE, GREEN = "#d55e00", "#009e73"


def picture(
    marks: Sequence[bqplot.Mark],
    scales: dict[str, bqplot.Scale],
    names: tuple[str, str],
    *,
    last: float | None = None,
    layout: Mapping[str, str],
) -> bqplot.Figure:
    """Return a figure with two axes.

    Parameters
    ----------
    marks
        What is drawn.
    scales
        The scales ``"x"`` and ``"y"``, with their ends.
    names
        The names of the axes.
    last
        Where the ticks of the x-axis end, if that is not its end.
    layout
        The size of the picture, as for `ipywidgets.Layout`.
    """
    return bqplot.Figure(
        marks=[*marks],
        axes=[
            _axis(scales["x"], last, label=names[0]),
            _axis(scales["y"], None, label=names[1], orientation="vertical", label_offset="52px"),
        ],
        fig_margin={"top": 10, "bottom": 58, "left": 72, "right": 16},
        padding_x=0,
        padding_y=0,
        min_aspect_ratio=0.2,
        max_aspect_ratio=10,
        background_style={"fill": "none"},
        layout={"min_width": "0", "margin": "0", **layout},
    )


def _axis(scale: bqplot.Scale, last: float | None, **more: Any) -> bqplot.Axis:
    low, high = float(scale.min), float(scale.max) if last is None else last
    log = isinstance(scale, bqplot.LogScale)
    around = np.asarray(MaxNLocator(6, steps=[1, 2, 5, 10]).tick_values(low, high))
    ticks = decades(low, high, 6) if log else around[(around >= low) & (around <= high)]
    return bqplot.Axis(scale=scale, grid_lines="none", tick_values=ticks, tick_format=".0e" if log else "~g", **more)
