"""Rounds are pure, and the user's model is left alone."""

import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from autolr_widget import LRTuner, TuneResults
from autolr_widget.engine.data import stream
from autolr_widget.engine.data.subsample import subsample
from autolr_widget.engine.measuring import differential


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


def test_fit_before_and_after_tuning_is_fit_without_it(digits, untuned):
    model = make_awkward()
    fit(model, digits)
    list(LRTuner(model, *digits, num_evals=5, num_subsamples=3))
    fit(model, digits)
    assert_same(weights_and_slots(model), untuned)


def test_fit_after_an_interrupted_round_is_fit_without_it(digits, untuned):
    model = make_awkward()
    fit(model, digits)
    tuner = LRTuner(model, *digits, num_evals=2000, num_subsamples=1000, horizon=1)
    tuner.step()
    timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT))
    # A shell starts background jobs with interrupts ignored, and Python leaves that as it is.
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


def test_fit_after_an_interrupted_trace_is_fit_without_it(digits, untuned, monkeypatch):
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


def test_no_global_generator_is_touched(digits, make_model):
    model = make_model("adam", keras.layers.Dropout(0.5))
    np.random.seed(5)
    tf.random.set_seed(5)
    expected = np.random.random(), float(tf.random.uniform(()))
    np.random.seed(5)
    tf.random.set_seed(5)
    list(LRTuner(model, *digits, num_evals=3, num_subsamples=2))
    assert (np.random.random(), float(tf.random.uniform(()))) == expected


def test_a_round_does_not_depend_on_what_came_before(digits, make_model):
    model = make_model("adam", keras.layers.Dropout(0.5))
    tuner = LRTuner(model, *digits, num_evals=5, num_subsamples=4)
    rounds = list(tuner)
    again = LRTuner(model, *digits, num_evals=5, num_subsamples=4)
    for index in (3, 0, 2, 1):
        np.testing.assert_array_equal(again.measure(index).deltas, rounds[index].deltas)
    other = LRTuner(model, *digits, num_evals=5, num_subsamples=4, seed=1)
    assert not np.array_equal(other.step().deltas, rounds[0].deltas)


def test_a_run_measures_the_state_it_began_in(digits, make_model):
    model = make_model("adam")
    undisturbed = [r.deltas for r in LRTuner(model, *digits, num_evals=5, num_subsamples=3)]
    tuner = LRTuner(model, *digits, num_evals=5, num_subsamples=3)
    tuner.step()
    fit(model, digits)
    np.testing.assert_array_equal([r.deltas for r in tuner], undisturbed[1:])
    assert not np.array_equal(tuner.renewed(tuner.settings).step().deltas, undisturbed[0])


def test_a_model_compiled_anew_is_traced_anew(digits, make_model):
    model = make_model("sgd")
    tuner = LRTuner(model, *digits, num_evals=5)
    tuner.step()
    model.compile("adam", model.loss)
    expected = LRTuner(model, *digits, num_evals=5).step().deltas
    np.testing.assert_array_equal(tuner.renewed(tuner.settings).step().deltas, expected)
    model.optimizer.beta_1 = 0.5
    expected = LRTuner(model, *digits, num_evals=5).step().deltas
    np.testing.assert_array_equal(tuner.renewed(tuner.settings).step().deltas, expected)


def test_iterating_runs_what_is_left(digits, make_model):
    tuner = LRTuner(make_model(), *digits, num_evals=3, num_subsamples=4)
    assert tuner.results.frame.shape == (0, 3)
    first = tuner.step()
    assert [r.index for r in tuner] == [1, 2, 3]
    assert list(tuner) == []
    np.testing.assert_array_equal(tuner.results.frame.iloc[0], first.deltas)


def test_frames_tensors_and_arrays_give_the_same(digits, make_model):
    x, y = digits
    model = make_model()
    kinds = [(x, y), (pd.DataFrame(x), pd.Series(y)), (tf.constant(x), tf.constant(y)), (x.astype("float64"), y)]
    rounds = [LRTuner(model, *data, num_evals=4).step().deltas for data in kinds]
    for other in rounds[1:]:
        np.testing.assert_array_equal(other, rounds[0])


def test_an_unbuilt_model_is_built_for_any_batch_size(digits):
    model = keras.Sequential([keras.layers.Dense(10, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    LRTuner(model, *digits, num_evals=3, batch_size=7).step()
    assert model.inputs[0].shape[0] is None
    LRTuner(model, *digits, num_evals=3, batch_size=9).step()


def test_a_stream_that_breaks_off_is_not_taken_to_have_ended(make_model, digits):
    def batches():
        for i in range(3):
            yield digits[0][10 * i : 10 * i + 10], digits[1][10 * i : 10 * i + 10]
        raise OSError("the disk is gone")

    tuner = LRTuner(make_model(), batches(), num_evals=3, batch_size=10, horizon=1)
    for _ in range(3):
        tuner.step()
    with pytest.raises(OSError, match="disk"):
        tuner.step()
    with pytest.raises(ValueError, match="broke off with an error"):
        tuner.step()
    assert len(tuner) == 3
    tuner.measure(1)


def test_a_stream_does_not_go_on_behind_a_batch_that_was_refused(make_model, digits):
    x = digits[0].copy()
    x[15] = np.nan
    batches = ((x[i : i + 10], digits[1][i : i + 10]) for i in range(0, 100, 10))
    tuner = LRTuner(make_model(), batches, num_evals=3, batch_size=10, horizon=1)
    tuner.step()
    for message in ("must hold finite numbers", "broke off"):
        with pytest.raises(ValueError, match=message):
            tuner.step()
    assert len(tuner) == 1


def test_a_stream_beyond_the_pool_is_not_read_and_has_no_known_length(make_model, digits, monkeypatch):
    monkeypatch.setattr(stream, "POOL", 40 * (64 * 4 + 8))
    read = []

    def batches():
        for i in range(100):
            read.append(i)
            yield digits[0][10 * i : 10 * i + 10], digits[1][10 * i : 10 * i + 10]

    tuner = LRTuner(make_model(), batches(), num_evals=3, batch_size=10, num_subsamples=8)
    assert len(list(tuner)) == 8
    assert read == [0, 1, 2, 3]
    assert tuner.observations.size is None


def test_a_stream_is_read_no_further_than_rounds_need(make_model, digits):
    read = []

    def batches():
        for i in range(100):
            read.append(i)
            yield digits[0][10 * i : 10 * i + 10], digits[1][10 * i : 10 * i + 10]

    tuner = LRTuner(make_model(), batches(), num_evals=3, batch_size=15, horizon=1)
    assert read == [0]
    first = tuner.step()
    assert read == [0, 1]
    tuner.measure(3)
    assert len(read) == 6
    again = tuner.renewed(tuner.settings)
    np.testing.assert_array_equal(again.step().deltas, first.deltas)
    assert len(read) == 6


def good():
    return np.zeros((50, 64)), np.zeros(50, int)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"lr_space": (0, 1)}, r"`lr_min` must be positive on a log grid\. Received: lr_min=0\.0"),
        ({"lr_space": (-1, 1), "scale": "linear"}, r"`lr_min` must not be negative"),
        ({"lr_space": (1, 1)}, r"`lr_min` must be smaller than `lr_max`"),
        ({"lr_space": (0.1, float("nan"))}, r"`lr_max` must be a finite number\. Received: lr_max=nan"),
        ({"lr_space": 0.1}, r"`lr_space` must be a pair"),
        ({"scale": "cubic"}, r"`scale` must be one of \('log', 'linear'\)\. Received: scale='cubic'"),
        ({"num_evals": 1}, r"`num_evals` must be an integer of at least 2\. Received: num_evals=1"),
        ({"num_evals": 2.5}, r"`num_evals` must be an integer"),
        ({"num_subsamples": 0}, r"`num_subsamples` must be an integer of at least 1"),
        ({"batch_size": 51}, r"`batch_size` must not be larger than .*batch_size=51, len\(x\)=50"),
        ({"batch_size": True}, r"`batch_size` must be an integer"),
        ({"horizon": 0}, r"`horizon` must be an integer of at least 1"),
        ({"evaluate_on": "all"}, r"`evaluate_on` must be one of \('train', 'held-out', 'progressive'\)"),
        ({"evaluate_on": "held-out", "batch_size": 30}, r"must leave as many observations to hold out"),
        ({"pruner": "some"}, r"`pruner` must be one of \('none', 'racing'\)"),
        ({"stop_rule": "soon"}, r"`stop_rule` must be one of \('rounds', 'settled'\)"),
        (
            {"method": "best"},
            r"`method` must be one of \('mean', 'median', 'variance', 'max', 'steady', 'half-minimum',",
        ),
        ({"band": "wide"}, r"`band` must be one of \('normal', 't', 'bootstrap', 'anytime'\)"),
        ({"alpha": 1.0}, r"`alpha` must lie between 0 and 1"),
        ({"seed": -1}, r"`seed` must be an integer of at least 0"),
        ({"x": np.zeros((0, 64)), "y": np.zeros(0)}, r"`x` must hold at least one observation"),
        ({"x": []}, r"`x` must hold at least one observation"),
        ({"y": np.zeros(49)}, r"must have the same length\. Received: len\(x\)=50, len\(y\)=49"),
        ({"x": np.array([["a"]] * 50)}, r"`x` must be an array of numbers"),
        ({"sample_weight": np.ones(3)}, r"len\(sample_weight\)=3"),
        ({"model": "mlp"}, r"`model` must be a Keras 3 model\. Received: model of type str"),
        ({"model": keras.Sequential([keras.layers.Dense(1)])}, r"`model` must be compiled"),
    ],
)
def test_bad_input_is_refused_at_construction(arguments, message, make_model):
    x, y = good()
    arguments = {"model": make_model(), "x": x, "y": y} | arguments
    with pytest.raises(ValueError, match=message):
        LRTuner(**arguments)


def test_a_large_model_needs_what_the_documents_say():
    """25 million parameters, Adam, 100 rates. `docs/what-it-takes.md` states the bound."""
    code = """
import os, threading, time, keras, numpy as np
from autolr_widget import LRTuner
layers = [keras.layers.Dense(3500, activation="relu") for _ in range(3)]
model = keras.Sequential([keras.Input((64,)), *layers, keras.layers.Dense(10)])
model.compile("adam", "mse")
x, y = np.random.default_rng(0).normal(size=(64, 64)), np.zeros((64, 10))
assert model.count_params() > 24e6
model.optimizer.build(model.trainable_variables)
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
before = peak = resident()
def watch():
    global peak
    while True:
        peak = max(peak, resident())
        time.sleep(0.005)
threading.Thread(target=watch, daemon=True).start()
LRTuner(model, x, y, num_evals=100, horizon=1).step()
print(peak - before)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    weights, slots = 100, 200
    assert float(done.stdout) < 2 * (weights + slots) + 3 * weights + 256


def test_5000_rounds_leave_memory_flat():
    code = """
import os, keras, numpy as np
from autolr_widget import LRTuner
model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(8, activation="relu"), keras.layers.Dense(1)])
model.compile("adam", "mse")
x = np.random.default_rng(0).normal(size=(500, 8))
tuner = LRTuner(model, x, x[:, :1], num_evals=10, num_subsamples=5000, horizon=1)
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
marks = [resident() for round in tuner if round.index % 1000 == 999]
print(marks[-1] - marks[0])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 8


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


def test_one_graph_serves_all_horizons_and_grids(make_model, digits):
    tuner = LRTuner(make_model("adam"), *digits, num_evals=3, horizon=3)
    tuner.step()
    longer = tuner.renewed(replace(tuner.settings, horizon=5, num_evals=4))
    longer.step()
    assert longer._differential is tuner._differential
    assert len(tuner._differential._traces) == 1
    fresh = LRTuner(make_model("adam"), *digits, num_evals=4, horizon=5)
    np.testing.assert_array_equal(longer.measure(0).deltas, fresh.measure(0).deltas)


def test_rates_are_the_same_together_and_in_pieces(make_model, digits, monkeypatch):
    tuner = LRTuner(make_model("adam"), *digits, num_evals=7, horizon=3)
    together = [tuner.step().deltas, tuner.step().deltas]
    monkeypatch.setattr(differential, "PIECE", 0)
    again = tuner.renewed(tuner.settings)
    np.testing.assert_array_equal([again.measure(0).deltas, again.measure(1).deltas], together)


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


def test_batches_of_a_round_are_fresh_as_long_as_the_data_last():
    rows = subsample(100, 10, 0, 3, batches=8, held_out=1).reshape(9, 10)
    assert len({*rows.ravel()}) == 90
    rows = subsample(25, 10, 0, 3, batches=7, held_out=1).reshape(8, 10)
    assert all(len({*batch}) == 10 for batch in rows)
    assert not {*rows[:-1].ravel()} & {*rows[-1]}, "no step sees what was held out"
    assert not np.array_equal(rows, subsample(25, 10, 0, 4, batches=7, held_out=1).reshape(8, 10))


def test_import_does_not_import_tensorflow():
    code = "import sys, autolr_widget; print([m for m in ('tensorflow', 'keras') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
