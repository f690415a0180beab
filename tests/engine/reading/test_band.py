import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from autolr_widget import TuneResults
from autolr_widget.engine.reading.band import BANDS, anytime_margin
from tests.engine.reading.curves import DELTAS, RATES


@given(DELTAS)
@settings(max_examples=30)
def test_student_band_equals_scipy_interval(deltas):
    summary = TuneResults(RATES, deltas).summary(alpha=0.1, band="t")
    for (_, row), column in zip(summary.iterrows(), deltas.T, strict=True):
        values = column[np.isfinite(column)]
        if len(values) < 2:
            assert np.isnan(row["lower"])
            assert np.isnan(row["upper"])
        elif np.std(values) > 0:
            expected = stats.t.interval(0.9, len(values) - 1, np.mean(values), stats.sem(values))
            np.testing.assert_allclose([row["lower"], row["upper"]], expected, rtol=1e-7, atol=1e-5)


def test_bootstrap_band_equals_scipy_and_skips_diverged_rounds():
    generator = np.random.default_rng(1)
    deltas = generator.exponential(size=(40, 5))
    deltas[3, 1] = deltas[7, 4] = math.nan
    summary = TuneResults(RATES, deltas).summary(alpha=0.1, band="bootstrap")
    for j in (1, 4):
        values = deltas[np.isfinite(deltas[:, j]), j]
        expected = stats.bootstrap(
            (values,), np.mean, confidence_level=0.9, n_resamples=999, rng=np.random.default_rng(0)
        ).confidence_interval
        np.testing.assert_allclose(summary[["lower", "upper"]].iloc[j], expected, rtol=0.05)
    assert (summary["lower"] < summary["mean"]).all()
    # The data are skewed to the right, so the interval is too. A normal interval is symmetric.
    assert (summary["upper"] - summary["mean"] > summary["mean"] - summary["lower"]).all()
    pd.testing.assert_frame_equal(summary, TuneResults(RATES, deltas).summary(alpha=0.1, band="bootstrap"))


@pytest.mark.parametrize("rounds", [0, 1])
def test_bootstrap_band_of_too_few_rounds_is_nan(rounds):
    summary = TuneResults(RATES, np.ones((rounds, 5))).summary(band="bootstrap")
    assert summary[["lower", "upper"]].isna().all(axis=None)


def test_an_unknown_band_is_refused():
    with pytest.raises(
        ValueError, match=r"`band` must be one of \('normal', 't', 'bootstrap', 'anytime'\)\. Received: band='wide'"
    ):
        TuneResults(RATES, np.ones((2, 5))).summary(band="wide")


def test_anytime_margin_is_where_the_t_test_martingale_reaches_one_over_alpha():
    # The Bayes factor of a t-test with effect size N(0, g) against 0, by numerical integration over the effect size.
    n, alpha, g = 12, 0.05, 3.0
    margin = anytime_margin(np.array([2.0]), np.array([n]), alpha)[0]
    t = margin / (2.0 / np.sqrt(n))
    effects = np.linspace(-12, 12, 20_001)
    densities = stats.nct.pdf(t, n - 1, effects * np.sqrt(n)) * stats.norm.pdf(effects, scale=np.sqrt(g))
    factor = integrate.trapezoid(densities, effects) / stats.t.pdf(t, n - 1)
    assert factor == pytest.approx(1 / alpha, rel=1e-3)


@given(st.floats(0.001, 0.3), st.integers(2, 300))
def test_anytime_is_wider_than_student(alpha, rounds):
    margin = anytime_margin(np.array([1.0]), np.array([rounds]), alpha)[0]
    assert not margin <= stats.t.ppf(1 - alpha / 2, rounds - 1) / np.sqrt(rounds)


def test_only_anytime_holds_when_the_band_is_checked_after_every_round():
    deltas = np.random.default_rng(0).normal(size=(60, 2000))
    missed = {"anytime": np.zeros(2000, bool), "t": np.zeros(2000, bool)}
    for n in range(2, 61):
        for band in missed:
            found = BANDS[band](deltas[:n], 0.05)
            missed[band] |= (found.lower > 0) | (found.upper < 0)
    assert missed["anytime"].mean() < 0.05 < 0.3 < missed["t"].mean()


@given(st.floats(0.001, 0.9), st.integers(1, 1000))
def test_anytime_margin_shrinks_with_each_round(alpha, rounds):
    now, later = anytime_margin(np.ones(2), np.array([rounds, rounds + 1]), alpha)
    assert np.isnan(now) or later < now


@pytest.mark.parametrize(("alpha", "first"), [(0.5, 2), (0.1, 4), (0.05, 4), (0.01, 5)])
def test_anytime_margin_of_the_first_rounds_is_nan(alpha, first):
    # At 10 % and three rounds it is infinite except for a rounding error.
    margins = anytime_margin(np.ones(8), np.arange(8), alpha)
    assert np.isnan(margins[:first]).all()
    assert (margins[first:] < 10).all()


@given(DELTAS)
def test_anytime_band_uses_the_rounds_that_did_not_diverge(deltas):
    found = BANDS["anytime"](deltas, 0.05)
    for column, mean, lower, upper in zip(deltas.T, found.mean, found.lower, found.upper, strict=True):
        values = column[np.isfinite(column)]
        if len(values) < 4:
            assert np.isnan([lower, upper]).all()
        else:
            alone = BANDS["anytime"](values[:, np.newaxis], 0.05)
            np.testing.assert_allclose([lower, upper], [*alone.lower, *alone.upper], rtol=1e-9, atol=1e-6)
            assert lower <= mean <= upper


def test_anytime_margin_tends_to_the_asymptotic_sequence():
    # Waudby-Smith et al. (2021), theorem 2.2. Their rho squared is 3 here.
    n, alpha = 100_000, 0.05
    k = 3 * n + 1
    expected = np.sqrt(2 * k / (3 * n**2) * np.log(np.sqrt(k) / alpha))
    assert anytime_margin(np.array([1.0]), np.array([n]), alpha)[0] == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("band", BANDS)
def test_a_tiny_alpha_gives_a_wide_band(band):
    deltas = np.random.default_rng(0).normal(-1, 1, (20, 3))
    wide, narrow = (BANDS[band](deltas, alpha) for alpha in (1e-17, 0.05))
    assert not (wide.upper - wide.lower < narrow.upper - narrow.lower).any()


@pytest.mark.parametrize("band", BANDS)
def test_every_band_has_the_moments_of_the_finite_rounds(band):
    deltas = np.random.default_rng(0).normal(size=(6, 3))
    deltas[2, 1] = math.nan
    found = BANDS[band](deltas, 0.05)
    frame = pd.DataFrame(deltas)
    np.testing.assert_allclose(found.mean, frame.mean())
    np.testing.assert_allclose(found.std, frame.std())
    np.testing.assert_array_equal(found.count, [6, 5, 6])


@pytest.mark.parametrize("rounds", [2, 9])
def test_bootstrap_band_of_one_rate_equals_scipy_s(rounds):
    values = np.random.default_rng(1).exponential(size=rounds)
    expected = stats.bootstrap(
        (values,), np.mean, confidence_level=0.9, n_resamples=999, rng=np.random.default_rng(0)
    ).confidence_interval
    found = BANDS["bootstrap"](values[:, np.newaxis], 0.1)
    assert (*found.lower, *found.upper) == tuple(expected)


def test_anytime_band_at_a_tiny_alpha_is_nan():
    found = BANDS["anytime"](np.random.default_rng(0).normal(size=(20, 1)), 1e-160)
    assert np.isnan([*found.lower, *found.upper]).all()


@pytest.mark.parametrize("band", BANDS)
@pytest.mark.parametrize("losses", [[1e200, -1e200], [1e308, 1e308]])
def test_huge_losses_give_no_warning(band, losses):
    found = BANDS[band](np.array([losses] * 3).reshape(6, 1), 0.05)
    assert found.std == math.inf
    assert not np.isfinite([*found.lower, *found.upper]).any()


def test_a_tiny_alpha_gives_no_warning():
    found = BANDS["t"](np.array([[1e10], [-1e10]]), 1e-300)
    # SciPy's quantile is infinite, or finite in its older versions.
    assert found.lower[0] < -1e100
    assert found.upper[0] > 1e100
