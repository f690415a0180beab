"""The statistics of the chart: the mean loss differential of each rate and its confidence band."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from autolr_widget.engine.types import Floats

#: Variance :math:`g` in `anytime_margin`. At 5 % the band is then the narrowest of its kind at 7 rounds, has an end
#: from the fourth on, and is 3 % wider than with the best :math:`g` at 5 and at 12 rounds, 8 % at 30, 13 % at 100.
MIXTURE = 3.0

#: Resamples of the bootstrap band.
RESAMPLES = 999


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


def normal(deltas: Floats, alpha: float) -> Band:
    r"""The reference's pointwise band, :math:`\bar x \pm z_{1-\alpha/2}\, s/\sqrt n` with sample deviation :math:`s`.

    Parameters
    ----------
    deltas
        Loss differentials, shape ``(rounds, num_evals)``; NaN where a rate diverged.
    alpha
        Significance level: 0.05 for a 95 % band.
    """
    mean, std, count = _moments(deltas)
    return _symmetric(mean, std, count, -NormalDist().inv_cdf(alpha / 2))


def student(deltas: Floats, alpha: float) -> Band:
    r"""Student's pointwise band, :math:`\bar x \pm t_{n-1,\,1-\alpha/2}\, s/\sqrt n`.

    Wider than the normal one in the first rounds, where :math:`s` itself is a guess.
    """
    # SciPy's statistics take long to import, and the widget starts with a band that needs none.
    from scipy.stats import t

    mean, std, count = _moments(deltas)
    with np.errstate(invalid="ignore"):
        return _symmetric(mean, std, count, t.isf(alpha / 2, count - 1))


def bootstrap(deltas: Floats, alpha: float) -> Band:
    """SciPy's BCa bootstrap of the mean (Efron 1987), with `RESAMPLES` resamples: it follows a skewed distribution.

    Always from the same seed, so that the same rounds give the same band.
    """
    mean, std, count = _moments(deltas)
    lower, upper = np.full((2, mean.size), np.nan)
    finite = np.isfinite(deltas)
    # Rates with the same rounds in one go: nearly all of them have all.
    patterns, group = np.unique(finite, axis=1, return_inverse=True)
    for index, rounds in enumerate(patterns.T):
        if rounds.sum() > 1:
            columns = np.flatnonzero(group.ravel() == index)
            lower[columns], upper[columns] = _bca(deltas[np.ix_(rounds, columns)], alpha)
    return Band(mean, std, lower, upper, count)


def anytime(deltas: Floats, alpha: float) -> Band:
    """A confidence sequence: the band covers the mean in all rounds at once, however long one watches and whenever
    one stops. See `anytime_margin`. In the first rounds, as yet without an end, its edges are NaN, like those of one
    round alone, so that nothing is drawn.
    """
    mean, std, count = _moments(deltas)
    margin = anytime_margin(std, count, alpha)
    with np.errstate(invalid="ignore"):
        return Band(mean, std, mean - margin, mean + margin, count)


def anytime_margin(std: Floats, count: NDArray[np.int64], alpha: float) -> Floats:
    r"""Half the width of a confidence sequence for a mean: valid for every ``count`` at once.

    With :math:`k = 1 + n g` and :math:`A = (k/\alpha^2)^{1/n}`,

    .. math:: \frac{s}{\sqrt n} \sqrt{(n-1)\,\frac{A - 1}{1 - A/k}},

    and NaN, for infinity, as long as :math:`A \ge k`. Within it lie the means that a t-test with a normal mixture of
    variance :math:`g` over the effect size has no evidence against: its statistic

    .. math:: M_n = k^{-1/2} \left(\frac{1 + u}{1 + u/k}\right)^{n/2}, \quad u = \frac{n (\bar x - \mu)^2}{(n-1) s^2},

    is a martingale at the true mean whatever the variance, and by Ville's inequality it ever reaches :math:`1/\alpha`
    with probability :math:`\alpha` at most (Wang and Ramdas 2024, "Anytime-valid t-tests and confidence sequences for
    Gaussian means with unknown variance", their :math:`c^2 = 1/g`; Lai 1976 has a flat mixture). That is so from the
    first round on for normal differentials; for others in the limit, where it is the asymptotic sequence of
    Waudby-Smith et al. (2021). How far off it is before: ``docs/bands.md``.

    Parameters
    ----------
    std, count
        Sample deviation and number of the observations, of one shape.
    alpha
        Probability that the mean is ever outside.
    """
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        k = 1 + count * MIXTURE
        a = (k / alpha**2) ** (1 / count)
        # Where they are equal but for rounding, as at 10 % and 3 rounds, it has no end, either.
        return std * np.sqrt((count - 1) / count * np.where(1 - a / k > 1e-9, (a - 1) / (1 - a / k), np.nan))


BANDS: dict[str, Callable[[Floats, float], Band]] = {
    "normal": normal,
    "t": student,
    "bootstrap": bootstrap,
    "anytime": anytime,
}


def _moments(deltas: Floats) -> tuple[Floats, Floats, NDArray[np.int64]]:
    finite = np.isfinite(deltas)
    count = finite.sum(axis=0)
    values = np.where(finite, deltas, 0.0)
    # 0/0 is the NaN that `Band` promises.
    with np.errstate(invalid="ignore", over="ignore"):
        mean = values.sum(axis=0) / count
        squares = np.where(finite, deltas - mean, 0.0) ** 2
        return mean, np.sqrt(np.where(count > 1, squares.sum(axis=0) / (count - 1), np.nan)), count


def _symmetric(mean: Floats, std: Floats, count: NDArray[np.int64], quantile: float | Floats) -> Band:
    with np.errstate(invalid="ignore", over="ignore"):
        margin = quantile * std / np.sqrt(count)
        return Band(mean, std, mean - margin, mean + margin, count)


def _bca(deltas: Floats, alpha: float) -> tuple[Floats, Floats]:
    from scipy import stats

    with warnings.catch_warnings():
        # Rounds that are all alike have no spread to resample: SciPy warns, and gives NaN.
        warnings.simplefilter("ignore")
        generator = np.random.default_rng(0)
        interval = stats.bootstrap(
            (deltas,), np.mean, axis=0, confidence_level=1 - alpha, n_resamples=RESAMPLES, batch=50, rng=generator
        ).confidence_interval
    return interval.low, interval.high
