"""Which rates can still win, and whether the winner is known. Both tests stay valid when repeated after each round."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from autolr_widget.engine.reading.band import anytime_margin
from autolr_widget.engine.types import Floats

#: The number of rounds after which rates may drop out again. It is fixed, so that the same run always drops the same
#: rates.
HEAT = 4
#: Once a run is settled, another rate may still be better, but only by this share of the leader's drop.
TOLERANCE = 0.1


def racing(deltas: Floats, pruner: str, alpha: float) -> NDArray[np.bool_]:
    """Return which rates the next round measures, as booleans of shape ``(num_evals,)``. Without a race, all of them.

    These are the `contenders`, and the two neighbors of the leader, because `half_minimum` reads the curve between
    them. ``deltas`` are the loss differentials of the finished rounds, shape ``(rounds, num_evals)``.
    """
    looked_at = len(deltas) // HEAT * HEAT
    if pruner == "none" or looked_at == 0:
        return np.ones(deltas.shape[1], dtype=bool)
    seen = deltas[:looked_at]
    finite = np.isfinite(seen).all(axis=0)
    leader = np.argmin(np.where(finite, seen.mean(axis=0), np.inf))
    beside = abs(np.arange(finite.size) - leader) <= 1
    return contenders(seen, alpha) | (finite & beside)


def contenders(deltas: Floats, alpha: float) -> NDArray[np.bool_]:
    r"""Return which rates may still have the lowest mean, by racing (Maron & Moore 1994).

    The leader is the rate with the lowest mean. Each other rate is compared with it by their paired differences: it
    drops out once its whole confidence sequence at level :math:`\alpha / (m - 1)` lies above 0, where :math:`m` is the
    number of rates that still race. A rate that diverged in a round, or was not measured in it, drops out too; if that
    is true of all rates, none drops out.

    Because :math:`m` becomes smaller, :math:`\alpha` bounds the probability of an error in each stage, but not strictly
    in all stages together. ``docs/recommendations.md`` shows how often a race chose another rate.

    Parameters
    ----------
    deltas
        Loss differentials, shape ``(rounds, num_evals)``; NaN where a rate diverged or was not measured.
    alpha
        Significance level: 0.05 for 5 %.

    Returns
    -------
    numpy.ndarray
        Booleans of shape ``(num_evals,)``.
    """
    gaps, margins, finite = _gaps(deltas, alpha)
    if gaps is None:
        return np.ones(deltas.shape[1], dtype=bool)
    # As long as there is no margin, the comparison with NaN drops no rate.
    finite[finite] = ~(gaps - margins > 0)
    return finite


def settled(deltas: Floats, alpha: float) -> bool:
    """Whether no other rate can be better than the leader by more than the share `TOLERANCE` of the leader's drop.

    The rates are compared as in `contenders`, at half the level ``alpha``. The other half is spent on a lower bound of
    the leader's drop, by a confidence sequence. If no rate lowers the loss, a run is never settled. The parameters are
    those of `contenders`.

    This is about the lowest point of the curve. Most rules choose another rate, whose own interval `certainty` tells.
    """
    gaps, margins, finite = _gaps(deltas, alpha / 2)
    if gaps is None or len(deltas) < HEAT:
        return False
    rounds = deltas[:, finite]
    leader = rounds[:, np.argmin(rounds.mean(axis=0))]
    least = leader.mean() + anytime_margin(leader.std(ddof=1), np.array(len(leader)), alpha / 2)
    others = np.isfinite(margins) | (gaps != 0)
    return bool(least < 0 and (gaps - margins >= TOLERANCE * least)[others].all())


def _gaps(deltas: Floats, alpha: float) -> tuple[Floats | None, Floats, NDArray[np.bool_]]:
    """Return mean differences to the leader and their margins, for the rates that were finite in all rounds.

    The third value tells which rates these are. The first is None if there are none.
    """
    finite: NDArray[np.bool_] = np.asarray(np.isfinite(deltas).all(axis=0))
    if len(deltas) == 0 or not finite.any():
        return None, np.array([]), finite
    rounds = deltas[:, finite]
    gaps = rounds - rounds[:, [np.argmin(rounds.mean(axis=0))]]
    spread = gaps.std(axis=0, ddof=1) if len(gaps) > 1 else np.full(gaps.shape[1], np.nan)
    count = np.full(gaps.shape[1], len(gaps))
    return gaps.mean(axis=0), anytime_margin(spread, count, alpha / max(1, gaps.shape[1] - 1)), finite
