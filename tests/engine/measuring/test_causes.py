import keras
import numpy as np
import pytest

from autolr_widget import LRTuner
from autolr_widget.engine.measuring.causes import causes_told

pytestmark = pytest.mark.trains


X, Y = np.ones((96, 4), "float32"), np.zeros((96, 1), "float32")


def tuner_of(model, loss="mse", **settings):
    model.compile("sgd", loss)
    return LRTuner(model, X, Y, **{"lr_space": (1e-4, 1e-2), "num_evals": 2, "num_subsamples": 1} | settings)


class Reshaped(keras.Model):
    def __init__(self, *shape):
        super().__init__()
        self.dense = keras.layers.Dense(1)
        self.shape = shape

    def call(self, x):
        return keras.ops.reshape(self.dense(x), self.shape)


@pytest.mark.parametrize("horizon", [1, 2])
def test_a_layer_that_needs_another_batch_size(horizon):
    with pytest.raises(ValueError, match=r"`batch_size` must be 24, .* reshapes each batch to \(24, 1\)"):
        tuner_of(Reshaped(24, 1), batch_size=8, horizon=horizon).step()
    # What the message says.
    for model, batch_size in ((Reshaped(24, 1), 24), (Reshaped(-1, 1), 8)):
        assert np.isfinite(tuner_of(model, batch_size=batch_size, horizon=horizon).step().deltas).all()


@pytest.mark.parametrize("horizon", [1, 2])
@pytest.mark.parametrize(
    "loss", [lambda y, p: keras.ops.mean(y), lambda y, p: keras.ops.mean(keras.ops.round(p))], ids=["ignores", "rounds"]
)
def test_a_loss_without_a_gradient(horizon, loss):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    with pytest.raises(ValueError, match="must have a loss that depends on its trainable weights"):
        tuner_of(model, loss, horizon=horizon).step()


@pytest.mark.parametrize(
    "message",
    [
        "No",
        "Cannot reshape a tensor with 8 elements to shape [8,3] (24 elements)",  # the size of the batch is right
        "Cannot reshape a tensor with 9 elements to shape [4] (4 elements)",  # no size of the batch is right
        "Cannot reshape a tensor with 8 elements to shape [8] (8 elements)",
    ],
)
def test_other_errors_are_left_as_they_are(message):
    with pytest.raises(ValueError, match=r"^") as found, causes_told(8):
        raise ValueError(message)
    assert str(found.value) == message
