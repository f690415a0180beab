import subprocess
import sys
from dataclasses import replace

import keras
import numpy as np
import pytest

from autolr_widget import LRTuner, TuneResults
from autolr_widget.engine.saved import restore
from autolr_widget.engine.saved.saved_run import SavedRun

pytestmark = pytest.mark.slow


def assert_same_rounds(left, right):
    assert left.saved_run.results == right.saved_run.results
    np.testing.assert_array_equal(left.saved_run.losses, right.saved_run.losses)


@pytest.mark.parametrize("pruner", ["none", "racing"])
@pytest.mark.parametrize("horizon", [1, 3])
def test_a_restored_run_continues_with_the_same_numbers(make_model, digits, pruner, horizon):
    settings = {"num_evals": 7, "num_subsamples": 11, "horizon": horizon, "pruner": pruner}
    uninterrupted = LRTuner(make_model("adam", keras.layers.Dropout(0.3, seed=1)), *digits, **settings)
    saved = [uninterrupted.saved_run]
    for _ in uninterrupted:
        saved.append(uninterrupted.saved_run)
    if pruner == "racing":
        assert not uninterrupted.results.measured.all()
    tuner = LRTuner(make_model("adam", keras.layers.Dropout(0.3, seed=1)), *digits)
    for run in (saved[i] for i in (0, 1, 4, 6, 10)):
        tuner = tuner.restored(SavedRun.from_json(run.to_json()))
        assert tuner.results == run.results
        assert len([*tuner]) == 11 - len(run.results)
        assert_same_rounds(tuner, uninterrupted)
        assert tuner.saved_run.start == saved[-1].start
        if len(run.results):
            assert tuner.saved_run.began == saved[-1].began
    tuner = tuner.restored(saved[-1])
    assert tuner.is_complete
    np.testing.assert_array_equal(tuner.racing, uninterrupted.racing)


def test_a_run_of_a_killed_process_continues_in_another(make_model, digits, path):
    settings = {"num_evals": 5, "num_subsamples": 6, "horizon": 3}
    code = f"""
import os, signal, sys
import keras
from sklearn.datasets import load_digits
from autolr_widget import LRTuner
x, y = load_digits(return_X_y=True)
keras.utils.set_random_seed(0)
model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(16, activation="relu"), keras.layers.Dense(10)])
model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
for round in (tuner := LRTuner(model, (x / 16).astype("float32"), y, **{settings})):
    tuner.saved_run.write(sys.argv[1])
    if round.index == 3:
        os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True)
    assert done.returncode == -9, done.stderr
    run = SavedRun.read(path)
    assert len(run.results) == 4
    tuner = LRTuner(make_model("adam"), *digits).restored(run)
    uninterrupted = LRTuner(make_model("adam"), *digits, **settings)
    assert [round.index for round in tuner] == [4, 5]
    assert len([*uninterrupted]) == 6
    assert_same_rounds(tuner, uninterrupted)


def test_a_restored_settled_run_stops_at_the_same_round(make_model, digits):
    settings = {"lr_space": (1e-3, 10), "num_evals": 3, "num_subsamples": 200, "horizon": 5, "stop_rule": "settled"}
    uninterrupted = LRTuner(make_model(), *digits, **settings)
    saved = [uninterrupted.saved_run for _ in uninterrupted]
    tuner = LRTuner(make_model(), *digits).restored(saved[2])
    assert not tuner.is_complete
    assert len([*tuner]) == len(uninterrupted) - 3 > 0
    assert_same_rounds(tuner, uninterrupted)


def batches(digits, order):
    return ((digits[0][10 * i : 10 * i + 10], digits[1][10 * i : 10 * i + 10]) for i in order)


@pytest.mark.parametrize("length", [100, 5])
def test_a_stream_continues_if_it_yields_the_same_again(make_model, digits, length):
    settings = {"num_evals": 3, "batch_size": 12, "num_subsamples": 6, "horizon": 2}
    uninterrupted = LRTuner(make_model(), batches(digits, range(length)), **settings)
    saved = [uninterrupted.saved_run for _ in uninterrupted]
    assert "data" not in saved[2].start
    tuner = LRTuner(make_model(), batches(digits, range(length))).restored(saved[2])
    assert len([*tuner]) == 3
    assert_same_rounds(tuner, uninterrupted)
    # The third round takes these batches, or the last of them.
    late = [*range(length)]
    late[4] = 1
    for order in (range(length)[::-1], late):
        with pytest.raises(ValueError, match=r"began at a loss of .*or a stream yields the data in a different order"):
            LRTuner(make_model(), batches(digits, order), batch_size=12).restored(saved[2])


def train(model, digits):
    model.fit(digits[0][:64], digits[1][:64], verbose=0)


def step_and_put_weights_back(model, digits):
    before = model.get_weights()
    train(model, digits)
    model.set_weights(before)


def shift_seeds(model, digits):
    model(digits[0][:2], training=True)


WEIGHTS, STATE, OPTIMIZER, DATA, _ = restore.PARTS.values()


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        (train, [WEIGHTS, STATE, OPTIMIZER]),
        (step_and_put_weights_back, [STATE, OPTIMIZER]),
        (shift_seeds, [STATE]),
        (lambda model, _: model.compile("sgd", model.loss), [OPTIMIZER]),
        (lambda model, _: model.compile(keras.optimizers.Adam(beta_1=0.8), model.loss), [OPTIMIZER]),
        (lambda _, digits: digits[0].__setitem__((7, 3), 0.123), [DATA]),
        (lambda _, digits: digits[1].__setitem__(slice(None), digits[1][::-1].copy()), [DATA]),
    ],
)
def test_a_model_or_data_in_another_state_are_refused(make_model, digits, change, differs):
    def make():
        return make_model("adam", keras.layers.Dropout(0.3, seed=1))

    tuner = LRTuner(make(), *digits, num_evals=3, horizon=1)
    tuner.step()
    model, data = make(), tuple(array.copy() for array in digits)
    change(model, data)
    with pytest.raises(ValueError, match=r"began in a different state\. What differs: ") as error:
        LRTuner(model, *data).restored(tuner.saved_run)
    assert [part for part in restore.PARTS.values() if part in str(error.value)] == differs
    assert "TensorFlow" not in str(error.value)
    assert "saved_run" not in str(error.value)
    todo = "pass the data of that run" if differs == [DATA] else "build the model in the same way as for that run"
    assert f" To continue it, {todo}. Or start a new run." in str(error.value)
    with pytest.raises(ValueError, match=r"measured with Keras 3\.1 and TensorFlow"):
        LRTuner(model, *data).restored(replace(tuner.saved_run, keras="3.1"))


def test_if_both_the_model_and_the_data_differ_both_are_to_be_mended(make_model, digits):
    tuner = LRTuner(make_model(), *digits, num_evals=3, horizon=1)
    tuner.step()
    model = make_model()
    train(model, digits)
    advice = "To continue it, build the model in the same way as for that run and pass the data of that run. Or"
    with pytest.raises(ValueError, match=advice):
        LRTuner(model, digits[0] * 2, digits[1]).restored(tuner.saved_run)


@pytest.mark.parametrize("horizon", [1, 3])
def test_other_layers_or_loss_functions_are_detected_by_the_loss(make_model, digits, horizon):
    tuner = LRTuner(make_model(), *digits, num_evals=3, horizon=horizon)
    tuner.step()
    other = make_model()
    other.layers[0].activation = keras.activations.tanh
    for model in (other, make_model(loss=lambda y, p: 2 * keras.losses.sparse_categorical_crossentropy(y, p, True))):
        with pytest.raises(
            ValueError,
            match=r"because its round 1 began at a loss of .*The layers, the loss function or the data are different",
        ):
            LRTuner(model, *digits).restored(tuner.saved_run)


def test_missing_fingerprints_are_not_compared(make_model, digits):
    tuner = LRTuner(make_model(), *digits, num_evals=3, horizon=1)
    tuner.step()
    for start in ("", "weights", "colour:blue"):
        assert len(tuner.restored(replace(tuner.saved_run, start=start))) == 1


def test_a_restored_run_keeps_its_exact_rates(make_model, digits):
    tuner = LRTuner(make_model(), *digits, num_evals=3, horizon=1)
    tuner.step()
    # The last bit may differ on another machine.
    rates = np.nextafter(tuner.rates, 0)
    results = TuneResults(rates, tuner.deltas)
    again = tuner.restored(replace(tuner.saved_run, results=results))
    np.testing.assert_array_equal(again.rates, rates)
    assert again.results == results


def test_a_batch_size_larger_than_the_data_is_refused(make_model, digits):
    tuner = LRTuner(make_model(), *digits, num_evals=3, horizon=1)
    with pytest.raises(ValueError, match="`batch_size` must not be larger"):
        LRTuner(make_model(), digits[0][:20], digits[1][:20], batch_size=5).restored(tuner.saved_run)
