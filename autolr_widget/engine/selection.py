r"""Rules that turn the measured loss differentials into one learning rate.

A rule is a pure function of the rates :math:`\theta_j` (shape ``(num_evals,)``, increasing) and the differentials
:math:`\Delta L_{ij}` (shape ``(rounds, num_evals)``). A rate that diverged in any round, with a NaN in its
column, is never chosen.

The first four are the reference's own (``autolrtuner`` 1.0.2).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np

from autolr_widget.engine.band import Floats, normal


def mean(rates: Floats, deltas: Floats) -> float:
    r"""The rate of the lowest mean: :math:`\arg\min_\theta \frac1n \sum_i \Delta L_i(\theta)`.

    >>> mean(np.array([0.1, 0.2]), np.array([[-1.0, -2.0], [-1.0, 4.0]]))
    0.1
    """
    rates, deltas = _candidates(rates, deltas)
    return float(rates[np.argmin(deltas.mean(axis=0))])


def median(rates: Floats, deltas: Floats) -> float:
    r"""The rate of the lowest median: :math:`\arg\min_\theta \operatorname{med}_i \Delta L_i(\theta)`."""
    rates, deltas = _candidates(rates, deltas)
    return float(rates[np.argmin(np.median(deltas, axis=0))])


def variance(rates: Floats, deltas: Floats) -> float:
    r"""The rate of the smallest spread: :math:`\arg\min_\theta \operatorname{sd}_i \Delta L_i(\theta)`.

    Kept for those who come from the reference. It is degenerate by construction: as :math:`\theta \to 0` so does
    :math:`\Delta L`, in every round, so that the smallest rate of the grid nearly always wins. `steady` is its repair.
    """
    rates, deltas = _spread(rates, deltas, "variance")
    return float(rates[np.argmin(deltas.std(axis=0, ddof=1))])


def steady(rates: Floats, deltas: Floats) -> float:
    r"""The steadiest drop: :math:`\arg\min_\theta s(\theta) / |\bar x(\theta)|`, of deviation and mean of the drop.

    Only among rates that lower the loss significantly, whose whole 95 % band lies below 0. The spread alone would
    choose the smallest of them, since there it vanishes like the drop itself; relative to the drop it does not.
    """
    rates, deltas = _spread(rates, deltas, "steady")
    band = normal(deltas, alpha=0.05)
    lowers = band.upper < 0
    if not lowers.any():
        raise ValueError('Rule "steady" finds no rate that lowers the loss significantly. Run more rounds.')
    return float(rates[lowers][np.argmin(band.std[lowers] / -band.mean[lowers])])


def largest_safe(rates: Floats, deltas: Floats) -> float:
    r"""The largest safe rate: :math:`\max \{\theta : \Delta L_i(\theta) \le 0 \text{ for all } i\}`.

    Where no rate is safe it warns and returns 0.0, as the reference does.
    """
    rates, deltas = _candidates(rates, deltas)
    safe = rates[(deltas <= 0).all(axis=0)]
    if safe.size == 0:
        warnings.warn("Every learning rate raised the loss in some round; rule 'max' returns 0.0.", stacklevel=2)
        return 0.0
    return float(safe[-1])


RULES: dict[str, Callable[[Floats, Floats], float]] = {
    "mean": mean,
    "median": median,
    "variance": variance,
    "max": largest_safe,
    "steady": steady,
}


def edge(rates: Floats, lr: float) -> str:
    """``"lower"`` or ``"upper"`` where a choice lies at that end of the grid, and may lie beyond it; else ``""``."""
    return {rates[0]: "lower", rates[-1]: "upper"}.get(lr, "")


def _spread(rates: Floats, deltas: Floats, rule: str) -> tuple[Floats, Floats]:
    rates, deltas = _candidates(rates, deltas)
    if len(deltas) < 2:
        raise ValueError(f'Rule "{rule}" needs at least 2 rounds. Received: {len(deltas)}')
    return rates, deltas


def _candidates(rates: Floats, deltas: Floats) -> tuple[Floats, Floats]:
    if len(deltas) == 0:
        raise ValueError("No results found: run at least one round first.")
    finite = np.isfinite(deltas).all(axis=0)
    if not finite.any():
        raise ValueError(
            f"Every learning rate from {rates[0]:.3g} to {rates[-1]:.3g} diverged (a loss was NaN or infinite). "
            "Look for NaN in the data, or widen the grid to smaller rates."
        )
    return rates[finite], deltas[:, finite]
