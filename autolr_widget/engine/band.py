"""The statistics of the chart: the mean loss differential of each rate and its confidence band."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Band:
    """One value a learning rate, each of shape ``(num_evals,)``.

    ``mean``, ``std``, ``lower`` and ``upper`` are over the ``count`` rounds in which the rate did not diverge: NaN
    where there is none, and for the last three where there is only one.
    """

    mean: Floats
    std: Floats
    lower: Floats
    upper: Floats
    count: NDArray[np.int64]


def normal_band(deltas: Floats, alpha: float) -> Band:
    r"""The reference's pointwise band, :math:`\bar x \pm z_{1-\alpha/2}\, s/\sqrt n` with sample deviation :math:`s`.

    Parameters
    ----------
    deltas
        Loss differentials, shape ``(rounds, num_evals)``; NaN where a rate diverged.
    alpha
        Significance level: 0.05 for a 95 % band.
    """
    finite = np.isfinite(deltas)
    count = finite.sum(axis=0)
    values = np.where(finite, deltas, 0.0)
    # 0/0 is the NaN that the docstring promises.
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        mean = values.sum(axis=0) / count
        squares = np.where(finite, deltas - mean, 0.0) ** 2
        std = np.sqrt(np.where(count > 1, squares.sum(axis=0) / (count - 1), np.nan))
        margin = NormalDist().inv_cdf(1 - alpha / 2) * std / np.sqrt(count)
        return Band(mean, std, mean - margin, mean + margin, count)
