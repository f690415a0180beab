import contextlib
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from autolr_widget import TuneResults
from autolr_widget.engine.reading.selection import RULES, steepest
from tests.engine.reading.curves import CURVE, DELTAS, GRID, RATES


def test_steady_ignores_rates_that_change_nothing():
    # As for a real model, the spread of the drop goes to 0 with the rate. Relative to the drop it is smallest at 0.1.
    drop = np.array([-0.01, -0.02, -0.1, -0.5, 3.0])
    noise = np.array([0.5, 0.5, 0.1, 0.6, 1.0])
    rounds = np.random.default_rng(0).normal(size=(30, 1))
    results = TuneResults(RATES, drop * (1 + noise * rounds))
    assert results.best_lr("variance") == 0.01
    assert results.best_lr("steady") == 0.1


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


def test_max_warns_if_no_rate_is_safe():
    with pytest.warns(UserWarning, match="raised the loss"):
        assert TuneResults(RATES, np.ones((2, 5))).best_lr("max") == 0.0


@pytest.mark.parametrize(
    ("deltas", "method", "message"),
    [
        (np.zeros((0, 5)), "mean", "No results found"),
        (np.full((2, 5), math.nan), "median", r"Every learning rate from 0\.01 to 1 diverged: a loss was NaN"),
        (np.full((2, 5), math.nan), "median", r"such as 1e-5 to 0\.01"),
        (np.array([[-1.0] * 5, [math.nan] * 5]), "mean", r"diverged in some round, or had dropped out of the race"),
        (np.ones((2, 5)), "share", r"Try rates below 0\.01, such as 1e-5 to 0\.01"),
        (np.zeros((1, 5)), "variance", "at least 2 rounds"),
        (np.zeros((1, 5)), "steady", "at least 2 rounds"),
        (np.ones((3, 5)), "steady", "no rate that lowers the loss significantly"),
        (np.zeros((1, 5)), "lowest", "`method` must be one of"),
    ],
)
def test_rules_that_cannot_choose_raise_an_error(deltas, method, message):
    with pytest.raises(ValueError, match=message):
        TuneResults(RATES, deltas).best_lr(method)


@given(DELTAS, st.randoms(use_true_random=False))
def test_rules_do_not_depend_on_the_order_of_rounds(deltas, random):
    order = list(range(len(deltas)))
    random.shuffle(order)
    finite = np.isfinite(deltas).all(axis=0)
    if len(deltas) and finite.any():
        # Not the mean: its last bit depends on the order of the sum and may decide a tie.
        assert RULES["median"](RATES, deltas[order]) == RULES["median"](RATES, deltas)
        assert RULES["median"](RATES, deltas) in RATES[finite]
        if (finite & (deltas <= 0).all(axis=0)).any():
            assert RULES["max"](RATES, deltas[order]) == RULES["max"](RATES, deltas)


SOFT = np.exp([-9.9, -9, -4, -1, 0, -40])


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("mean", 1.0),
        # The parabola through (-1, -0.9), (0, -1) and (1, 0), in decades: a mean above 0 counts as 0.
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


def test_share_takes_the_smallest_rate_with_80_percent_of_the_drop():
    deltas = np.array([[-0.1, -0.79, -0.81, -1.0, 2.0]])
    assert TuneResults(RATES, deltas).best_lr("share") == RATES[2]


@pytest.mark.parametrize("rule", ["share", "steepest", "valley", "soft"])
def test_rules_based_on_the_drop_need_a_drop(rule):
    with pytest.raises(ValueError, match=f'Rule "{rule}" finds no rate that lowers the loss'):
        TuneResults(GRID, abs(CURVE) + np.zeros((3, 1))).best_lr(rule)


@given(
    arrays(float, (4, 6), elements=st.floats(-10, 10)),
    st.sampled_from([*RULES]),
)
@pytest.mark.filterwarnings("ignore:Every learning rate")
def test_every_rule_chooses_within_the_grid_or_raises(deltas, rule):
    with contextlib.suppress(ValueError):
        rate = RULES[rule](GRID, deltas)
        assert rate == 0 or GRID[0] / 2 <= rate <= GRID[-1] * (1 + 1e-9)


@given(st.lists(st.floats(0.01, 3), min_size=3, max_size=12), st.floats(0, 1))
def test_half_minimum_finds_the_vertex_of_a_parabola_on_any_grid(steps, where):
    logs = np.cumsum([-9.0, *steps])
    vertex = logs[1] + where * (logs[-2] - logs[1])
    # So low that no mean is above 0.
    deltas = (logs - vertex) ** 2 - 2000
    assert RULES["half-minimum"](np.exp(logs), deltas[np.newaxis]) == pytest.approx(np.exp(vertex) / 2, rel=1e-4)


def test_half_minimum_ignores_rates_that_diverged():
    diverged = np.array([-0.01, -0.1, -0.6, -0.9, -1.0, np.nan])
    assert RULES["half-minimum"](GRID, diverged[np.newaxis]) == 0.5


def test_rules_skip_the_rate_zero():
    rates, deltas = np.array([0.0, 0.1, 0.2]), np.array([[0.0, 1.0, 2.0], [0.0, 2.0, 3.0]])
    assert [RULES[name](rates, deltas) for name in ("mean", "median", "variance")] == [0.1] * 3
    with pytest.warns(UserWarning, match=r"returns 0\.0"):
        assert RULES["max"](rates, deltas) == 0


@pytest.mark.parametrize("rule", RULES)
def test_rules_do_not_depend_on_the_unit_of_the_loss(rule):
    deltas = CURVE + np.random.default_rng(0).normal(0, 1e-3, (5, 6))
    deltas[:, -1] = 3
    assert RULES[rule](GRID, 8 * deltas) == pytest.approx(RULES[rule](GRID, deltas), rel=1e-6)


@pytest.mark.parametrize(
    ("rule", "means", "expected"),
    [
        ("half-minimum", [-3, -2, -1, 0, 0], 0.005),
        ("share", [-0.5, -0.5, -8, -10, 0], 0.1),
        ("share", [-1, math.nan, math.nan, math.nan, math.nan], 0.01),
        # In ln θ the first step is shorter, and steeper.
        ("steepest", [0, -1, -3, -3, -3], 0.01),
        ("steepest", [-1, -2, math.nan, math.nan, math.nan], 0.01),
        ("valley", [-1, -2, -3, 0, 0], 0.02),
        ("valley", [-1, -1, -2, -3, 0], 0.1),
        ("soft", [-1e-310, 1, 1, 1, 1], 0.01),
    ],
)
def test_rules_in_special_cases(rule, means, expected):
    assert RULES[rule](RATES, np.array([means], dtype=float)) == pytest.approx(expected)


def test_half_minimum_of_equal_rates():
    assert RULES["half-minimum"](np.array([0.1, 0.1, 0.1]), np.array([[-1.0, -2.0, -1.0]])) == 0.05


@pytest.mark.parametrize(
    ("rule", "deltas", "message"),
    [
        *[(rule, np.full((1, 5), -1.0), f'^Rule "{rule}" needs') for rule in ("variance", "steady", "significant")],
        *[
            (rule, np.zeros((3, 5)), f'^Rule "{rule}" finds')
            for rule in ("steady", "significant", "half-minimum", "share", "steepest", "valley", "soft")
        ],
        # The mean is below 0, but the band is not.
        *[(rule, np.tile([[-1.0], [0.9]], (3, 5)), f'^Rule "{rule}" finds') for rule in ("steady", "significant")],
        ("steepest", np.array([[-1, math.nan, math.nan, math.nan, math.nan]]), '^Rule "steepest" finds'),
    ],
)
def test_errors_name_the_rule(rule, deltas, message):
    with pytest.raises(ValueError, match=message):
        RULES[rule](RATES, deltas)


def test_steepest_looks_left_of_the_lowest_mean():
    rates = np.geomspace(1e-3, 1e2, 6)
    assert steepest(rates, np.array([[-0.1, -0.5, -2.0, 50.0, 80.0, -1.0]])) == pytest.approx(1e-2)
    assert steepest(rates, np.array([[-2.0, -0.5, 1.0, 50.0, 80.0, -1.0]])) == pytest.approx(1e-3)
