r"""Rules that choose one learning rate from the measured loss differentials.

A rule is a pure function of the rates :math:`\theta_j` (shape ``(num_evals,)``, increasing) and the loss differentials
:math:`\Delta L_{ij}` (shape ``(rounds, num_evals)``). It never chooses a rate that diverged in any round, which has NaN
in its column. If it finds no rate, it raises a `ValueError`; only `largest_safe` returns 0.0 then.

`RULES` holds the rules by name. You can add a function of your own to it and choose it like the others;
`autolr_widget.engine.reading.choosing.choose` says what it is given and what it may return. The first four rules are
those of the package ``autolrtuner`` 1.0.2. ``docs/recommendations.md`` measures how well models train at the chosen
rates.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np

from autolr_widget.engine.rate_text import rate_text
from autolr_widget.engine.reading.band import normal, student
from autolr_widget.engine.reading.parabola import parabola
from autolr_widget.engine.types import Floats


def mean(rates: Floats, deltas: Floats) -> float:
    r"""Choose the rate with the lowest mean: :math:`\arg\min_\theta \frac1n \sum_i \Delta L_i(\theta)`.

    >>> mean(np.array([0.1, 0.2]), np.array([[-1.0, -2.0], [-1.0, 4.0]]))
    0.1
    """
    rates, deltas = candidates(rates, deltas)
    return float(rates[np.argmin(deltas.mean(axis=0))])


def median(rates: Floats, deltas: Floats) -> float:
    r"""Choose the rate with the lowest median: :math:`\arg\min_\theta \operatorname{med}_i \Delta L_i(\theta)`."""
    rates, deltas = candidates(rates, deltas)
    return float(rates[np.argmin(np.median(deltas, axis=0))])


def variance(rates: Floats, deltas: Floats) -> float:
    r"""Choose the rate with the smallest spread: :math:`\arg\min_\theta \operatorname{sd}_i \Delta L_i(\theta)`.

    It is kept for users of ``autolrtuner``. The rule is degenerate: as :math:`\theta \to 0`, :math:`\Delta L \to 0` in
    every round, so the smallest rate of the grid nearly always wins. `steady` does not have this defect.
    """
    rates, deltas = _spread(rates, deltas, "variance")
    return float(rates[np.argmin(deltas.std(axis=0, ddof=1))])


def steady(rates: Floats, deltas: Floats) -> float:
    r"""Choose the rate with the steadiest drop: :math:`\arg\min_\theta s(\theta) / |\bar x(\theta)|`.

    Here :math:`s` is the sample standard deviation of the loss differential and :math:`\bar x` its mean. The rule
    considers only rates that lower the loss significantly: their whole normal 95 % band lies below 0. It divides the
    spread by the drop because both vanish as the rate goes to 0, so the spread alone would favor the smallest rate.
    """
    rates, deltas = _spread(rates, deltas, "steady")
    band = normal(deltas, alpha=0.05)
    lowers = band.upper < 0
    if not lowers.any():
        raise ValueError('Rule "steady" finds no rate that lowers the loss significantly. Run more rounds.')
    return float(rates[lowers][np.argmin(band.std[lowers] / -band.mean[lowers])])


def largest_safe(rates: Floats, deltas: Floats) -> float:
    r"""Choose the largest safe rate: :math:`\max \{\theta : \Delta L_i(\theta) \le 0 \text{ for all } i\}`.

    If no rate is safe, it warns and returns 0.0, as ``autolrtuner`` does.
    """
    rates, deltas = candidates(rates, deltas)
    safe = rates[(deltas <= 0).all(axis=0)]
    if safe.size == 0:
        warnings.warn("Every learning rate raised the loss in some round; rule 'max' returns 0.0.", stacklevel=2)
        return 0.0
    return float(safe[-1])


def half_minimum(rates: Floats, deltas: Floats) -> float:
    r"""Choose half of the rate at the lowest point of the curve: :math:`\theta^* / 2`.

    :math:`\theta^*` is the vertex of the parabola in :math:`\ln\theta` through the lowest mean and its two neighbors
    (Brent 1973, chapter 5). A mean above 0 counts as 0, because how far the loss rises does not tell where it was
    lowest. If the lowest mean is at an end of the rates that are left, :math:`\theta^*` is its own rate. Rates that
    diverged or dropped out of a race are not left.

    The rate that lowers the loss most within a few steps is too large for many steps. Of the divisors that were tried,
    2 loses least after 55 steps, and 5 after one step.
    """
    rates, means = _drops(rates, deltas, "half-minimum")
    lowest = int(np.argmin(means))
    found = parabola(rates, means)
    if found is None:
        return float(rates[lowest]) / DIVISOR
    linear, square = found
    return float(rates[lowest] * np.exp(-0.5 * linear / square)) / DIVISOR


def share(rates: Floats, deltas: Floats) -> float:
    r"""Choose the smallest rate with most of the drop: :math:`\min \{\theta : \bar x(\theta) \le 0.8 \min \bar x\}`."""
    rates, means = _drops(rates, deltas, "share")
    return float(rates[np.argmax(means <= SHARE * means.min())])


def significant(rates: Floats, deltas: Floats) -> float:
    r"""Choose the largest rate that lowers the loss significantly: Student's 95 % band lies below 0.

    Each rate is tested by itself, without a correction for the number of rates. So among many rates that do not lower
    the loss, one may seem to.
    """
    rates, deltas = _spread(rates, deltas, "significant")
    lowers = student(deltas, alpha=0.05).upper < 0
    if not lowers.any():
        raise ValueError('Rule "significant" finds no rate that lowers the loss significantly. Run more rounds.')
    return float(rates[lowers][-1])


def steepest(rates: Floats, deltas: Floats) -> float:
    r"""Choose the rate at which the mean falls steepest: :math:`\arg\min_\theta \, d\bar x / d\ln\theta`.

    The slope is a forward difference, left of the lowest mean. This is how Smith (2017) reads a learning-rate range
    test.
    """
    rates, means = _drops(rates, deltas, "steepest", least=2)
    # Right of the lowest mean, where training explodes, the curve may fall even more steeply.
    end = max(1, int(np.argmin(means)))
    return float(rates[np.argmin(np.diff(means[: end + 1]) / np.diff(np.log(rates[: end + 1])))])


def valley(rates: Floats, deltas: Floats) -> float:
    """Choose a rate half way down the longest valley of the curve.

    It is the middle of the middle third of the longest falling subsequence of the means. The rule follows the
    ``valley`` that fastai suggests from a range test.
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
    r"""Choose a soft minimum of the curve.

    It is the weighted mean of :math:`\ln\theta`, with weights :math:`e^{\bar x(\theta) / (0.1\, \min \bar x)}`. The
    result need not be on the grid: if several rates are equally good, it lies between them.
    """
    rates, means = _drops(rates, deltas, "soft")
    # If the best drop is very close to 0, the quotients overflow, and all other rates get a weight of 0.
    with np.errstate(over="ignore"):
        weights = np.exp((means - means.min()) / (TEMPERATURE * means.min()))
    return float(np.exp(np.average(np.log(rates), weights=weights)))


#: The constants of `half_minimum`, `share` and `soft`. ``benchmarks/quality`` compares them with other values.
DIVISOR, SHARE, TEMPERATURE = 2, 0.8, 0.1

#: The rules by name. You may add rules of your own. Only `autolr_widget.engine.reading.choosing.choose` calls them.
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


#: What each rule chooses, in the words of the screen. A rule that is not in it is shown by its name.
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


def _drops(rates: Floats, deltas: Floats, rule: str, least: int = 1) -> tuple[Floats, Floats]:
    """Return the candidate rates and their means. Raise a `ValueError` if no mean is below 0."""
    rates, deltas = candidates(rates, deltas)
    means = deltas.mean(axis=0)
    if len(means) < least or not (means < 0).any():
        raise ValueError(f'Rule "{rule}" finds no rate that lowers the loss. {way_out(rates, deltas)}')
    return rates, means


def way_out(rates: Floats, deltas: Floats) -> str:
    """Return what to do if no rate lowers the loss."""
    if not np.nan_to_num(deltas).any():
        return (
            "The loss is the same at every rate, to the last bit. Try much larger rates. If that changes nothing, the "
            "loss does not depend on the trained weights: look for activations that are all 0 or saturated, sample "
            "weights of 0, or a loss that ignores the output."
        )
    return f"Try rates below {rate_text(rates[rates > 0][0])}, such as {_below(rates)}."


def _below(rates: Floats) -> str:
    """Return the grid that ends where this one begins, in words."""
    least = rates[rates > 0][0]
    return f"{rate_text(least / 1000)} to {rate_text(least)}"


def _spread(rates: Floats, deltas: Floats, rule: str) -> tuple[Floats, Floats]:
    rates, deltas = candidates(rates, deltas)
    if len(deltas) < 2:
        raise ValueError(f'Rule "{rule}" needs at least 2 rounds. Received: {len(deltas)}')
    return rates, deltas


def candidates(rates: Floats, deltas: Floats) -> tuple[Floats, Floats]:
    """Return the rates that may be chosen, and their columns of ``deltas``: they are not 0 and diverged in no round.

    Raise a `ValueError` if there is none.
    """
    if len(deltas) == 0:
        raise ValueError("No results found: run at least one round first.")
    # A linear grid may begin at 0, which is not a rate to train with.
    usable = np.isfinite(deltas).all(axis=0) & (rates > 0)
    if not usable.any():
        # Later rounds do not measure the rates that have dropped out of a race.
        when = "" if np.isnan(deltas[0]).all() else " in some round, or had dropped out of the race before"
        raise ValueError(
            f"Every learning rate from {rates[0]:.3g} to {rates[-1]:.3g} diverged{when}: a loss was NaN or infinite. "
            f"Try smaller rates, such as {_below(rates)}. If they diverge too, scale the data."
        )
    return rates[usable], deltas[:, usable]
