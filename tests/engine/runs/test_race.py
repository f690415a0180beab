from dataclasses import replace

import numpy as np

from autolr_widget import LRTuner, TuneResults
from autolr_widget.engine.runs.race import contenders, settled
from tests.engine.reading.curves import CURVE


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


def test_settled_does_not_take_the_leader_s_drop_for_known():
    """The rates differ by little, and for sure, but nearly all of the drop may be noise that they share."""
    shared = np.random.default_rng(0).normal(0, 1, (40, 1))
    shared -= shared.mean()
    gap = np.random.default_rng(1).normal(0.002, 0.001, (40, 1))
    deltas = np.hstack([np.zeros_like(gap), gap])
    assert settled(deltas - 1 + 0.01 * shared, 0.05)
    assert not settled(deltas - 0.1 + shared, 0.05)


def test_racing_drops_what_can_not_win_and_changes_no_number(make_model, digits):
    settings = {"lr_space": (1e-6, 10), "num_evals": 8, "num_subsamples": 24, "horizon": 1}
    full = LRTuner(make_model("adam"), *digits, **settings)
    list(full)
    tuner = LRTuner(make_model("adam"), *digits, pruner="racing", **settings)
    list(tuner)
    measured = tuner.results.measured
    assert measured[:4].all(), "no look before the fourth round"
    assert (np.diff(measured.astype(int), axis=0) <= 0).all(), "who has dropped out stays out"
    assert 1 <= measured[-1].sum() < 8
    np.testing.assert_allclose(tuner.deltas[measured], full.deltas[measured], rtol=1e-5, atol=1e-7)
    assert tuner.results.best_lr("mean") == full.results.best_lr("mean")
    assert (tuner.results.summary()["diverged"] <= full.results.summary()["diverged"]).all()
    assert TuneResults.from_json(tuner.results.to_json()) == tuner.results


def test_a_settled_run_ends_by_itself_and_can_go_on(make_model, digits):
    settings = {"lr_space": (1e-3, 10), "num_evals": 3, "num_subsamples": 200, "horizon": 5}
    tuner = LRTuner(make_model(), *digits, stop_rule="settled", **settings)
    ended = len(list(tuner))
    assert 4 <= ended < 200
    assert tuner.is_complete
    tuner.settings = replace(tuner.settings, stop_rule="rounds")
    assert not tuner.is_complete
