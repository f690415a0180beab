import numpy as np
import pandas as pd
import tensorflow as tf

from autolr_widget import LRTuner


def test_frames_tensors_and_arrays_give_the_same(digits, make_model):
    x, y = digits
    model = make_model()
    kinds = [(x, y), (pd.DataFrame(x), pd.Series(y)), (tf.constant(x), tf.constant(y)), (x.astype("float64"), y)]
    rounds = [LRTuner(model, *data, num_evals=4).step().deltas for data in kinds]
    for other in rounds[1:]:
        np.testing.assert_array_equal(other, rounds[0])
