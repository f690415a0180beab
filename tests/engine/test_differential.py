"""The engine's numbers against a model that is really trained."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from autolr_widget import LRTuner
from tests.engine.oracle import true_deltas

OPTIMIZERS = {
    "sgd": lambda: keras.optimizers.SGD(),
    "momentum": lambda: keras.optimizers.SGD(momentum=0.9, nesterov=True),
    "adam": lambda: keras.optimizers.Adam(),
    "adamw": lambda: keras.optimizers.AdamW(weight_decay=0.01),
    "rmsprop": lambda: keras.optimizers.RMSprop(),
    "ftrl": lambda: keras.optimizers.Ftrl(),
    "clipped": lambda: keras.optimizers.Adam(clipnorm=0.1, use_ema=True),
}


def assert_true(tuner, make, rounds=2):
    for index in range(rounds):
        settings = tuner.settings
        measured = tuner.measure(index).deltas
        # Round k draws the random numbers of the k-th step: the copy is moved on to there.
        seeds = [v for v in tuner.model.non_trainable_variables if v.name == "seed_generator_state"]
        start = [seed.numpy() for seed in seeds]
        for seed in seeds:
            seed.assign(seed.numpy() + np.array([0, index], "uint32"))
        truth = true_deltas(
            tuner.model, make, tuner.rates, tuner.observations.draw(settings.batch_size, settings.seed, index)
        )
        for seed, value in zip(seeds, start, strict=True):
            seed.assign(value)
        np.testing.assert_allclose(measured, truth, rtol=2e-4, atol=2e-6)


@pytest.mark.parametrize("trained", [False, True], ids=["fresh", "in mid-training"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizer_step_is_exact(name, trained, make_model, digits):
    x, y = digits
    model = make_model(OPTIMIZERS[name]())
    if trained:
        model.fit(x[:320], y[:320], batch_size=32, verbose=0)
    tuner = LRTuner(model, x, y, lr_space=(1e-5, 1e-1), num_evals=4)
    assert_true(tuner, lambda: make_model(OPTIMIZERS[name]()))


def layers():
    return [keras.layers.BatchNormalization(), keras.layers.Dropout(0.3, seed=1)]


def test_batch_normalisation_and_dropout(make_model, digits):
    tuner = LRTuner(make_model("adam", *layers()), *digits, lr_space=(1e-4, 1e-1), num_evals=4)
    assert_true(tuner, lambda: make_model("adam", *layers()), rounds=3)


def test_masks_are_paired_within_a_round_and_differ_between_rounds(make_model, digits):
    x, y = digits
    tuner = LRTuner(make_model("sgd", keras.layers.Dropout(0.5)), x, y, lr_space=(1e-12, 1e-11), num_evals=2)
    assert abs(tuner.measure(0).deltas).max() < 1e-5
    same_rows = LRTuner(tuner.model, x[:32], y[:32], lr_space=(1e-12, 1e-11), num_evals=2)
    assert abs(same_rows.measure(0).loss - same_rows.measure(1).loss) > 1e-3


@pytest.mark.parametrize(
    "loss",
    [
        "sparse_categorical_crossentropy",
        keras.losses.sparse_categorical_crossentropy,
        keras.losses.SparseCategoricalCrossentropy(),
    ],
    ids=["string", "function", "object"],
)
def test_losses_and_integer_labels(loss, digits):
    x, y = digits

    def make():
        keras.utils.set_random_seed(0)
        regularizer = keras.regularizers.L2(0.01)
        model = keras.Sequential(
            [keras.layers.Dense(16, "relu", kernel_regularizer=regularizer), keras.layers.Dense(10, "softmax")]
        )
        model.build((None, 64))
        model.compile("sgd", loss)
        return model

    assert_true(LRTuner(make(), x, y, lr_space=(1e-3, 1.0), num_evals=4), make)


def test_an_unbuilt_model_is_built_from_the_data(digits):
    x, y = digits

    def make():
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.layers.Embedding(17, 4), keras.layers.GRU(5), keras.layers.Dense(10)])
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        return model

    tokens = (x * 16).astype("int64")
    tuner = LRTuner(make(), tokens, y, lr_space=(1e-4, 1e-1), num_evals=3, batch_size=8)
    tuner.step()
    assert tuner.observations.arrays[0].dtype == np.int64
    assert_true(tuner, make)


def test_sample_weights_and_dictionaries(digits):
    x, y = digits

    def make():
        keras.utils.set_random_seed(0)
        inputs = {"left": keras.Input((32,), name="left"), "right": keras.Input((32,), name="right")}
        joined = keras.layers.Concatenate()([inputs["left"], inputs["right"]])
        model = keras.Model(inputs, keras.layers.Dense(10, "softmax")(joined))
        model.compile("adam", "sparse_categorical_crossentropy")
        return model

    weights = np.linspace(0.0, 2.0, len(x))
    data = {"left": x[:, :32], "right": x[:, 32:]}
    assert_true(LRTuner(make(), data, y, sample_weight=weights, lr_space=(1e-4, 1e-1), num_evals=3), make)


def test_a_diverged_rate_is_nan_and_counted(make_model, digits):
    tuner = LRTuner(make_model(), *digits, lr_space=(1e-3, 1e38), num_evals=5, num_subsamples=3)
    list(tuner)
    summary = tuner.results.summary()
    assert summary["diverged"].tolist()[0] == 0
    assert summary["diverged"].tolist()[-1] == 3
    assert np.isfinite(summary["mean"].iloc[0])
    assert tuner.results.best_lr("mean") == pytest.approx(1e-3)


def test_running_out_of_memory_is_python_s_own_error(make_model, digits, monkeypatch):
    tuner = LRTuner(make_model(), *digits, num_evals=3)
    tuner.step()

    def exhausted(*_):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating a tensor")

    monkeypatch.setattr(tuner._differential, "_losses", exhausted)
    with pytest.raises(MemoryError, match="OOM"):
        tuner.step()
    assert len(tuner) == 1
