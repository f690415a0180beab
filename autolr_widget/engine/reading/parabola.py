"""The parabola through the lowest mean of a curve and its neighbors."""

from __future__ import annotations

import numpy as np

from autolr_widget.engine.types import Floats


def parabola(rates: Floats, means: Floats) -> tuple[float, float] | None:
    r"""Return the parabola through the lowest mean and its neighbors, in :math:`\ln\theta` relative to the lowest.

    Its coefficients are those of the linear and of the quadratic term. None if the lowest mean is at an end of the
    rates or not below 0, or if two of the rates are equal.
    """
    lowest = int(np.argmin(means))
    if not 0 < lowest < len(means) - 1 or means[lowest] >= 0 or rates[lowest - 1] <= 0:
        return None
    near = slice(lowest - 1, lowest + 2)
    left, right = np.diff(np.log(rates[near]))
    before, _, after = np.minimum(means[near], 0) - means[lowest]
    # 0 where the lowest rate and the next one are equal: a parabola needs three rates.
    slope = left * after + right * before
    if slope <= 0 or left == 0 or right == 0:
        return None
    scale = left * right * (left + right)
    return float((left**2 * after - right**2 * before) / scale), float(slope / scale)


def dip(rates: Floats, means: Floats, count: int = 14) -> tuple[Floats, Floats]:
    """Return the parabola as a curve, at ``count`` rates between the neighbors of the lowest mean.

    Parameters
    ----------
    rates, means
        The rates that never diverged and their means, two arrays of the same shape.

    Returns
    -------
    between, curve
        Rates and values, shape ``(count,)``, or one less if one of the rates would be the lowest one. Both are empty if
        `parabola` returns None.
    """
    found = parabola(rates, means)
    if found is None:
        return np.empty(0), np.empty(0)
    linear, square = found
    lowest = int(np.argmin(means))
    first, last = np.log(rates[[lowest - 1, lowest + 1]] / rates[lowest])
    shift = np.linspace(first, last, count + 2)[1:-1]
    shift = shift[~np.isclose(shift, 0)]
    return rates[lowest] * np.exp(shift), means[lowest] + linear * shift + square * shift**2
