import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from autolr_widget import LRTuner
from autolr_widget.engine.measuring import paths, training

pytestmark = pytest.mark.trains


def tuner_of(make_model, digits, *layers, **settings):
    settings = {"num_evals": 5, "horizon": 7, "num_subsamples": 2, "batch_size": 12} | settings
    return LRTuner(make_model("adam", *layers), *digits, **settings)


def rounds_of(tuner):
    return [(r.loss, r.deltas.tolist(), np.nan_to_num(r.curves).tolist(), r.starts.tolist()) for r in tuner]


@pytest.mark.parametrize("evaluate_on", ["progressive", "train", "held-out"])
def test_the_order_of_the_work_changes_no_number(make_model, digits, monkeypatch, evaluate_on):
    layers = keras.layers.BatchNormalization(), keras.layers.Dropout(0.3)
    whole = tuner_of(make_model, digits, *layers, evaluate_on=evaluate_on)
    expected = rounds_of(whole)
    for together, width in itertools.product([True, False], [0, 2**26]):
        monkeypatch.setattr(paths, "STATES", 2**30 if together else 0)
        monkeypatch.setattr(training, "AT_ONCE", width)
        tuner = whole.renewed(whole.settings)
        while not tuner.is_complete:
            tuner.advance(0)
        assert str(rounds_of(iter(tuner.rounds))) == str(expected), (together, width)


@pytest.fixture(scope="module")
def traced():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "tanh"), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    x = np.random.default_rng(0).normal(size=(50, 4)).astype("float32")
    tuner = LRTuner(model, x, x[:, :1], num_evals=3, horizon=9, num_subsamples=2, batch_size=5)
    list(tuner)
    return tuner


# 40 examples: each is a run, and the pieces of a run come in no more kinds than that.
@settings(max_examples=40)
@given(seconds=st.lists(st.floats(0, 0.005), min_size=1, max_size=6))
def test_slices_change_no_number(traced, seconds):
    tuner = traced.renewed(traced.settings)
    steps = 0
    while not tuner.is_complete:
        tuner.advance(seconds[steps % len(seconds)])
        steps += 1
    assert tuner.results == traced.results


def test_an_unfinished_round_can_be_seen(make_model, digits):
    tuner = tuner_of(make_model, digits, horizon=40)
    assert tuner.unfinished is None
    tuner.advance(0)
    seen = tuner.unfinished
    assert seen.index == 0
    assert seen.curves.shape == (5, 40)
    assert 0 < seen.steps.max() < 40
    assert [np.isfinite(curve).sum() for curve in seen.curves] == seen.steps.tolist()
    assert np.isnan(seen.seconds_per_step), "the first call of a graph takes longer"
    while np.isnan(tuner.seconds_per_step):
        tuner.advance(0)
    later = tuner.unfinished
    assert later.steps.sum() > seen.steps.sum()
    assert later.seconds_per_step > 0
    assert later.common_steps == later.steps.min()
    round = tuner.step()
    done = np.isfinite(later.curves)
    np.testing.assert_array_equal(round.curves[done], later.curves[done])
    assert tuner.unfinished is None


@pytest.mark.parametrize("together", [True, False])
def test_an_unfinished_round_tells_what_a_shorter_run_would_have_measured(make_model, digits, monkeypatch, together):
    whole = tuner_of(make_model, digits, horizon=12)
    whole.step()
    monkeypatch.setattr(paths, "STATES", 2**30 if together else 0)
    tuner = tuner_of(make_model, digits, horizon=12)
    seen = []
    while tuner.advance(0) is None:
        now = tuner.unfinished
        known = np.isfinite(now.deltas)
        if now.common_steps >= 2 and known.any():
            expected = whole.results.at(now.common_steps).deltas[0]
            np.testing.assert_array_equal(now.deltas[known], expected[known])
            seen.append((now.common_steps, int(known.sum())))
    if together:
        assert {count for _, count in seen} == {5}
        assert len({steps for steps, _ in seen}) > 3
    else:
        assert {steps for steps, _ in seen} == {12}
        assert {count for _, count in seen} >= {1, 2, 3, 4}


def test_a_diverged_rate_costs_no_further_step(make_model, digits):
    tuner = tuner_of(make_model, digits, lr_space=(1e-3, 1e30), num_evals=2, horizon=30)
    while not tuner.rounds:
        tuner.advance(0)
        seen = tuner.unfinished
        if seen is not None:
            last = seen.steps
    assert last[0] >= 29
    assert last[1] < 10
    (round,) = tuner.rounds
    assert np.isfinite(round.curves[0]).all()
    first = np.flatnonzero(np.isnan(round.curves[1]))[0]
    assert np.isnan(round.curves[1, first:]).all()
    assert np.isnan(round.deltas[1])


def test_weights_that_are_not_finite_end_a_path_though_the_loss_is(make_model, digits):
    # A fused matmul and relu makes 0 of NaN, so that the loss stays finite.
    tuner = tuner_of(make_model, digits, lr_space=(1e-3, 3e38), num_evals=2, horizon=6)
    model = tuner.model
    model.compile(keras.optimizers.SGD(), lambda y, p: keras.ops.mean(keras.ops.relu(p) * 0.0 + p[:, :1] * 1e-3))
    tuner = LRTuner(model, *digits, lr_space=(1e-3, 3e38), num_evals=2, horizon=6, batch_size=12)
    round = tuner.step()
    assert np.isfinite(round.deltas[0])
    assert np.isnan(round.curves[1, -1])


def test_an_interrupted_round_starts_over(make_model, digits, monkeypatch):
    tuner = tuner_of(make_model, digits)
    tuner.advance(0)
    with monkeypatch.context() as patch:
        patch.setattr(paths, "leaves_of", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            tuner.step()
    assert tuner.unfinished is None
    assert str(rounds_of(tuner)) == str(rounds_of(tuner_of(make_model, digits)))


def test_running_out_of_memory_raises_memory_error(make_model, digits, monkeypatch):
    tuner = tuner_of(make_model, digits)
    tuner.step()

    def exhausted(*_):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating a tensor")

    monkeypatch.setattr(tuner._training, "loop", exhausted)
    with pytest.raises(MemoryError, match="OOM"):
        tuner.step()
    assert len(tuner) == 1


def test_one_trace_serves_all_grids_and_horizons(make_model, digits):
    tuner = tuner_of(make_model, digits, horizon=3)
    tuner.step()
    longer = tuner.renewed(tuner.settings.__class__(num_evals=4, horizon=5, batch_size=12))
    longer.step()
    assert longer._training is tuner._training
    assert [len(functions) for functions in tuner._training._functions.values()] == [1, 1]
    fresh = tuner_of(make_model, digits, horizon=5, num_evals=4)
    np.testing.assert_array_equal(longer.rounds[0].deltas, fresh.step().deltas)


def test_batches_of_several_sizes_need_two_traces(make_model, digits):
    sizes = [8, 8, 5, 8, 6, 7]
    ends = np.cumsum(sizes)
    batches = [(digits[0][b - n : b], digits[1][b - n : b]) for n, b in zip(sizes, ends, strict=True)]
    tuner = LRTuner(make_model("adam"), iter(batches), num_evals=2, horizon=6)
    tuner.step()
    assert [len(functions) for functions in tuner._training._functions.values()] == [2, 2]
    model = make_model("adam")
    model.optimizer.learning_rate = tuner.rates[0]
    trained = [model.train_on_batch(*batch, return_dict=True)["loss"] for batch in batches[:1]]
    assert tuner.rounds[0].curves[0, 0] == trained[0]
