import os
import signal
import threading
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from autolr_widget import LRTuner
from autolr_widget.engine.measuring import measurement

pytestmark = pytest.mark.trains


def weights_and_slots(model):
    return [v.numpy() for v in (*model.variables, *model.optimizer.variables)]


def make_awkward():
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(16, activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.3),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def fit(model, digits):
    model.fit(digits[0][:256], digits[1][:256], epochs=1, verbose=0, shuffle=False)


@pytest.fixture(scope="module")
def untuned(digits):
    model = make_awkward()
    fit(model, digits)
    fit(model, digits)
    return weights_and_slots(model)


def assert_same(left, right):
    assert len(left) == len(right)
    for a, b in zip(left, right, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_tuning_does_not_change_later_fits(digits, untuned):
    model = make_awkward()
    fit(model, digits)
    list(LRTuner(model, *digits, num_evals=5, num_subsamples=3))
    fit(model, digits)
    assert_same(weights_and_slots(model), untuned)


@pytest.mark.slow
def test_an_interrupted_round_does_not_change_later_fits(digits, untuned):
    model = make_awkward()
    fit(model, digits)
    tuner = LRTuner(model, *digits, num_evals=2000, num_subsamples=1000, horizon=1)
    tuner.step()
    timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT))
    # A shell starts background jobs with SIGINT ignored, and Python keeps that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            list(tuner)
    finally:
        signal.signal(signal.SIGINT, before)
    assert 1 <= len(tuner) < 1000
    fit(model, digits)
    assert_same(weights_and_slots(model), untuned)


@pytest.mark.slow
def test_an_interrupted_trace_does_not_change_later_fits(digits, untuned, monkeypatch):
    model = make_awkward()
    fit(model, digits)
    tuner = LRTuner(model, *digits)

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(model.layers[-1], "call", interrupt)
        with pytest.raises(KeyboardInterrupt):
            tuner.step()
    tuner.step()
    fit(model, digits)
    assert_same(weights_and_slots(model), untuned)


def test_global_generators_are_unchanged(digits, make_model):
    model = make_model("adam", keras.layers.Dropout(0.5))
    np.random.seed(5)
    tf.random.set_seed(5)
    expected = np.random.random(), float(tf.random.uniform(()))
    np.random.seed(5)
    tf.random.set_seed(5)
    list(LRTuner(model, *digits, num_evals=3, num_subsamples=2))
    assert (np.random.random(), float(tf.random.uniform(()))) == expected


@pytest.mark.slow
def test_a_round_does_not_depend_on_earlier_rounds(digits, make_model):
    model = make_model("adam", keras.layers.Dropout(0.5))
    tuner = LRTuner(model, *digits, num_evals=5, num_subsamples=4)
    rounds = list(tuner)
    again = LRTuner(model, *digits, num_evals=5, num_subsamples=4)
    for index in (3, 0, 2, 1):
        np.testing.assert_array_equal(again.measure(index).deltas, rounds[index].deltas)
    other = LRTuner(model, *digits, num_evals=5, num_subsamples=4, seed=1)
    assert not np.array_equal(other.step().deltas, rounds[0].deltas)


@pytest.mark.slow
def test_a_run_measures_the_state_at_its_start(digits, make_model):
    model = make_model("adam")
    undisturbed = [r.deltas for r in LRTuner(model, *digits, num_evals=5, num_subsamples=3)]
    tuner = LRTuner(model, *digits, num_evals=5, num_subsamples=3)
    tuner.step()
    fit(model, digits)
    np.testing.assert_array_equal([r.deltas for r in tuner], undisturbed[1:])
    assert not np.array_equal(tuner.renewed(tuner.settings).step().deltas, undisturbed[0])


@pytest.mark.slow
def test_fewer_steps_read_the_same_rounds(digits, make_model):
    tuner = LRTuner(make_model("adam"), *digits, num_evals=4, horizon=8, num_subsamples=2)
    list(tuner)
    whole, shorter = tuner.results, replace(tuner.settings, horizon=5)
    assert tuner.can_read_at(shorter)
    tuner.read_at = 5
    alone = LRTuner(make_model("adam"), *digits, num_evals=4, horizon=5, num_subsamples=2)
    list(alone)
    assert tuner.results == alone.results
    np.testing.assert_array_equal(tuner.deltas, alone.deltas)
    assert tuner.saved_run.results == whole, "nothing is lost"


def test_other_settings_need_new_rounds(digits, make_model):
    tuner = LRTuner(make_model("adam"), *digits, num_evals=4, horizon=8)
    tuner.step()
    shorter, same, longer = (replace(tuner.settings, horizon=steps) for steps in (5, 8, 9))
    assert [tuner.can_read_at(each) for each in (shorter, same, longer)] == [True, False, False]
    assert [tuner.can_continue(each) for each in (shorter, same, longer)] == [False, False, True]
    assert not tuner.can_read_at(replace(tuner.settings, horizon=1))
    for other in ({"seed": 1}, {"num_evals": 5}, {"pruner": "racing"}):
        assert not tuner.can_read_at(replace(shorter, **other))
        assert not tuner.can_continue(replace(longer, **other))
    fit(tuner.model, digits)
    assert not tuner.can_continue(replace(tuner.settings, horizon=9)), "the model is another one now"


@pytest.mark.parametrize(
    ("evaluate_on", "few"), [("progressive", 7), ("train", 7), ("held-out", 7), ("progressive", 16)]
)
def test_more_steps_continue_the_paths(digits, make_model, evaluate_on, few):
    layers = keras.layers.BatchNormalization(), keras.layers.Dropout(0.3)
    settings = {"lr_space": (1e-3, 1e6), "num_evals": 4, "num_subsamples": 3, "evaluate_on": evaluate_on}
    tuner = LRTuner(make_model("sgd", *layers), *digits, horizon=few, **settings)
    for _ in range(2):
        tuner.step()
    longer = replace(tuner.settings, horizon=35)
    assert tuner.can_continue(longer)
    further = tuner.renewed(longer, continues=True)
    taken = [int(np.isfinite(round.curves).sum()) for round in tuner.rounds]
    assert further.steps_ahead >= sum(taken) > 0
    further.advance(0)
    assert further.steps_ahead >= taken[1]
    assert further.unfinished.steps.sum() > taken[0]
    list(further)
    alone = LRTuner(make_model("sgd", *layers), *digits, horizon=35, **settings)
    list(alone)
    assert np.isnan(alone.deltas).any(), "no rate diverges"
    assert further.results == alone.results


@pytest.mark.parametrize(("fit_rounds", "rounds", "continued"), [(1, 3, 2), (0, 1, 1)])
def test_what_fits_into_memory_and_the_last_round_are_continued(
    digits, make_model, monkeypatch, fit_rounds, rounds, continued
):
    settings = {"num_evals": 3, "num_subsamples": rounds}
    tuner = LRTuner(make_model("adam"), *digits, horizon=4, **settings)
    tuner.advance(0)
    monkeypatch.setattr(measurement, "ENDS", fit_rounds * tuner._measurement.variables.bytes_per_path * 4)
    list(tuner)
    further = tuner.renewed(replace(tuner.settings, horizon=6), continues=True)
    assert further.steps_ahead == continued * 3 * 4
    list(further)
    alone = LRTuner(make_model("adam"), *digits, horizon=6, **settings)
    list(alone)
    assert further.results == alone.results


# The stream has 10 batches. One that is held out changes the order of all others, once there are too few.
@pytest.mark.parametrize("evaluate_on", ["progressive", "held-out"])
def test_the_first_round_of_a_stream_is_continued(digits, make_model, evaluate_on):
    x, y = digits

    def stream():
        return tf.data.Dataset.from_tensor_slices((x[:160], y[:160])).batch(16)

    settings = {"num_evals": 3, "num_subsamples": 2, "evaluate_on": evaluate_on}
    tuner = LRTuner(make_model("adam"), stream(), horizon=4, **settings)
    list(tuner)
    longer = replace(tuner.settings, horizon=12)
    assert tuner.can_continue(longer) == (evaluate_on == "progressive")
    if evaluate_on == "held-out":
        return
    further = tuner.renewed(longer, continues=True)
    list(further)
    alone = LRTuner(make_model("adam"), stream(), horizon=12, **settings)
    list(alone)
    assert further.results == alone.results


def test_a_recompiled_model_is_traced_again(digits, make_model):
    model = make_model("sgd")
    tuner = LRTuner(model, *digits, num_evals=5)
    tuner.step()
    model.compile("adam", model.loss)
    expected = LRTuner(model, *digits, num_evals=5).step().deltas
    np.testing.assert_array_equal(tuner.renewed(tuner.settings).step().deltas, expected)
    model.optimizer.beta_1 = 0.5
    expected = LRTuner(model, *digits, num_evals=5).step().deltas
    np.testing.assert_array_equal(tuner.renewed(tuner.settings).step().deltas, expected)


def test_a_model_of_layers_in_layers_has_not_changed_by_being_measured(digits):
    x, y = digits
    sequences = keras.Input((8, 8))
    attended = keras.layers.MultiHeadAttention(2, 4)(sequences, sequences)
    model = keras.Model(sequences, keras.layers.Dense(10, "softmax")(keras.layers.LSTM(4)(attended)))
    model.compile("adam", "sparse_categorical_crossentropy")
    tuner = LRTuner(model, x.reshape(-1, 8, 8), y, num_evals=3, horizon=3, num_subsamples=1)
    tuner.step()
    assert not tuner.model_has_changed
    model.layers[1]._dropout = 0.5
    assert tuner.model_has_changed


def test_iterating_runs_the_remaining_rounds(digits, make_model):
    tuner = LRTuner(make_model(), *digits, num_evals=3, num_subsamples=4)
    assert tuner.results.frame.shape == (0, 3)
    first = tuner.step()
    assert [r.index for r in tuner] == [1, 2, 3]
    assert list(tuner) == []
    np.testing.assert_array_equal(tuner.results.frame.iloc[0], first.deltas)


def test_an_unbuilt_model_is_built_for_any_batch_size(digits):
    model = keras.Sequential([keras.layers.Dense(10, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    LRTuner(model, *digits, num_evals=3, batch_size=7).step()
    assert model.inputs[0].shape[0] is None
    LRTuner(model, *digits, num_evals=3, batch_size=9).step()


@pytest.mark.slow
@pytest.mark.parametrize("pruner", ["none", "racing"])
@pytest.mark.parametrize("horizon", [1, 3])
def test_rounds_are_the_same_alone_and_in_blocks(make_model, digits, pruner, horizon):
    tuner = LRTuner(make_model("adam"), *digits, num_evals=7, num_subsamples=9, horizon=horizon, pruner=pruner)
    rounds = list(tuner)
    alone = tuner.renewed(tuner.settings)
    for round in rounds:
        measured = alone.measure(round.index)
        np.testing.assert_array_equal(measured.deltas[round.measured], round.deltas[round.measured])
        assert measured.loss == round.loss


@pytest.mark.parametrize(
    "settings",
    [{"horizon": 1}, {"horizon": 3, "evaluate_on": "train"}, {"horizon": 3, "evaluate_on": "progressive"}],
)
def test_NaN_that_a_relu_hides_from_the_loss_is_named(digits, make_model, settings):
    x = digits[0].copy()
    x[:, 3] = np.nan
    # Whether TensorFlow's own ReLU makes a 0 of NaN depends on the processor.
    relu = keras.layers.Activation(lambda z: keras.ops.where(z > 0, z, 0.0))
    tuner = LRTuner(make_model("sgd", relu), x, digits[1], num_evals=3, batch_size=8, **settings)
    for _ in range(2):
        with pytest.raises(
            ValueError, match=r"All rates diverged, and x has NaN or infinity in (\d+) of \1 rows, first"
        ):
            tuner.step()
    assert len(tuner) == 0


def test_a_round_whose_rates_all_diverge_is_kept_if_its_data_are_finite(digits, make_model):
    tuner = LRTuner(make_model(), *digits, num_evals=3, lr_space=(1e37, 3e38), horizon=3, evaluate_on="train")
    assert np.isnan(tuner.step().deltas).all()
    assert len(tuner) == 1
