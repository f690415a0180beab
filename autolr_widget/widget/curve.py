"""The lines and the numbers of a curve on the screen, from the rounds of a run."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from autolr_widget.engine.reading.band import BANDS, Band
from autolr_widget.engine.reading.parabola import dip
from autolr_widget.engine.reading.results import TuneResults
from autolr_widget.engine.runs.run import Run
from autolr_widget.engine.settings import Settings
from autolr_widget.engine.types import Floats


def shown_band(deltas: Floats, settings: Settings) -> Band:
    """Return the band to show. Of two rounds, only Student's is as often right as it says, see ``docs/bands.md``."""
    band = BANDS[settings.band](deltas, settings.alpha)
    if len(deltas) > 2 or settings.band not in ("normal", "bootstrap"):
        return band
    none = np.full_like(band.mean, np.nan)
    return replace(band, lower=none, upper=none)


def whole(run: Run, deltas: Floats) -> NDArray[np.bool_]:
    """Return which rates have diverged in none of the rounds of ``deltas``, shape ``(num_evals,)``."""
    finite: NDArray[np.bool_] = np.isfinite(deltas)
    if run.settings.pruner == "racing":
        # A rate that dropped out was not measured in later rounds. Another thread may add a round meanwhile.
        measured = [round.measured for round in run.rounds[: len(deltas)]]
        finite |= ~np.array(measured, dtype=bool).reshape(deltas.shape)
    return np.asarray(finite.all(axis=0))


def table(results: TuneResults, band: Band) -> NDArray[np.float32]:
    """Return the numbers that the pointer can read at each rate, as the panel's trait `table` has them."""
    assert results.measured is not None
    diverged = results.measured.sum(axis=0) - band.count
    lines = np.where(diverged > 0, np.nan, [band.mean, band.lower, band.upper])
    # What float32 can't hold is infinite.
    with np.errstate(over="ignore"):
        return np.array([*lines, band.count, diverged]).astype(np.float32)


def racing_part(seen: NDArray[np.bool_], racing: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which of the rates that are ``seen`` the line of the mean connects in a race.

    The line must have no gaps: these are all rates from the first to the last that race, and at least two.
    """
    points = np.flatnonzero(seen)
    places = np.flatnonzero(racing[points]) if racing[points].any() else np.arange(points.size)
    first = max(0, min(places[0], places[-1] - 1))
    shown = np.zeros_like(seen)
    shown[points[first : max(places[-1], first + 1) + 1]] = True
    return shown


def edges(band: Band) -> tuple[Floats, Floats]:
    """Return the edges of the band. A rate with too few rounds has no band yet: they are equal to the mean there."""
    lower, upper = np.where(np.isfinite(band.lower), [band.lower, band.upper], band.mean)
    return lower, upper


def lines_of(rates: Floats, band: Band, shown: NDArray[np.bool_], top: float) -> tuple[Floats, Floats]:
    """Return what is drawn of the rates that are ``shown``, in a chart that ends at ``top``.

    Returns
    -------
    rates, lines
        The learning rates of the points, increasing, shape ``(points,)``. The lower and the upper edge of the band, and
        the mean, shape ``(3, points)``. The edges are NaN where there is no band.
    """
    # Above the chart, the bands of exploding rates would fill it from top to bottom.
    banded = np.isfinite(band.lower) & (band.mean <= top)
    # bqplot leaves a gap at NaN, but it can't draw a line that consists of gaps only: then the edges are the mean.
    gap = np.nan if (shown & banded).any() else band.mean
    rates, lines = rates[shown], np.vstack([np.where(banded, [band.lower, band.upper], gap), band.mean])[:, shown]
    # bqplot places an invisible label at the end of each line, and reports an error if there is none.
    lines[:2, -1] = np.where(np.isnan(lines[:2, -1]), lines[2, -1], lines[:2, -1])
    between, curve = dip(rates, lines[2])
    # The mean is the parabola that the rule reads, and the band keeps its width along it.
    places, widths = np.log(rates[rates > 0]), (lines[:2] - lines[2])[:, rates > 0]
    more = [curve + np.interp(np.log(between), places, width) for width in widths]
    all_rates = np.concatenate([rates, between])
    order = np.argsort(all_rates, kind="stable")
    return all_rates[order], np.hstack([lines, np.vstack([*more, curve])])[:, order]


def y_limits(mean: Floats, lower: Floats, upper: Floats) -> tuple[float, float]:
    """Return limits of the y-axis that show where the loss falls.

    They contain the lowest mean with its band, and above 0 at most as much as the lowest mean lies below 0. Rates that
    are far too large raise the loss by orders of magnitude, and their bands reach as far down. There, the curve goes
    out of the chart. The limits are round numbers, so that they do not change with every round.

    Parameters
    ----------
    mean, lower, upper
        The mean and the edges of its band at each rate, finite and of the same shape.
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
