"""The statistics of the chart: the mean loss differential at each rate, and its confidence band."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from autolr_widget.engine.types import Floats

#: The variance :math:`g` in `anytime_margin`. With this value and a level of 5 %, the band is finite from the fourth
#: round on. At 7 rounds it is the narrowest band of its kind. It is wider than with the :math:`g` that is best for the
#: number of rounds by 3 % at 5 and at 12 rounds, by 8 % at 30, and by 13 % at 100.
MIXTURE = 3.0

#: The number of resamples of the bootstrap band.
RESAMPLES = 999


@dataclass(frozen=True)
class Band:
    """The statistics of each learning rate, as arrays of shape ``(num_evals,)``.

    Attributes
    ----------
    mean
        Mean loss differential over the rounds that count. NaN if no round counts.
    std
        Sample standard deviation over these rounds. NaN if fewer than two count.
    lower, upper
        The confidence band of the mean. NaN if fewer than two rounds count.
    count
        The number of rounds that count: those in which the rate was measured and did not diverge.
    """

    mean: Floats
    std: Floats
    lower: Floats
    upper: Floats
    count: NDArray[np.int64]


def normal(deltas: Floats, alpha: float) -> Band:
    r"""Return the pointwise band of autolrtuner, :math:`\bar x \pm z_{1-\alpha/2}\, s/\sqrt n`.

    Here :math:`\bar x` is the mean, :math:`s` the sample standard deviation, and :math:`n` the number of rounds.

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
    r"""Return Student's pointwise band, :math:`\bar x \pm t_{n-1,\,1-\alpha/2}\, s/\sqrt n`.

    It is wider than the normal band in the first rounds, in which :math:`s` itself is only a rough estimate. The
    parameters are those of `normal`.
    """
    # scipy.stats takes long to import, and the default band does not need it.
    from scipy.stats import t

    mean, std, count = _moments(deltas)
    with np.errstate(invalid="ignore"):
        return _symmetric(mean, std, count, t.isf(alpha / 2, count - 1))


def bootstrap(deltas: Floats, alpha: float) -> Band:
    """Return SciPy's BCa bootstrap interval of the mean (Efron 1987), from `RESAMPLES` resamples.

    Unlike the normal band, it need not be symmetric, so it suits skewed distributions. The seed is fixed: the same
    rounds always give the same band. The parameters are those of `normal`.
    """
    mean, std, count = _moments(deltas)
    lower, upper = np.full((2, mean.size), np.nan)
    finite = np.isfinite(deltas)
    # One call for all rates that count in the same rounds. Nearly all rates count in all of them.
    patterns, group = np.unique(finite, axis=1, return_inverse=True)
    for index, rounds in enumerate(patterns.T):
        if rounds.sum() > 1:
            columns = np.flatnonzero(group.ravel() == index)
            lower[columns], upper[columns] = _bca(deltas[np.ix_(rounds, columns)], alpha)
    return Band(mean, std, lower, upper, count)


def anytime(deltas: Floats, alpha: float) -> Band:
    """Return a confidence sequence: a band that covers the mean in all rounds at once.

    It stays valid if you look after every round and stop whenever you like. See `anytime_margin`. As long as the band
    is infinite, in the first rounds, its edges are NaN, so that no band is drawn. The parameters are those of `normal`.
    """
    mean, std, count = _moments(deltas)
    margin = anytime_margin(std, count, alpha)
    with np.errstate(invalid="ignore"):
        return Band(mean, std, mean - margin, mean + margin, count)


def anytime_margin(std: Floats, count: NDArray[np.int64], alpha: float) -> Floats:
    r"""Return half the width of a confidence sequence for a mean, which is valid for every ``count`` at once.

    With :math:`k = 1 + n g` and :math:`A = (k/\alpha^2)^{1/n}`, it is

    .. math:: \frac{s}{\sqrt n} \sqrt{(n-1)\,\frac{A - 1}{1 - A/k}}.

    As long as :math:`A \ge k`, the width is infinite, and the result is NaN.

    Parameters
    ----------
    std, count
        Sample standard deviation :math:`s` and number :math:`n` of the values, arrays of the same shape.
    alpha
        The probability that the mean is ever outside of the band.

    Returns
    -------
    numpy.ndarray
        The margins, of the same shape.

    Notes
    -----
    The interval contains the means that a t-test with a normal mixture of variance :math:`g` over the effect size does
    not reject. The statistic of this test is

    .. math:: M_n = k^{-1/2} \left(\frac{1 + u}{1 + u/k}\right)^{n/2}, \quad u = \frac{n (\bar x - \mu)^2}{(n-1) s^2}.

    At the true mean it is a martingale, whatever the variance of the values. By Ville's inequality, the probability
    that it ever reaches :math:`1/\alpha` is at most :math:`\alpha`. See Wang and Ramdas 2024, "Anytime-valid t-tests
    and confidence sequences for Gaussian means with unknown variance" (with :math:`c^2 = 1/g`); Lai 1976 uses a flat
    mixture.

    For normal differentials this holds from the first round on. For others it holds in the limit, where the sequence is
    the asymptotic one of Waudby-Smith et al. (2021). ``docs/bands.md`` shows how large the error is before that.
    """
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        k = 1 + count * MIXTURE
        a = (k / alpha**2) ** (1 / count)
        # If A and k differ only by rounding, as at 10 % and 3 rounds, the width is infinite too.
        return std * np.sqrt((count - 1) / count * np.where(1 - a / k > 1e-9, (a - 1) / (1 - a / k), np.nan))


#: The kinds of bands by name.
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
        # If all rounds are equal, the bootstrap has no spread: SciPy warns and returns NaN.
        warnings.simplefilter("ignore")
        generator = np.random.default_rng(0)
        interval = stats.bootstrap(
            (deltas,), np.mean, axis=0, confidence_level=1 - alpha, n_resamples=RESAMPLES, batch=50, rng=generator
        ).confidence_interval
    return interval.low, interval.high
