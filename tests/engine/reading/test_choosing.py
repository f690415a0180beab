import math
from decimal import Decimal

import numpy as np
import pytest
import tensorflow as tf

from autolr_widget import TuneResults
from autolr_widget.engine.reading.choosing import certainty, choose
from autolr_widget.engine.reading.selection import RULES
from autolr_widget.engine.settings import Settings
from tests.engine.reading.curves import CURVE, GRID, RATES


@pytest.mark.parametrize("rule", RULES)
def test_the_numbers_of_our_own_rules_are_the_same_to_the_last_bit(rule):
    generator = np.random.default_rng(0)
    for rounds in (3, 17):
        deltas = CURVE + generator.normal(0, 0.01, (rounds, 6))
        for diverged in ([], [5], [0, 4]):
            deltas[-1, diverged] = math.nan
            assert choose(rule, GRID, deltas) == RULES[rule](GRID, deltas)


def test_a_rule_of_the_user_is_given_only_rates_that_it_may_choose(monkeypatch):
    given = []
    monkeypatch.setitem(RULES, "mine", lambda *args: given.append(args) or args[0][args[1].mean(axis=0).argmin()])
    deltas = np.array([[1.0, -1, -2, -3, -9], [1, -1, -2, math.nan, math.nan]])
    results = TuneResults(np.array([0.0, 0.1, 0.2, 0.3, 0.4]), deltas, "linear")
    assert results.best_lr("mine") == 0.2
    rates, left = given[0]
    assert rates.tolist() == [0.1, 0.2]
    assert left.tolist() == [[-1, -2], [-1, -2]]
    left[:] = rates[:] = 7
    assert results.best_lr("mine") == 0.2, "it is given copies"
    assert results.choices()["mine"] == 0.2
    assert results.certainty("mine") is None
    with pytest.raises(ValueError, match=r"Every learning rate from 0 to 0\.4 diverged"):
        choose("mine", results.rates, np.full((2, 5), math.nan))
    with pytest.raises(ValueError, match="run at least one round first"):
        choose("mine", results.rates, np.empty((0, 5)))


@pytest.mark.parametrize(
    "rate", [0.1, np.float32(0.1), np.float16(0.1), np.array(0.1), np.int64(2), 1, tf.constant(0.1), tf.constant(2)]
)
def test_a_choice_is_a_plain_float(monkeypatch, rate):
    monkeypatch.setitem(RULES, "mine", lambda rates, deltas: rate)
    results = TuneResults(GRID, np.tile(CURVE, (3, 1)))
    assert results.choices()["mine"] == results.best_lr("mine") == float(rate)
    assert type(results.best_lr("mine")) is type(results.choices()["mine"]) is float
    assert type(results.certainty("mine").lower) is float


@pytest.mark.parametrize(
    ("found", "shown"),
    [
        ("0.1", "'0.1'"),
        (b"0.1", "b'0.1'"),
        (True, "True"),
        (np.True_, r"(np\.)?True_?"),
        (-1, "-1"),
        (0, "0"),
        (0.0, r"0\.0"),
        (math.inf, "inf"),
        (1j, "1j"),
        (Decimal("0.1"), r"Decimal\('0\.1'\)"),
        ([0.1], r"\[0\.1\]"),
        (np.array([0.1]), r"array\(\[0\.1\]\)"),
        (np.ones(50), r"array\(\[1\., 1\..{40,50}…"),
        ([1, [2, 3]], r"\[1, \[2, 3\]\]"),
        ({}, r"\{\}"),
    ],
)
def test_a_rule_that_returns_no_rate_is_refused(monkeypatch, found, shown):
    monkeypatch.setitem(RULES, "third", lambda rates, deltas: found)
    results = TuneResults(GRID, np.tile(CURVE, (3, 1)))
    message = rf'^Rule "third" returned {shown}\. It must return a positive, finite learning rate\.$'
    with pytest.raises(ValueError, match=message):
        results.best_lr("third")
    with pytest.raises(ValueError, match=message):
        results.edge("third")
    assert "third" not in results.choices()
    assert "mean" in results.choices()


@pytest.mark.parametrize("found", [None, math.nan, np.float32("nan"), np.array(np.nan)])
def test_a_rule_says_with_none_or_nan_that_it_finds_no_rate(monkeypatch, found):
    monkeypatch.setitem(RULES, "third", lambda rates, deltas: found)
    results = TuneResults(GRID, np.tile(CURVE, (3, 1)))
    with pytest.raises(ValueError, match=r'^Rule "third" finds no rate\.$'):
        results.best_lr("third")
    assert "third" not in results.choices()
    assert results.certainty("third") is None


def test_a_rule_need_not_say_why_it_finds_no_rate(monkeypatch):
    def no_rate(rates, deltas):
        raise ValueError

    monkeypatch.setitem(RULES, "third", no_rate)
    with pytest.raises(ValueError, match=r'^Rule "third" finds no rate\.$'):
        choose("third", GRID, np.tile(CURVE, (3, 1)))


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (lambda rates, deltas: 1 / 0, '^Rule "third" failed: ZeroDivisionError: division by zero$'),
        (lambda rates: rates[0], '^Rule "third" failed: TypeError: .*takes 1 positional argument but 2 were given$'),
        (0.1, "^Rule \"third\" failed: TypeError: 'float' object is not callable$"),
        (lambda rates, deltas: rates[[]].item(), "^can only convert an array of size 1"),
    ],
)
def test_a_rule_that_fails_raises_a_value_error(monkeypatch, rule, message):
    monkeypatch.setitem(RULES, "third", rule)
    results = TuneResults(GRID, np.tile(CURVE, (3, 1)))
    with pytest.raises(ValueError, match=message):
        results.best_lr("third")
    assert "third" not in results.choices()


@pytest.mark.parametrize("ask", ["best_lr", "certainty", "edge"])
def test_a_rule_that_does_not_exist_is_refused(ask):
    with pytest.raises(ValueError, match=r"`method` must be one of 'mean', .*Received: method='nosuch'"):
        getattr(TuneResults(GRID, np.tile(CURVE, (3, 1))), ask)("nosuch")


def test_only_the_rule_max_of_autolrtuner_may_return_0(monkeypatch):
    with pytest.warns(UserWarning, match=r"returns 0\.0"):
        assert choose("max", RATES, np.ones((2, 5))) == 0.0
    monkeypatch.setitem(RULES, "max", lambda rates, deltas: 0.0)
    with pytest.raises(ValueError, match="must return a positive"):
        choose("max", RATES, np.ones((2, 5)))


def test_the_default_rule_is_that_of_the_tuners():
    results = TuneResults(GRID, CURVE + np.random.default_rng(1).normal(0, 0.5, (20, 6)))
    rule = Settings().method
    assert results.best_lr() == results.best_lr(rule) != results.best_lr("mean")
    assert results.certainty() == results.certainty(rule, 0.05) != results.certainty("mean")
    # The edge of half the lowest point is that of the lowest point.
    falling = TuneResults(RATES, np.array([[-1.0, -2, -3, -4, -9]]))
    assert results.edge() == results.edge(rule)
    assert falling.edge() == falling.edge(rule) == "upper"


def test_certainty_is_narrow_if_rounds_agree_and_wide_if_they_do_not():
    generator = np.random.default_rng(0)
    sure = TuneResults(GRID, CURVE + generator.normal(0, 0.01, (20, 6))).certainty("mean")
    assert (sure.lower, sure.upper, sure.agreement) == (1.0, 1.0, 1.0)
    unsure = TuneResults(GRID, CURVE + generator.normal(0, 1.0, (20, 6))).certainty("mean")
    assert unsure.lower < unsure.upper
    assert unsure.agreement < 0.9
    assert TuneResults(GRID, np.tile(CURVE, (2, 1))).certainty("mean") is None
    assert TuneResults(GRID, abs(np.tile(CURVE, (5, 1)))).certainty("share") is None


def test_agreement_is_within_half_a_grid_step():
    """`half_minimum` lies between the rates and almost never chooses the same value twice."""
    deltas = CURVE + np.random.default_rng(0).normal(0, 0.02, (20, 6))
    sure = certainty("half-minimum", GRID, deltas)
    assert sure.lower < sure.upper
    assert sure.agreement == 1
    wild = certainty("half-minimum", GRID, CURVE + np.random.default_rng(1).normal(0, 3.0, (20, 6)))
    assert wild.agreement < 0.9


@pytest.mark.parametrize("grid", [np.geomspace(0.1, 1, 9), np.linspace(0, 0.4, 5)])
@pytest.mark.parametrize(("apart", "agreement"), [(1.01, 1), (5, 0.5)])
def test_agreement_is_computed_for_choices_outside_the_grid(monkeypatch, grid, apart, agreement):
    """A custom rule whose choice lies below the grid and depends on the first round of the resample."""
    monkeypatch.setitem(RULES, "own", lambda rates, deltas: 0.02 * apart if deltas[0, 0] > 0 else 0.02)
    rounds = np.tile([[-1.0], [1.0]], (10, len(grid)))
    assert certainty("own", grid, rounds).agreement == pytest.approx(agreement, abs=0.15)


@pytest.mark.parametrize("odd", [0.0, np.nan, -1.0, "0.1 or so", np.ones(2), None])
def test_certainty_is_none_if_the_choice_is_not_a_rate(monkeypatch, odd):
    monkeypatch.setitem(RULES, "own", lambda rates, deltas: odd)
    assert certainty("own", GRID, np.ones((5, 6))) is None


def test_agreement_does_not_depend_on_the_size_of_the_rates():
    rates, deltas = np.geomspace(1e-10, 1e-8, 5), np.random.default_rng(0).normal(-1, 1, (12, 5))
    small, large = (certainty("mean", factor * rates, deltas) for factor in (1, 1e6))
    assert small.agreement == large.agreement < 1


def test_choices_leave_out_rules_that_find_no_rate():
    results = TuneResults(RATES, np.array([[-1.0, -2, -5, 1, math.nan]]))
    found = ("mean", "median", "max", "half-minimum", "share", "steepest", "valley", "soft")
    assert results.choices() == {rule: results.best_lr(rule) for rule in found}
    assert set(TuneResults(RATES, np.ones((2, 5))).choices()) == {"mean", "median", "variance"}


@pytest.mark.parametrize("rule", ["mean", "half-minimum"])
@pytest.mark.parametrize("alpha", [0.05, 0.5])
def test_certainty_is_the_percentile_bootstrap(rule, alpha):
    deltas = CURVE + np.random.default_rng(1).normal(0, 0.5, (20, 6))
    generator = np.random.default_rng(0)
    drawn = np.array([RULES[rule](GRID, deltas[generator.integers(20, size=20)]) for _ in range(200)])
    expected = np.quantile(drawn, [alpha / 2, 1 - alpha / 2], method="inverted_cdf")
    found = TuneResults(GRID, deltas).certainty(rule, alpha)
    assert (found.lower, found.upper) == tuple(expected)
    near = np.abs(np.log(drawn / RULES[rule](GRID, deltas))) <= np.log(10) / 2
    assert found.agreement == near.mean()
    assert found == certainty(rule, GRID, deltas, alpha)


@pytest.mark.parametrize(
    ("rates", "apart", "agree"),
    [
        # Half a step is a factor of 3.16.
        ([0.01, 0.1, 1.0], 2.5, True),
        ([0.01, 0.1, 1.0], 4, False),
        ([0.01, 0.1], 2.5, True),
        # One rate has no step.
        ([0.01], 1, True),
        ([0.01], 1.5, False),
    ],
)
def test_agreement_counts_choices_within_half_a_step(monkeypatch, rates, apart, agree):
    monkeypatch.setitem(RULES, "own", lambda rates, deltas: 0.01 * (apart if deltas[0, 0] > 0 else 1))
    rounds = np.tile([[-1.0], [1.0]], (10, len(rates)))
    assert (certainty("own", np.array(rates), rounds).agreement == 1) == agree


@pytest.mark.parametrize("odd", [0.0, -1.0, None])
def test_agreement_does_not_count_resamples_without_a_rate(monkeypatch, odd):
    monkeypatch.setitem(RULES, "own", lambda rates, deltas: odd if deltas[0, 0] > 0 else 0.01)
    rounds = np.tile([[-1.0], [1.0]], (10, 6))
    assert 0.3 < certainty("own", GRID, rounds).agreement < 0.7


def test_certainty_of_three_rounds():
    assert certainty("mean", GRID, np.tile(CURVE, (3, 1))).agreement == 1


def test_each_rule_has_its_own_edge():
    results = TuneResults(RATES, np.array([[-9.0, -1, -1, -1, -1]]))
    assert [results.edge(rule) for rule in ("mean", "max", "half-minimum")] == ["lower", "upper", "lower"]
