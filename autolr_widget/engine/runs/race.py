"""Which rates can still win, and when the winner is known: looked at as often as one likes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from autolr_widget.engine.reading.band import anytime_margin
from autolr_widget.engine.types import Floats

#: Rounds from one look at the race to the next. At fixed rounds, so that the same run always drops the same rates.
HEAT = 4
#: Share of the leader's drop by which another rate may still be better once a run is settled.
TOLERANCE = 0.1


def racing(deltas: Floats, pruner: str, alpha: float) -> NDArray[np.bool_]:
    """The rates that the round after these measures, shape ``(num_evals,)``: all, but in a race."""
    looked_at = len(deltas) // HEAT * HEAT
    if pruner == "none" or looked_at == 0:
        return np.ones(deltas.shape[1], dtype=bool)
    return contenders(deltas[:looked_at], alpha)


def contenders(deltas: Floats, alpha: float) -> NDArray[np.bool_]:
    r"""The rates whose mean may still be the lowest, shape ``(num_evals,)``.

    Judged on paired differences to the leader, the rate of the lowest mean: a rate is out once the whole of its
    confidence sequence at level :math:`\alpha / (m - 1)` lies above 0, among the :math:`m` rates that still race. As
    these become fewer, :math:`\alpha` bounds the errors of each stage, and not strictly those of all of them together:
    ``docs/recommendations.md`` has how often a race chose otherwise.
    A rate that diverged in a round, or was not measured in it, is out as well; if that is true of all, none is.
    """
    gaps, margins, finite = _gaps(deltas, alpha)
    if gaps is None:
        return np.ones(deltas.shape[1], dtype=bool)
    # As long as there is no margin, the comparison with NaN drops no rate.
    finite[finite] = ~(gaps - margins > 0)
    return finite


def settled(deltas: Floats, alpha: float) -> bool:
    """Whether no rate can have a mean that is lower than the lowest by more than `TOLERANCE` of its drop.

    Judged as in `contenders`, at half the level. The other half goes into how deep the leader's drop is at least, by
    its own confidence sequence. Where no rate lowers the loss, nothing is ever settled.
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
    """Mean differences to the leader and their margins, over the rates that were finite in all rounds."""
    finite: NDArray[np.bool_] = np.asarray(np.isfinite(deltas).all(axis=0))
    if len(deltas) == 0 or not finite.any():
        return None, np.array([]), finite
    rounds = deltas[:, finite]
    gaps = rounds - rounds[:, [np.argmin(rounds.mean(axis=0))]]
    spread = gaps.std(axis=0, ddof=1) if len(gaps) > 1 else np.full(gaps.shape[1], np.nan)
    count = np.full(gaps.shape[1], len(gaps))
    return gaps.mean(axis=0), anytime_margin(spread, count, alpha / max(1, gaps.shape[1] - 1)), finite
