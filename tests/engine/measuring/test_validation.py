import keras
import pytest
import tensorflow as tf

from autolr_widget.engine.measuring.validation import check_model


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("mlp", r"`model` must be a Keras 3 model\. Received: model of type str"),
        (keras.Sequential([keras.layers.Dense(1)]), r"`model` must be compiled"),
    ],
)
def test_bad_models_are_refused(model, message):
    with pytest.raises(ValueError, match=message):
        check_model(model)


def test_distributed_models_are_refused():
    with tf.distribute.MirroredStrategy(["/cpu:0"]).scope():
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="must not be distributed"):
        check_model(model)
