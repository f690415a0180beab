"""Whether another rate is better than the present one by more than the noise, judged by one round."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from autolr_widget.engine.rate_text import rate_text
from autolr_widget.engine.reading.selection import half_minimum
from autolr_widget.engine.types import Floats, Round

#: A rate is only changed by at least this factor. ``benchmarks/quality/large`` compares it with others.
LEAST = 5.0
#: That is enough for a lower rate if a look has gone on: after more steps, the curve is clearer.
LEAST_FURTHER = 4.0
#: The significance level of the comparison.
ALPHA = 0.1


@dataclass(frozen=True)
class Verdict:
    """What a round says about the present rate.

    Parameters
    ----------
    proposed, gain, uncertainty
        As in `Look`.
    better
        Whether the proposed rate is better than the present one by more than the noise.
    words
        Why.
    """

    proposed: float | None
    gain: float | None
    uncertainty: float | None
    better: bool
    words: str


def verdict(rates: Floats, present: int, round: Round, least: float | None = None) -> Verdict:
    """Compare the present rate with the one that a round proposes.

    This is half of the lowest point of the curve, see `half_minimum`, within the grid. Of two rates only, it is the
    better one. The path of the rate with the lowest mean is compared with that of the present rate, by the differences
    of their losses on the same batches, over the second half of the steps. These are tested by Student's t.

    Parameters
    ----------
    rates
        The rates of the round, shape ``(num_evals,)``.
    present
        The index of the present rate.
    round
        A round that was measured with ``evaluate_on="progressive"``.
    least
        The smallest change, as a factor. The default is `LEAST`.
    """
    from scipy.stats import t

    finite = np.isfinite(round.deltas)
    if not finite.any():
        return Verdict(None, None, None, False, "the loss diverges at all rates that were tried")
    now = float(rates[present])
    lowest = int(np.nanargmin(round.deltas))
    proposed = float(np.clip(_proposed(rates, round.deltas), rates[0], rates[-1]))
    if max(proposed / now, now / proposed) < (least or LEAST):
        # Of two rates, the present one is better.
        alone = f"the loss is not lower at {rate_text(float(rates[0]))}"
        words = "no clearly better rate was found" if rates.size > 2 else alone
        return Verdict(proposed, None, None, False, words)
    if not finite[present]:
        return Verdict(proposed, None, None, True, f"the loss diverges at {rate_text(now)}")
    curves = round.curves[:, round.curves.shape[1] // 2 :]
    differences = curves[present] - curves[lowest]
    gain, count = float(differences.mean()), differences.size
    uncertainty = float(t.ppf(1 - ALPHA, count - 1) * differences.std(ddof=1) / np.sqrt(count))
    better = gain > uncertainty
    lower, noise = _apart(gain, uncertainty)
    what = f"after {round.curves.shape[1]} steps, the loss is {lower} lower at {rate_text(float(rates[lowest]))}"
    words = f"{what}, which is {'more' if better else 'not more'} than the noise of {noise}"
    return Verdict(proposed, gain, uncertainty, better, words)


def _apart(one: float, other: float) -> tuple[str, str]:
    """Return both numbers in two digits, or in as many as tell them apart."""
    texts = [(f"{one:.{digits}g}", f"{other:.{digits}g}") for digits in range(2, 18)]
    return next((text for text in texts if text[0] != text[1]), texts[0])


def _proposed(rates: Floats, deltas: Floats) -> float:
    lowest = float(rates[np.nanargmin(deltas)])
    if rates.size == 2:
        return lowest
    try:
        return half_minimum(rates, deltas[np.newaxis])
    except ValueError:
        # The loss rises at all rates, and least at this one.
        return lowest
