import math

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from scipy import sparse

from autolr_widget import LRTuner
from autolr_widget.engine.data.observations import Observations
from autolr_widget.engine.saved import fingerprint
from autolr_widget.engine.types import State

pytestmark = pytest.mark.slow


def test_the_fingerprint_describes_the_state_at_the_first_round(make_model, digits):
    model = make_model("adam")
    tuner = LRTuner(model, *digits, num_evals=3, horizon=1)
    assert tuner.saved_run.start == ""
    tuner.step()
    expected = tuner.saved_run.start
    again = tuner.renewed(tuner.settings)
    again.step()
    model.fit(digits[0][:64], digits[1][:64], verbose=0)
    model.optimizer.beta_1 = 0.5
    assert again.saved_run.start == expected


def test_the_fingerprint_ignores_the_learning_rate_and_names(make_model, digits):
    model = make_model("adam")
    tuner = LRTuner(model, *digits, num_evals=3, horizon=1)
    tuner.step()
    model.optimizer.learning_rate = 0.5
    tuner.restored(tuner.saved_run)
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
    other = LRTuner(make_model(keras.optimizers.Adam(schedule, name="another")), *digits)
    assert other.restored(tuner.saved_run).saved_run.start == tuner.saved_run.start


def start_of(x):
    return fingerprint.fingerprint(State([], [], []), keras.optimizers.SGD(), Observations(x))


def test_the_fingerprint_uses_the_data_as_rounds_see_them(digits):
    x = digits[0]
    assert start_of(x.astype(float)) == start_of(x) == start_of(pd.DataFrame(x))
    assert start_of(x.astype(int)) != start_of(x.astype(int).astype(float))


def test_only_some_rows_of_large_data_are_hashed(digits, monkeypatch, tmp_path):
    x = digits[0].copy()
    monkeypatch.setattr(fingerprint, "WHOLE", 40 * x[:1].nbytes)
    mapped = np.memmap(tmp_path / "x", x.dtype, "w+", shape=x.shape)
    mapped[:] = x
    assert start_of(mapped) == start_of(x)
    for row, seen in ((0, True), (1, False), (len(x) - 1, True)):
        other = x.copy()
        other[row] = 0.5
        assert (start_of(other) != start_of(x)) is seen
    assert start_of(np.zeros((50, 64), "float32")) != start_of(np.zeros((51, 64), "float32"))


def test_data_read_row_by_row_are_compared_by_length(make_model, digits):
    class Rows:
        def __init__(self, rows, least):
            self.rows, self.least = rows, least

        def __len__(self):
            return len(self.rows)

        def __getitem__(self, index):
            assert index >= self.least
            return self.rows[index]

    tuner = LRTuner(make_model(), Rows(digits[0], 0), digits[1], num_evals=3, horizon=1)
    tuner.step()
    tuner.observations.arrays[0].least = math.inf
    run = tuner.saved_run
    assert len(LRTuner(make_model(), Rows(digits[0], 0), digits[1]).restored(run)) == 1
    with pytest.raises(ValueError, match="round 1 began at a loss of"):
        LRTuner(make_model(), Rows(digits[0][::-1], 0), digits[1]).restored(run)
    with pytest.raises(ValueError, match=r"What differs: the data\. "):
        LRTuner(make_model(), Rows(digits[0][1:], 0), digits[1][1:]).restored(run)


def test_class_weights_are_part_of_the_data(make_model, digits):
    weights = {i: 1.0 + i for i in range(10)}
    tuner = LRTuner(make_model(), *digits, class_weight=weights, num_evals=3, horizon=1)
    tuner.step()
    again = LRTuner(make_model(), *digits, class_weight=dict(reversed(weights.items())))
    assert len(again.restored(tuner.saved_run)) == 1
    with pytest.raises(ValueError, match=r"What differs: the data\. "):
        LRTuner(make_model(), *digits, class_weight=weights | {9: 1.0}).restored(tuner.saved_run)


def test_weights_of_any_dtype_have_a_fingerprint(digits):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(10, dtype="bfloat16")])
    optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam())
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    tuner = LRTuner(model, *digits, num_evals=3, horizon=1)
    tuner.step()
    assert tuner.saved_run.optimizer == "LossScaleOptimizer"
    tuner.restored(tuner.saved_run)


def test_strings_and_sparse_and_ragged_data_have_a_fingerprint(digits):
    x = digits[0][:50]
    words = np.array([f"word {i}" for i in range(50)], dtype=object)
    again = np.array([f"word {i}" for i in range(50)], dtype=object)
    other = again.copy()
    other[3] = "another"
    assert start_of(words) == start_of(again) != start_of(other)
    changed = x.copy()
    changed[49, 20] += 1
    assert start_of(sparse.csr_matrix(x)) == start_of(tf.sparse.from_dense(x)) != start_of(sparse.csr_matrix(changed))
    lengths = [[1, 3] * 25, [3, 1] * 25]
    ragged = [tf.RaggedTensor.from_row_lengths(np.arange(100), some) for some in lengths]
    assert start_of(ragged[0]) != start_of(ragged[1])
