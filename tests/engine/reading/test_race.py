from dataclasses import replace

import numpy as np
import pytest

from autolr_widget import LRTuner, TuneResults
from autolr_widget.engine.reading.band import anytime_margin
from autolr_widget.engine.reading.race import contenders, racing, settled
from tests.engine.reading.curves import CURVE

#: The second rate is the best, and the third drops out first.
DELTAS = np.array([-0.5, -1.0, 3.0]) + np.random.default_rng(0).normal(0, 0.01, (9, 3))


def test_contenders_keep_the_best_rate_and_drop_the_worst():
    kept = []
    for seed in range(200):
        deltas = CURVE + np.random.default_rng(seed).normal(0, 0.3, (12, 6))
        mask = contenders(deltas, 0.05)
        kept.append(mask[4])
        assert not mask[[0, 5]].any()
    assert np.mean(kept) > 0.95
    assert contenders(np.full((3, 6), np.nan), 0.05).all(), "if all rates have diverged, none is dropped"


def test_contenders_divide_alpha_by_the_number_of_other_rates():
    rounds, alpha = 12, 0.05
    noise = np.tile([1.0, -1.0], rounds // 2)
    noise /= noise.std(ddof=1)
    alone, of_five = (anytime_margin(np.ones(1), np.array([rounds]), alpha / m)[0] for m in (1, 5))
    leader, other = np.zeros(rounds), (alone + of_five) / 2 + noise
    assert contenders(np.column_stack([leader, other]), alpha).tolist() == [True, False]
    assert contenders(np.column_stack([leader] + 5 * [other]), alpha).all()


def test_settled_with_and_without_a_clear_winner():
    generator = np.random.default_rng(0)
    noise = generator.normal(0, 0.01, (20, 6))
    assert settled(CURVE + noise, 0.05)
    assert not settled(CURVE + 100 * noise, 0.05)
    assert not settled(abs(CURVE) + noise, 0.05), "no rate lowers the loss"
    assert not settled((CURVE + noise)[:3], 0.05)


def test_settled_accounts_for_the_noise_of_the_lowest_mean():
    """The rates differ by a small and certain amount, but the drop may be mostly noise that they share."""
    shared = np.random.default_rng(0).normal(0, 1, (40, 1))
    shared -= shared.mean()
    gap = np.random.default_rng(1).normal(0.002, 0.001, (40, 1))
    deltas = np.hstack([np.zeros_like(gap), gap])
    assert settled(deltas - 1 + 0.01 * shared, 0.05)
    assert not settled(deltas - 0.1 + shared, 0.05)


def test_racing_drops_rates_and_changes_no_measured_number(make_model, digits):
    settings = {"lr_space": (1e-6, 10), "num_evals": 8, "num_subsamples": 24, "horizon": 1}
    full = LRTuner(make_model("adam"), *digits, **settings)
    list(full)
    tuner = LRTuner(make_model("adam"), *digits, pruner="racing", **settings)
    list(tuner)
    measured = tuner.results.measured
    assert measured[:4].all(), "no rate is dropped before the fourth round"
    assert (np.diff(measured.astype(int), axis=0) <= 0).all(), "a dropped rate stays dropped"
    assert 1 <= measured[-1].sum() < 8
    np.testing.assert_allclose(tuner.deltas[measured], full.deltas[measured], rtol=1e-5, atol=1e-7)
    assert tuner.results.best_lr("mean") == full.results.best_lr("mean")
    assert (tuner.results.summary()["diverged"] <= full.results.summary()["diverged"]).all()
    assert TuneResults.from_json(tuner.results.to_json()) == tuner.results


def test_a_settled_run_stops_early_and_can_continue(make_model, digits):
    settings = {"lr_space": (1e-3, 10), "num_evals": 3, "num_subsamples": 200, "horizon": 5}
    tuner = LRTuner(make_model(), *digits, stop_rule="settled", **settings)
    ended = len(list(tuner))
    assert 4 <= ended < 200
    assert tuner.is_complete
    tuner.settings = replace(tuner.settings, stop_rule="rounds")
    assert not tuner.is_complete


def margin(values, alpha):
    return anytime_margin(values.std(ddof=1), np.array(len(values)), alpha)


@pytest.mark.parametrize(
    ("pruner", "rounds", "judged"), [("none", 9, 0), ("racing", 3, 0), ("racing", 7, 4), ("racing", 8, 8)]
)
def test_a_race_is_judged_every_fourth_round(pruner, rounds, judged):
    # In rounds 5 to 8 the last rate diverges.
    deltas = DELTAS[:rounds].copy()
    deltas[4:, 0] = np.nan
    # The leader is in the middle, so the first rate is its neighbor as long as it is finite.
    expected = (
        contenders(deltas[:judged], 0.3) | np.isfinite(deltas[:judged]).all(axis=0) if judged else np.ones(3, bool)
    )
    found = racing(deltas, pruner, 0.3)
    assert found.dtype == bool
    np.testing.assert_array_equal(found, expected)


def test_the_neighbors_of_the_leader_stay_in_a_race_but_others_do_not():
    means = np.array([0, -1, -3, -5, -3.5, -2, 0])
    deltas = means + 0.01 * np.random.default_rng(0).normal(size=(8, 7))
    np.testing.assert_array_equal(contenders(deltas, 0.05), means == -5)
    np.testing.assert_array_equal(racing(deltas, "racing", 0.05), (means == -5) | (means == -3) | (means == -3.5))
    deltas[0, 2] = np.nan
    np.testing.assert_array_equal(racing(deltas, "racing", 0.05), (means == -5) | (means == -3.5))
    # At the end of the grid it has one neighbor.
    np.testing.assert_array_equal(racing(deltas[:, 3:], "racing", 0.05), [True, True, False, False])


@pytest.mark.parametrize(
    ("deltas", "alpha", "expected"),
    [
        (np.empty((0, 3)), 0.05, [True, True, True]),
        (np.full((3, 3), np.nan), 0.05, [True, True, True]),
        # After one round only diverged rates are out.
        ([[np.nan, -1, 9]], 0.9, [False, True, True]),
        (DELTAS[:2], 0.9, [False, True, False]),
    ],
)
def test_contenders_of_the_first_rounds(deltas, alpha, expected):
    found = contenders(np.array(deltas), alpha)
    assert found.dtype == bool
    assert found.tolist() == expected


@pytest.mark.parametrize("rates", [2, 3, 5])
def test_contenders_and_settled_follow_their_definition(rates):
    generator = np.random.default_rng(0)
    dropped, ended = [], []
    for _ in range(400):
        scale = generator.choice([0.1, 1, 10])
        rounds = generator.integers(5, 20)
        deltas = scale * (generator.normal(-1, 0.5, rates) + generator.normal(0, 0.3, (rounds, rates)))
        leader = np.argmin(deltas.mean(axis=0))
        gaps = [deltas[:, j] - deltas[:, leader] for j in range(rates) if j != leader]
        out = [gap.mean() - margin(gap, 0.1 / (rates - 1)) > 0 for gap in gaps]
        np.testing.assert_array_equal(np.delete(contenders(deltas, 0.1), leader), ~np.array(out))
        least = deltas[:, leader].mean() + margin(deltas[:, leader], 0.05)
        over = least < 0 and all(gap.mean() - margin(gap, 0.05 / (rates - 1)) >= 0.1 * least for gap in gaps)
        assert settled(deltas, 0.1) == over
        dropped += out
        ended.append(over)
    assert 0.1 < np.mean(dropped) < 0.9
    assert 0.1 < np.mean(ended) < 0.9


@pytest.mark.parametrize(
    ("deltas", "alpha", "expected"),
    [
        (DELTAS[:3], 0.9, False),
        (DELTAS[:4], 0.5, True),
        (np.full((6, 3), np.nan), 0.5, False),
        # Equal rates need no margin.
        (np.tile(DELTAS[:4, [1]], 9), 0.3, True),
        # The margin of the leader is finite, but not those of the differences.
        (DELTAS[:4, [1, 0, 0, 0, 0, 0, 0, 0, 0]], 0.3, False),
        # The leader changes nothing.
        (np.where([True, False, True], DELTAS + 9, 0), 0.5, False),
    ],
)
def test_settled_in_special_cases(deltas, alpha, expected):
    assert settled(np.array(deltas), alpha) == expected
