"""Grid, subsample, band, rules and results: what must hold whatever the input."""

import contextlib
import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import integrate, stats

from autolr_widget import TuneResults
from autolr_widget.engine.data.subsample import subsample
from autolr_widget.engine.grid import grid
from autolr_widget.engine.reading.band import BANDS, anytime_margin
from autolr_widget.engine.reading.selection import RULES, certainty
from autolr_widget.engine.runs.race import contenders, settled

DELTAS = arrays(
    np.float64,
    st.tuples(st.integers(0, 12), st.just(5)),
    elements=st.floats(-1e6, 1e6) | st.sampled_from([math.nan, math.inf, -math.inf]),
)
RATES = np.array([0.01, 0.02, 0.1, 0.5, 1.0])


@given(
    ends=st.tuples(st.floats(1e-10, 1e3), st.floats(1.01, 1e6)),
    count=st.integers(2, 300),
    scale=st.sampled_from(["log", "linear"]),
)
def test_grid_goes_up_from_one_end_to_the_other(ends, count, scale):
    lr_min, lr_max = ends[0], ends[0] * ends[1]
    rates = grid(lr_min, lr_max, count, scale)
    assert rates.shape == (count,)
    assert rates[0] == lr_min
    assert rates[-1] == lr_max
    assert (np.diff(rates) > 0).all()


@given(n=st.integers(1, 10_000), share=st.floats(0, 1), seed=st.integers(0, 2**40), index=st.integers(0, 10**6))
def test_subsample_is_pure_and_without_replacement(n, share, seed, index):
    size = max(1, int(n * share))
    rows = subsample(n, size, seed, index)
    assert len(set(rows.tolist())) == size
    assert 0 <= rows.min() <= rows.max() < n
    np.testing.assert_array_equal(rows, subsample(n, size, seed, index))


def test_subsamples_of_other_rounds_and_seeds_differ():
    draws = {tuple(subsample(1000, 8, seed, index)) for seed in range(10) for index in range(10)}
    assert len(draws) == 100


@given(DELTAS)
def test_summary_is_what_pandas_says_of_the_finite_rounds(deltas):
    frame = pd.DataFrame(np.where(np.isfinite(deltas), deltas, np.nan), columns=RATES)
    results = TuneResults(RATES, deltas)
    summary = results.summary(alpha=0.1)
    pd.testing.assert_frame_equal(results.frame, frame, check_names=False)
    for percent in (5, 25, 75, 95):
        expected = frame.quantile(percent / 100).to_numpy()
        np.testing.assert_allclose(summary[f"q{percent:02}"], expected, rtol=1e-9, atol=1e-6)
    for statistic in ("mean", "median", "std"):
        expected = getattr(frame, statistic)().to_numpy()
        np.testing.assert_allclose(summary[statistic], expected, rtol=1e-9, atol=1e-6)
    assert summary["count"].tolist() == frame.count().tolist()
    assert (summary["count"] + summary["diverged"] == len(deltas)).all()
    margin = 1.6448536269514722 * frame.std().to_numpy() / np.sqrt(frame.count().to_numpy().clip(1))
    np.testing.assert_allclose(summary["upper"] - summary["lower"], 2 * margin, rtol=1e-7, atol=1e-5)


@given(DELTAS)
@settings(max_examples=30, deadline=None)
def test_student_s_band_is_scipy_s_interval(deltas):
    summary = TuneResults(RATES, deltas).summary(alpha=0.1, band="t")
    for (_, row), column in zip(summary.iterrows(), deltas.T, strict=True):
        values = column[np.isfinite(column)]
        if len(values) < 2:
            assert np.isnan(row["lower"])
            assert np.isnan(row["upper"])
        elif np.std(values) > 0:
            expected = stats.t.interval(0.9, len(values) - 1, np.mean(values), stats.sem(values))
            np.testing.assert_allclose([row["lower"], row["upper"]], expected, rtol=1e-7, atol=1e-5)


def test_bootstrap_band_is_scipy_s_for_each_rate_and_skips_what_diverged():
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
    # Skewed to the right: so is the interval, which the normal one never is.
    assert (summary["upper"] - summary["mean"] > summary["mean"] - summary["lower"]).all()
    pd.testing.assert_frame_equal(summary, TuneResults(RATES, deltas).summary(alpha=0.1, band="bootstrap"))


@pytest.mark.parametrize("rounds", [0, 1])
def test_bootstrap_band_of_too_few_rounds_is_nan(rounds):
    summary = TuneResults(RATES, np.ones((rounds, 5))).summary(band="bootstrap")
    assert summary[["lower", "upper"]].isna().all(axis=None)


def test_a_band_that_there_is_not():
    with pytest.raises(
        ValueError, match=r"`band` must be one of \('normal', 't', 'bootstrap', 'anytime'\)\. Received: band='wide'"
    ):
        TuneResults(RATES, np.ones((2, 5))).summary(band="wide")


def test_steady_is_not_fooled_by_rates_that_do_nothing():
    # The spread of the drop vanishes with the rate, as it does for a real model; only around 0.1 is it steady.
    drop = np.array([-0.01, -0.02, -0.1, -0.5, 3.0])
    noise = np.array([0.5, 0.5, 0.1, 0.6, 1.0])
    rounds = np.random.default_rng(0).normal(size=(30, 1))
    results = TuneResults(RATES, drop * (1 + noise * rounds))
    assert results.best_lr("variance") == 0.01
    assert results.best_lr("steady") == 0.1


@pytest.mark.parametrize(
    ("drop", "end"), [([-5, -4, -3, -2, -1], "lower"), ([-1, -2, -3, -4, -5], "upper"), ([-1, -2, -5, -4, -3], "")]
)
def test_a_choice_at_the_edge_is_flagged(drop, end):
    assert TuneResults(RATES, np.array([drop] * 2, float)).edge() == end


def test_the_largest_rate_that_did_not_diverge_is_no_edge():
    assert TuneResults(RATES, np.array([[-1, -2, -3, -4, math.nan]])).edge() == ""


@given(DELTAS, st.sampled_from(["log", "linear"]))
def test_json_both_ways(deltas, scale):
    results = TuneResults(RATES, deltas, scale)
    text = results.to_json()
    assert TuneResults.from_json(text) == results
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


HEAD = '{"format": "autolr_widget.TuneResults", "version": 1, "scale": '


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it is no JSON"),
        ("[]", 'its "format" is not "autolr_widget.TuneResults"'),
        ("{}", 'its "format" is not "autolr_widget.TuneResults"'),
        ('{"format": "autolr_widget.Run", "version": 1}', 'its "format" is not "autolr_widget.TuneResults"'),
        ('{"format": "autolr_widget.TuneResults", "version": 2}', 'its "version" is 2, and this .* reads version 1'),
        (HEAD + '"log", "rates": [1, 2], "deltas": [[1]]}', "row 0 of `deltas` is no list of 2 values"),
        (HEAD + '"log", "rates": ["a"], "deltas": [[1]]}', "`rates` holds 'a'"),
        (HEAD + '"log", "rates": [2, 1], "deltas": []}', "`rates` must be finite, not negative and in order"),
        (HEAD + '"log", "rates": [1], "deltas": [[1]], "measured": [[false]]}', "must be NaN where `measured`"),
        (HEAD + '"cubic", "rates": [1], "deltas": [[1]]}', "`scale` must be one of"),
        (HEAD + '"log", "rates": [1]}', "`results` lacks the key 'deltas'"),
    ],
)  # fmt: skip
def test_damaged_json_is_refused(text, message):
    with pytest.raises(ValueError, match="Argument `text` must be JSON written by .*, but .*" + message):
        TuneResults.from_json(text)


def test_results_are_equal_by_value():
    deltas = np.array([[1.0, math.nan, 2.0, 3.0, 4.0]])
    assert TuneResults(RATES, deltas) == TuneResults(RATES, deltas)
    assert TuneResults(RATES, deltas) != TuneResults(RATES, deltas + 1)
    assert TuneResults(RATES, deltas) != TuneResults(RATES, deltas, "linear")


@pytest.mark.parametrize(
    ("deltas", "expected"),
    [
        ([[-1, -2, -3, -4, 5]], {"mean": 0.5, "median": 0.5, "max": 0.5}),
        ([[-1, -9, -3, 1, 0], [-1, 1, -3, -9, 0]], {"mean": 0.02, "median": 0.02, "variance": 0.01, "max": 1.0}),
        ([[-1, -1, 0, 0, 9], [-1, -1, 0, 0, 9], [9, -1, 0, 0, 9]], {"mean": 0.02, "median": 0.01, "variance": 0.02}),
        ([[-1, -2, math.nan, -4, -9], [-1, -2, -9, -4, math.inf]], {"mean": 0.5, "median": 0.5, "max": 0.5}),
    ],
)
def test_rules(deltas, expected):
    results = TuneResults(RATES, np.array(deltas, float))
    for method, rate in expected.items():
        assert results.best_lr(method) == rate, method


def test_max_warns_where_no_rate_is_safe():
    with pytest.warns(UserWarning, match="raised the loss"):
        assert TuneResults(RATES, np.ones((2, 5))).best_lr("max") == 0.0


@pytest.mark.parametrize(
    ("deltas", "method", "message"),
    [
        (np.zeros((0, 5)), "mean", "No results found"),
        (np.full((2, 5), math.nan), "median", r"Every learning rate from 0\.01 to 1 diverged"),
        (np.zeros((1, 5)), "variance", "at least 2 rounds"),
        (np.zeros((1, 5)), "steady", "at least 2 rounds"),
        (np.ones((3, 5)), "steady", "no rate that lowers the loss significantly"),
        (np.zeros((1, 5)), "lowest", "`method` must be one of"),
    ],
)
def test_rules_that_can_not_choose_say_why(deltas, method, message):
    with pytest.raises(ValueError, match=message):
        TuneResults(RATES, deltas).best_lr(method)


@given(DELTAS, st.randoms(use_true_random=False))
def test_rules_do_not_depend_on_the_order_of_rounds(deltas, random):
    order = list(range(len(deltas)))
    random.shuffle(order)
    finite = np.isfinite(deltas).all(axis=0)
    if len(deltas) and finite.any():
        # Not the mean: its last bit depends on the order of the sum, and may break a tie.
        assert RULES["median"](RATES, deltas[order]) == RULES["median"](RATES, deltas)
        assert RULES["median"](RATES, deltas) in RATES[finite]
        if (finite & (deltas <= 0).all(axis=0)).any():
            assert RULES["max"](RATES, deltas[order]) == RULES["max"](RATES, deltas)


def test_plot_draws_the_curve():
    import matplotlib as mpl

    mpl.use("Agg")
    axes = TuneResults(RATES, np.array([[-1.0, -2, -3, 4, 5], [-1, -3, -3, 4, 5]])).plot()
    assert axes.get_xscale() == "log"
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), [-1, -2.5, -3, 4, 5])


def test_anytime_margin_is_where_the_t_test_s_martingale_reaches_one_in_alpha():
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


def test_anytime_holds_for_those_who_watch_and_student_does_not():
    deltas = np.random.default_rng(0).normal(size=(60, 2000))
    missed = {"anytime": np.zeros(2000, bool), "t": np.zeros(2000, bool)}
    for n in range(2, 61):
        for band in missed:
            found = BANDS[band](deltas[:n], 0.05)
            missed[band] |= (found.lower > 0) | (found.upper < 0)
    assert missed["anytime"].mean() < 0.05 < 0.3 < missed["t"].mean()


CURVE = np.array([-0.01, -0.1, -0.6, -0.9, -1.0, 3.0])
SOFT = np.exp([-9.9, -9, -4, -1, 0, -40])
GRID = np.array([1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0])


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("mean", 1.0),
        # The parabola through (-1, -0.9), (0, -1) and (1, 0), in decades, where the rise above 0 counts as 0.
        ("half-minimum", 10 ** (-0.45 / 1.1) / 2),
        ("share", 0.1),
        ("significant", 1.0),
        ("steepest", 1e-3),
        ("valley", 1e-2),
        ("soft", 10 ** sum(share * decade for share, decade in zip(SOFT / SOFT.sum(), range(-4, 2), strict=True))),
    ],
)
def test_rules_on_a_curve(rule, expected):
    noise = np.array([[-1.0], [1.0]]) * 1e-6
    assert TuneResults(GRID, CURVE + noise).best_lr(rule) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("rule", ["share", "steepest", "valley", "soft"])
def test_rules_of_the_drop_need_one(rule):
    with pytest.raises(ValueError, match=f'Rule "{rule}" finds no rate that lowers the loss'):
        TuneResults(GRID, abs(CURVE) + np.zeros((3, 1))).best_lr(rule)


@given(
    arrays(float, (4, 6), elements=st.floats(-10, 10)),
    st.sampled_from([*RULES]),
)
@pytest.mark.filterwarnings("ignore:Every learning rate")
def test_every_rule_chooses_within_the_grid_or_says_why_not(deltas, rule):
    with contextlib.suppress(ValueError):
        rate = RULES[rule](GRID, deltas)
        assert rate == 0 or GRID[0] / 2 <= rate <= GRID[-1] * (1 + 1e-9)


@given(st.lists(st.floats(0.01, 3), min_size=3, max_size=12), st.floats(0, 1))
def test_half_minimum_finds_the_vertex_of_a_parabola_on_any_grid(steps, where):
    logs = np.cumsum([-9.0, *steps])
    vertex = logs[1] + where * (logs[-2] - logs[1])
    # Low enough for no rate to count as 0.
    deltas = (logs - vertex) ** 2 - 2000
    assert RULES["half-minimum"](np.exp(logs), deltas[np.newaxis]) == pytest.approx(np.exp(vertex) / 2, rel=1e-4)


def test_half_minimum_looks_between_the_rates_that_are_left():
    diverged = np.array([-0.01, -0.1, -0.6, -0.9, -1.0, np.nan])
    assert RULES["half-minimum"](GRID, diverged[np.newaxis]) == 0.5


def test_certainty_is_narrow_where_rounds_agree_and_wide_where_they_do_not():
    generator = np.random.default_rng(0)
    sure = TuneResults(GRID, CURVE + generator.normal(0, 0.01, (20, 6))).certainty("mean")
    assert (sure.lower, sure.upper, sure.agreement) == (1.0, 1.0, 1.0)
    unsure = TuneResults(GRID, CURVE + generator.normal(0, 1.0, (20, 6))).certainty("mean")
    assert unsure.lower < unsure.upper
    assert unsure.agreement < 0.9
    assert TuneResults(GRID, np.tile(CURVE, (2, 1))).certainty("mean") is None
    assert TuneResults(GRID, abs(np.tile(CURVE, (5, 1)))).certainty("share") is None


def test_a_rule_of_one_s_own_is_chosen_like_the_rest(monkeypatch):
    monkeypatch.setitem(RULES, "third", lambda rates, deltas: float(rates[2]))
    results = TuneResults(GRID, np.tile(CURVE, (3, 1)))
    assert results.best_lr("third") == 1e-2
    assert results.choices()["third"] == 1e-2
    assert results.certainty("third").agreement == 1


def test_a_choice_below_the_lowest_mean_is_at_the_edge_where_that_is():
    results = TuneResults(GRID[:5], np.tile(CURVE[:5], (2, 1)))
    assert (results.best_lr("half-minimum"), results.edge("half-minimum")) == (1 / 2, "upper")


def test_contenders_keep_the_best_and_drop_the_hopeless():
    kept = []
    for seed in range(200):
        deltas = CURVE + np.random.default_rng(seed).normal(0, 0.3, (12, 6))
        mask = contenders(deltas, 0.05)
        kept.append(mask[4])
        assert not mask[[0, 5]].any()
    assert np.mean(kept) > 0.95
    assert contenders(np.full((3, 6), np.nan), 0.05).all(), "if all have diverged, nobody is dropped"


def test_settled_knows_ties_and_hopeless_cases():
    generator = np.random.default_rng(0)
    noise = generator.normal(0, 0.01, (20, 6))
    assert settled(CURVE + noise, 0.05)
    assert not settled(CURVE + 100 * noise, 0.05)
    assert not settled(abs(CURVE) + noise, 0.05), "no rate lowers the loss"
    assert not settled((CURVE + noise)[:3], 0.05)


@given(st.floats(0.001, 0.9), st.integers(1, 1000))
def test_anytime_margin_shrinks_once_there_is_one(alpha, rounds):
    now, later = anytime_margin(np.ones(2), np.array([rounds, rounds + 1]), alpha)
    assert np.isnan(now) or later < now


@pytest.mark.parametrize(("alpha", "first"), [(0.5, 2), (0.1, 4), (0.05, 4), (0.01, 5)])
def test_anytime_margin_of_the_first_rounds_is_nan(alpha, first):
    # At 10 % and three rounds it is infinite but for a rounding error.
    margins = anytime_margin(np.ones(8), np.arange(8), alpha)
    assert np.isnan(margins[:first]).all()
    assert (margins[first:] < 10).all()


@given(DELTAS)
def test_anytime_band_is_of_the_rounds_that_did_not_diverge(deltas):
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
    # Waudby-Smith et al. (2021), theorem 2.2, with their rho squared the mixture's 3.
    n, alpha = 100_000, 0.05
    k = 3 * n + 1
    expected = np.sqrt(2 * k / (3 * n**2) * np.log(np.sqrt(k) / alpha))
    assert anytime_margin(np.array([1.0]), np.array([n]), alpha)[0] == pytest.approx(expected, rel=1e-3)


def test_agreement_is_to_half_a_step_of_the_grid():
    """`half_minimum` lies between the rates, and hardly twice at the same place."""
    deltas = CURVE + np.random.default_rng(0).normal(0, 0.02, (20, 6))
    sure = certainty("half-minimum", GRID, deltas)
    assert sure.lower < sure.upper
    assert sure.agreement == 1
    wild = certainty("half-minimum", GRID, CURVE + np.random.default_rng(1).normal(0, 3.0, (20, 6)))
    assert wild.agreement < 0.9


@pytest.mark.parametrize("grid", [np.geomspace(0.1, 1, 9), np.linspace(0, 0.4, 5)])
@pytest.mark.parametrize(("apart", "agreement"), [(1.01, 1), (5, 0.5)])
def test_agreement_is_told_beside_the_grid_too(monkeypatch, grid, apart, agreement):
    """A rule of one's own, whose choice lies below the grid and follows the first round that was drawn."""
    monkeypatch.setitem(RULES, "own", lambda rates, deltas: 0.02 * apart if deltas[0, 0] > 0 else 0.02)
    rounds = np.tile([[-1.0], [1.0]], (10, len(grid)))
    assert certainty("own", grid, rounds).agreement == pytest.approx(agreement, abs=0.15)


@pytest.mark.parametrize("odd", [0.0, np.nan, -1.0, "0.1 or so", np.ones(2), None])
def test_no_certainty_of_what_is_no_rate(monkeypatch, odd):
    monkeypatch.setitem(RULES, "own", lambda rates, deltas: odd)
    assert certainty("own", GRID, np.ones((5, 6))) is None


def test_agreement_does_not_depend_on_the_size_of_the_rates():
    rates, deltas = np.geomspace(1e-10, 1e-8, 5), np.random.default_rng(0).normal(-1, 1, (12, 5))
    small, large = (certainty("mean", factor * rates, deltas) for factor in (1, 1e6))
    assert small.agreement == large.agreement < 1


def test_settled_does_not_take_the_leader_s_drop_for_known():
    """The rates differ by little, and for sure, but nearly all of the drop may be noise that they share."""
    shared = np.random.default_rng(0).normal(0, 1, (40, 1))
    shared -= shared.mean()
    gap = np.random.default_rng(1).normal(0.002, 0.001, (40, 1))
    deltas = np.hstack([np.zeros_like(gap), gap])
    assert settled(deltas - 1 + 0.01 * shared, 0.05)
    assert not settled(deltas - 0.1 + shared, 0.05)


@pytest.mark.parametrize("band", BANDS)
def test_a_level_that_is_tiny_is_a_wide_band(band):
    deltas = np.random.default_rng(0).normal(-1, 1, (20, 3))
    wide, narrow = (BANDS[band](deltas, alpha) for alpha in (1e-17, 0.05))
    assert not (wide.upper - wide.lower < narrow.upper - narrow.lower).any()


def test_zero_is_no_rate_to_train_with():
    rates, deltas = np.array([0.0, 0.1, 0.2]), np.array([[0.0, 1.0, 2.0], [0.0, 2.0, 3.0]])
    assert [RULES[name](rates, deltas) for name in ("mean", "median", "variance")] == [0.1] * 3
    with pytest.warns(UserWarning, match=r"returns 0\.0"):
        assert RULES["max"](rates, deltas) == 0
