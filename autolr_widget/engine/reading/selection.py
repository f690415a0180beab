r"""Rules that turn the measured loss differentials into one learning rate.

A rule is a pure function of the rates :math:`\theta_j` (shape ``(num_evals,)``, increasing) and the differentials
:math:`\Delta L_{ij}` (shape ``(rounds, num_evals)``). A rate that diverged in any round, with a NaN in its
column, is never chosen.

`RULES` has them by name; a function of your own that is put there can be chosen like the rest. The first four are the
reference's own (``autolrtuner`` 1.0.2). How good the rates are to train with: ``docs/recommendations.md``.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from autolr_widget.engine.reading.band import normal, student
from autolr_widget.engine.types import Floats


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


def half_minimum(rates: Floats, deltas: Floats) -> float:
    r"""Below the lowest point of the curve: :math:`\theta^* / 2`.

    :math:`\theta^*` is the vertex of the parabola in :math:`\ln\theta` through the lowest mean and its two neighbours
    (Brent 1973, chapter 5), of which those above 0 count as 0: how far a loss rises says nothing of where it was
    lowest. At an end of the rates that are left, without those that diverged or dropped out of a race, it is the lowest
    mean's own rate.

    A few steps are a short look, and what lowers the loss most in them is too large a rate for many. Of the divisors
    that were tried, 2 loses least after 55 steps, and 5 after one.
    """
    rates, means = _drops(rates, deltas, "half-minimum")
    lowest = int(np.argmin(means))
    if not 0 < lowest < len(means) - 1:
        return float(rates[lowest]) / DIVISOR
    near = slice(lowest - 1, lowest + 2)
    left, right = np.diff(np.log(rates[near]))
    before, _, after = np.minimum(means[near], 0) - means[lowest]
    # Where all three means are equal, every rate between them is as good.
    slope = left * after + right * before
    shift = 0.5 * (right**2 * before - left**2 * after) / slope if slope > 0 else 0.0
    return float(rates[lowest] * np.exp(shift)) / DIVISOR


def share(rates: Floats, deltas: Floats) -> float:
    r"""The smallest rate with most of the drop: :math:`\min \{\theta : \bar x(\theta) \le 0.8 \min \bar x\}`."""
    rates, means = _drops(rates, deltas, "share")
    return float(rates[np.argmax(means <= SHARE * means.min())])


def significant(rates: Floats, deltas: Floats) -> float:
    r"""The largest rate that lowers the loss significantly: its 95 % band, Student's, lies below 0.

    At each rate by itself: among many rates that do nothing, one will look as if it did.
    """
    rates, deltas = _spread(rates, deltas, "significant")
    lowers = student(deltas, alpha=0.05).upper < 0
    if not lowers.any():
        raise ValueError('Rule "significant" finds no rate that lowers the loss significantly. Run more rounds.')
    return float(rates[lowers][-1])


def steepest(rates: Floats, deltas: Floats) -> float:
    r"""Where the mean falls steepest: :math:`\arg\min_\theta \, d\bar x / d\ln\theta`, by forward differences.

    Smith 2017's reading of a range test.
    """
    rates, means = _drops(rates, deltas, "steepest", least=2)
    return float(rates[np.argmin(np.diff(means) / np.diff(np.log(rates)))])


def valley(rates: Floats, deltas: Floats) -> float:
    """Half way down the longest valley: the middle of the middle third of the longest falling subsequence.

    Of the mean over the rates. After the ``valley`` that fastai suggests from a range test.
    """
    rates, means = _drops(rates, deltas, "valley")
    length = np.ones(len(means), dtype=int)
    before = np.arange(len(means))
    for i in range(1, len(means)):
        above = np.flatnonzero(means[:i] > means[i])
        if above.size:
            before[i] = above[np.argmax(length[above])]
            length[i] = length[before[i]] + 1
    way = [int(np.argmax(length))]
    while before[way[-1]] != way[-1]:
        way.append(int(before[way[-1]]))
    return float(rates[way[len(way) // 2]])


def soft(rates: Floats, deltas: Floats) -> float:
    r"""A soft minimum: the mean of :math:`\ln\theta` under weights :math:`e^{\bar x(\theta) / (0.1\, \min \bar x)}`.

    Not tied to the grid: where several rates do as well, it lies between them.
    """
    rates, means = _drops(rates, deltas, "soft")
    # Where the drop is next to nothing, others weigh nothing.
    with np.errstate(over="ignore"):
        weights = np.exp((means - means.min()) / (TEMPERATURE * means.min()))
    return float(np.exp(np.average(np.log(rates), weights=weights)))


#: The constants of `half_minimum`, `share` and `soft`; ``benchmarks/quality`` shows what others would do.
DIVISOR, SHARE, TEMPERATURE = 2, 0.8, 0.1

RULES: dict[str, Callable[[Floats, Floats], float]] = {
    "mean": mean,
    "median": median,
    "variance": variance,
    "max": largest_safe,
    "steady": steady,
    "half-minimum": half_minimum,
    "share": share,
    "significant": significant,
    "steepest": steepest,
    "valley": valley,
    "soft": soft,
}


#: What each rule chooses, as the screen says it.
RULE_WORDS = {
    "mean": "lowest mean",
    "median": "lowest median",
    "variance": "smallest spread (nearly always the smallest rate)",
    "max": "largest that never raised the loss",
    "steady": "steadiest drop",
    "half-minimum": "half of the curve's lowest point",
    "share": "smallest with 80 % of the best drop",
    "significant": "largest that lowers the loss significantly",
    "steepest": "where the curve falls steepest",
    "valley": "half way down the valley",
    "soft": "middle of the lowest part",
}


def choices(rates: Floats, deltas: Floats) -> dict[str, float]:
    """What each of `RULES` chooses, without those that find no rate."""
    found = {}
    for name, rule in RULES.items():
        # Of a rule of the user's own, anything.
        with contextlib.suppress(Exception), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # The rule "max" gives 0.0 where no rate will do.
            found[name] = rule(rates, deltas)
    return {name: rate for name, rate in found.items() if rate > 0}


@dataclass(frozen=True)
class Certainty:
    """How sure a choice is, by a bootstrap over the rounds: see `certainty`.

    Of the choices on resampled rounds, all but the share α lie between ``lower`` and ``upper``, and
    ``agreement`` is the share that lie within half a step of the grid, where that is, from the one on the rounds at
    hand.
    """

    lower: float
    upper: float
    agreement: float


def certainty(method: str, rates: Floats, deltas: Floats, alpha: float = 0.05) -> Certainty | None:
    """The percentile bootstrap (Efron 1979) of a rule's choice, from `RESAMPLES` resamples of the rounds.

    Always from the same seed, so that the same rounds give the same interval. None with fewer than 3 rounds, which say
    nothing of themselves, and where the rule finds no rate.
    """
    rule, rounds = RULES[method], len(deltas)
    if rounds < 3:
        return None
    generator = np.random.default_rng(0)
    drawn = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            choice = float(rule(rates, deltas))
        except Exception:
            return None
        for _ in range(RESAMPLES):
            with contextlib.suppress(Exception):
                drawn.append(float(rule(rates, deltas[generator.integers(rounds, size=rounds)])))
    if not drawn or not choice > 0:
        return None
    lower, upper = np.quantile(drawn, [alpha / 2, 1 - alpha / 2], method="inverted_cdf")
    # A linear grid may begin at 0, and the rule "max" may choose it.
    logs = np.log(rates[rates > 0])
    step = np.interp(np.log(choice), logs[1:], np.diff(logs)) if logs.size > 1 else 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        agreement = np.sum(np.abs(np.log(drawn) - np.log(choice)) <= step / 2) / RESAMPLES
    return Certainty(float(lower), float(upper), float(agreement))


#: Resamples of `certainty`.
RESAMPLES = 200


def edge(method: str, rates: Floats, deltas: Floats) -> str:
    """``"lower"`` or ``"upper"`` where a choice lies at that end of the grid, and may lie beyond it; else ``""``.

    Of `half_minimum`, where the lowest mean does.
    """
    rate = RULES["mean" if method == "half-minimum" else method](rates, deltas)
    return {rates[0]: "lower", rates[-1]: "upper"}.get(rate, "")


def _drops(rates: Floats, deltas: Floats, rule: str, least: int = 1) -> tuple[Floats, Floats]:
    """The rates and their means, of which some are below 0."""
    rates, deltas = _candidates(rates, deltas)
    means = deltas.mean(axis=0)
    if len(means) < least or not (means < 0).any():
        raise ValueError(f'Rule "{rule}" finds no rate that lowers the loss. Try smaller ones.')
    return rates, means


def _spread(rates: Floats, deltas: Floats, rule: str) -> tuple[Floats, Floats]:
    rates, deltas = _candidates(rates, deltas)
    if len(deltas) < 2:
        raise ValueError(f'Rule "{rule}" needs at least 2 rounds. Received: {len(deltas)}')
    return rates, deltas


def _candidates(rates: Floats, deltas: Floats) -> tuple[Floats, Floats]:
    if len(deltas) == 0:
        raise ValueError("No results found: run at least one round first.")
    # A linear grid may begin at 0, which is not a rate to train with.
    usable = np.isfinite(deltas).all(axis=0) & (rates > 0)
    if not usable.any():
        raise ValueError(
            f"Every learning rate from {rates[0]:.3g} to {rates[-1]:.3g} diverged (a loss was NaN or infinite), or had "
            "dropped out of a race before. Look for NaN in the data, or widen the grid to smaller rates."
        )
    return rates[usable], deltas[:, usable]
