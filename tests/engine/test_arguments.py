import keras
import numpy as np
import pytest

from autolr_widget import LRTuner


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
        ({"evaluate_on": "all"}, r"`evaluate_on` must be one of \('progressive', 'train', 'held-out'\)"),
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
