from pathlib import Path

import keras
import numpy as np
import pytest
from sklearn.linear_model import Ridge

from autolr_widget import LRTuner
from autolr_widget.engine.measuring.validation import check_model

X, Y = np.ones((40, 2), "float32"), np.zeros((40, 1), "float32")


def build_model():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


def of_package(module):
    """An object of a class whose base class is one of another package, which need not be installed."""
    return type("Net", (type("Base", (), {"__module__": module}),), {})()


def generator():
    yield X, Y


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("mlp.keras", r"`model` must be a compiled Keras 3 model\. .* pass keras\.models\.load_model\('mlp\.keras'\)"),
        (Path("mlp.keras"), r"pass keras\.models\.load_model\('mlp\.keras'\)"),
        (keras.Sequential, r"the class Sequential\. Make a model of it: Sequential\(…\)"),
        (build_model, r"the function build_model\. Call it"),
        (Ridge(), r"model of type sklearn\.Ridge\. Pass what keras\.Sequential\(…\)"),
        (of_package("tf_keras.src.models.sequential"), r"package tf_keras, .* Make it with `import keras` instead"),
        (of_package("torch.nn.modules.module"), r"PyTorch modules can't be measured"),
        (keras.Sequential([keras.layers.Dense(1)]), r"`model` must be compiled"),
    ],
)
def test_bad_models_are_refused(model, message):
    with pytest.raises(ValueError, match=message):
        check_model(model)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (generator, None, r"`x` must be data\. .* Pass what it returns: x=generator\(\)"),
        (X, generator, r"`y` must be data\. .* Pass what it returns: y=generator\(\)"),
        (keras.utils.PyDataset, None, r"Pass what it returns: x=PyDataset\(\)"),
        (X, None, r"`y` must not be None, because the loss mse compares .* `\(model, x, y\)`"),
        ((x for x in [X, X, X]), None, r"`y` must not be None, .* it must yield `\(x, y\)`"),
    ],
)
def test_bad_data_are_refused_and_the_model_is_not_built(x, y, message):
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match=message):
        LRTuner(model, x, y, batch_size=8).step()
    assert not model.built


class Distance(keras.Model):
    """Needs no targets, though it is compiled with a loss."""

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(1)

    def call(self, x):
        return self.dense(x)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return keras.ops.mean(keras.ops.square(y_pred))


def test_a_loss_of_ones_own_needs_no_targets():
    model = Distance()
    model.compile("sgd", "mse")
    assert np.isfinite(LRTuner(model, X, batch_size=8, lr_space=(1e-4, 1e-2), num_evals=2).step().deltas).all()


def fixed(size):
    inputs = keras.Input(batch_shape=(size, 2))
    model = keras.Model(inputs, keras.layers.Dense(1)(inputs))
    model.compile("sgd", "mse")
    return model


def test_batches_must_have_the_size_that_the_inputs_were_made_for():
    with pytest.raises(ValueError, match=r"`batch_size` must be 5, .* Received: batches of 32"):
        LRTuner(fixed(5), X, Y)
    settings = {"lr_space": (1e-4, 1e-2), "num_evals": 2, "num_subsamples": 1, "horizon": 2}
    assert np.isfinite(LRTuner(fixed(5), X, Y, batch_size=5, **settings).step().deltas).all()
    # The setting does not matter for a stream, which has batches of its own.
    batches = [(X[:5], Y[:5])] * 3
    assert np.isfinite(LRTuner(fixed(5), iter(batches), **settings).step().deltas).all()
    with pytest.raises(ValueError, match=r"`x` is a stream, it must yield batches of that size\. .* batches of 5"):
        LRTuner(fixed(8), iter(batches), batch_size=8, **settings).step()


def test_the_first_part_of_a_multi_optimizer_must_train():
    optimizers = keras.optimizers
    if not hasattr(optimizers, "MultiOptimizer"):
        pytest.skip("needs a newer Keras")
    model = build_model()
    # The default comes last.
    parts = optimizers.OptimizerMap(optimizers.SGD(0.1), {".*bias": optimizers.SGD(0.0)})
    model.compile(optimizers.MultiOptimizer(parts), "mse")
    with pytest.raises(ValueError, match="first optimizer has a learning rate above 0"):
        LRTuner(model, X, Y)
