import keras
import pytest

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
