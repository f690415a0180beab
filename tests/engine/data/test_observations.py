import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from autolr_widget import LRTuner
from autolr_widget.engine.data.observations import Observations


def test_frames_tensors_and_arrays_give_the_same(digits, make_model):
    x, y = digits
    model = make_model()
    kinds = [(x, y), (pd.DataFrame(x), pd.Series(y)), (tf.constant(x), tf.constant(y)), (x.astype("float64"), y)]
    rounds = [LRTuner(model, *data, num_evals=4).step().deltas for data in kinds]
    for other in rounds[1:]:
        np.testing.assert_array_equal(other, rounds[0])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"x": np.zeros((0, 64)), "y": np.zeros(0)}, r"`x` must contain at least one observation"),
        ({"x": []}, r"`x` must contain at least one observation"),
        ({"y": np.zeros(49)}, r"must have the same length\. Received: len\(x\)=50, len\(y\)=49"),
        ({"x": np.array([["a"]] * 50)}, r"`x` must be an array, .*Pass strings as a tensor: `tf.constant`"),
        ({"sample_weight": np.ones(3)}, r"len\(sample_weight\)=3"),
    ],
)
def test_bad_data_are_refused(data, message):
    with pytest.raises(ValueError, match=message):
        Observations(**{"x": np.zeros((50, 64)), "y": np.zeros(50)} | data)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch_size": 51}, r"`batch_size` must not be larger than .*batch_size=51, len\(x\)=50"),
        ({"evaluate_on": "held-out", "batch_size": 30}, r"must be at most half of the number of observations"),
    ],
)
def test_batches_that_the_data_have_no_room_for_are_refused(settings, message, make_model):
    with pytest.raises(ValueError, match=message):
        LRTuner(make_model(), np.zeros((50, 64)), np.zeros(50), **settings)
