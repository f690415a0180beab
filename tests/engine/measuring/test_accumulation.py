import keras
import numpy as np
import pytest

from autolr_widget import LRTuner, TunerWidget
from autolr_widget.engine.measuring.accumulation import whole_updates
from tests.widget.front_end import from_front_end


@pytest.mark.parametrize(
    ("steps", "horizon", "evaluate_on", "expected"),
    [
        (None, 55, "progressive", 55),
        (4, 55, "progressive", 56),
        (4, 56, "progressive", 56),
        (4, 3, "progressive", 8),
        (4, 3, "train", 4),
        (64, 55, "held-out", 64),
    ],
)
def test_a_horizon_consists_of_whole_updates(make_model, steps, horizon, evaluate_on, expected):
    model = make_model(keras.optimizers.SGD(gradient_accumulation_steps=steps))
    assert whole_updates(model, horizon, evaluate_on) == expected


def test_the_default_is_rounded_up_and_another_horizon_is_refused(make_model, digits):
    model = make_model(keras.optimizers.SGD(gradient_accumulation_steps=4))
    assert LRTuner(model, *digits).settings.horizon == 56
    with pytest.raises(ValueError, match=r"whole updates, such as horizon=8, .* Received: horizon=7"):
        LRTuner(model, *digits, horizon=7)
    assert np.isfinite(LRTuner(model, *digits, horizon=8, num_evals=2, lr_space=(1e-3, 1e-2)).step().deltas).all()


def test_the_screen_tells_of_another_horizon(make_model, digits):
    widget = TunerWidget(make_model(keras.optimizers.SGD(gradient_accumulation_steps=4)), *digits)
    assert (widget.horizon, widget._panel.horizon) == (56, 56)
    from_front_end(widget, horizon=57)
    assert "such as 60" in widget._panel.refusals["horizon"]["words"]
    assert (widget.horizon, widget._panel.horizon) == (56, 56)
    widget.close()
