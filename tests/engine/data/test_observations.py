import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from keras.src.trainers.data_adapters import get_data_adapter
from scipy import sparse

from autolr_widget import LRTuner
from autolr_widget.engine.data.observations import Observations
from autolr_widget.engine.data.subsample import subsample


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


class LikeLazyFrame:
    """A frame of polars that is not computed yet."""

    def collect(self):
        return LikeFrame(VALUES)


class LikeFrame:
    """A frame as in polars: NumPy makes an array of it, but its rows are frames with one row."""

    def __init__(self, values):
        self.values = values
        self.shape = values.shape

    def __len__(self):
        return len(self.values)

    def __getitem__(self, index):
        return LikeFrame(self.values[index : index + 1])

    def __array__(self, dtype=None, copy=None):
        return self.values


class LikeFrameOfOneType(LikeFrame):
    dtype = np.dtype("float64")


class LikeTable(LikeFrame):
    """A table as in pyarrow: there is a column at each number."""

    def __getitem__(self, index):
        return LikeFrame(self.values[:, index])


class LikeDataArray(LikeFrame):
    """An array as in xarray, zarr or h5py, whose rows can be read by themselves."""

    dtype = np.dtype("float64")
    whole = False

    def __getitem__(self, index):
        return self.values[index]

    def __array__(self, dtype=None, copy=None):
        assert self.whole, "only rows are read"
        return self.values


VALUES = np.random.default_rng(0).random((10, 3)) * (np.arange(30) % 2).reshape(10, 3)
VALUES[2:4] = 0
WORDS = np.array(["a", "b\0", "", "é", "a"] * 2, dtype=object)
TAKEN = {
    "float64": VALUES,
    "float16": VALUES.astype("float16"),
    "bool": VALUES > 0.5,
    "uint8": (VALUES * 9).astype("uint8"),
    "complex": VALUES.astype("complex64"),
    "bfloat16": tf.cast(VALUES, tf.bfloat16),
    "tensor": tf.constant(VALUES),
    "tensor of strings": tf.constant(WORDS[:, None]),
    "strings": WORDS,
    "masked": np.ma.masked_array(VALUES, VALUES > 0.5),
    "frame": pd.DataFrame(VALUES),
    "series": pd.Series(VALUES[:, 1]),
    "scipy, csr": sparse.csr_matrix(VALUES),
    "scipy, coo": sparse.coo_array(VALUES),
    "sparse tensor": tf.sparse.from_dense(VALUES),
    "ragged": tf.RaggedTensor.from_row_lengths(np.arange(15.0), [1, 2] * 5),
    "like polars": LikeFrame(VALUES),
    "like a frame of one type": LikeFrameOfOneType(VALUES),
    "like pyarrow": LikeTable(VALUES),
    "structure": [VALUES, {"a": VALUES > 0.5, "b": (VALUES,)}],
}


def batch_of_fit(*data, **weights):
    adapter = get_data_adapter(*data, batch_size=4, **weights)
    return next(iter(adapter.get_tf_dataset()))


def assert_same_batch(found, expected):
    # Keras 3.5 compares the types of the leaves, too.
    keras.tree.assert_same_structure(*(keras.tree.map_structure(lambda _: 0, batch) for batch in (found, expected)))
    for ours, theirs in zip(keras.tree.flatten(found), keras.tree.flatten(expected), strict=True):
        assert tf.type_spec_from_value(ours).is_compatible_with(tf.type_spec_from_value(theirs))
        flat = (tf.nest.flatten(leaf, expand_composites=True) for leaf in (ours, theirs))
        for a, b in zip(*flat, strict=True):
            np.testing.assert_array_equal(tf.constant(a), b)


@pytest.mark.parametrize("kind", TAKEN)
def test_a_batch_is_what_fit_would_make_of_it(kind):
    x, y = TAKEN[kind], np.arange(10)
    try:
        expected = batch_of_fit(x, y)
    except ValueError:
        # Keras 3.5 takes no complex numbers.
        with pytest.raises(ValueError, match="Make it an array of numbers"):
            Observations(x, y)
    else:
        assert_same_batch(Observations(x, y).take(np.arange(4)), expected)


def test_a_batch_of_rows_that_are_read_late_is_what_fit_would_make_of_it():
    x = LikeDataArray(VALUES)
    found = Observations(x).take(np.arange(4))
    x.whole = True
    assert_same_batch(found, batch_of_fit(x))


ONE_HOT = np.eye(3)[np.arange(10) % 3]


@pytest.mark.parametrize(
    ("y", "weights"),
    [
        (ONE_HOT, {"class_weight": {0: 1.0, 2: 3.0}}),
        (np.arange(10)[:, None] % 3, {"class_weight": {1: 0.0}}),
        (ONE_HOT, {"sample_weight": VALUES[:, :1]}),
        (ONE_HOT, {"sample_weight": pd.Series(VALUES[:, 0])}),
        ([ONE_HOT, ONE_HOT], {"sample_weight": VALUES[:, 0]}),
        ({"a": ONE_HOT, "b": ONE_HOT}, {"sample_weight": {"a": VALUES[:, 0], "b": VALUES[:, 1]}}),
    ],
)
def test_weights_are_those_of_fit(y, weights):
    assert_same_batch(Observations(VALUES, y, **weights).take(np.arange(4)), batch_of_fit(VALUES, y, **weights))


def test_targets_that_are_read_late_are_not_read_for_class_weights():
    assert Observations(VALUES, LikeDataArray(VALUES), class_weight={0: 2.0}).weights is None


class Rows:
    def __init__(self, *rows):
        self.rows = rows

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        return self.rows[index]


class NoArray(Rows):
    def __array__(self, dtype=None, copy=None):
        raise TypeError("make a DataArray first")


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (Rows({"image": VALUES[0], "label": 1}), "Its rows are dicts. Pass columns instead, .*: 'image', 'label'"),
        (Rows((VALUES[0], 1)), "Its rows are tuples. Pass a `tf.data.Dataset` or a DataLoader"),
        (Rows("a", "b"), "Its rows are not arrays of numbers"),
        (NoArray(1.0), "It can't be made an array. make a DataArray first"),
        (VALUES.tolist(), "Make one array of lists"),
        ((1.0, 2.0), "Make one array of lists"),
        (tuple(VALUES[:, 0]), "Make one array of lists"),
        (["a", "b"], "Pass strings as a tensor"),
        (np.array(["a", "b"]), "Pass strings as a tensor"),
        (np.array([b"a", b"b"]), "Pass strings as a tensor"),
        (VALUES.astype(object), "dtype object. Make it an array of numbers"),
        (np.zeros(3, "datetime64[D]"), "Make it an array of numbers"),
        (lambda: iter([]), "type function. If it is a generator function, call it"),
        (LikeLazyFrame(), r"It is lazy: pass what it computes, `x\.collect\(\)`"),
        (3, "Make one array of lists"),
        (None, "type NoneType"),
    ],
)
def test_what_fit_would_not_take_is_refused_with_a_way_out(x, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        Observations(x)


def test_NaN_is_found_in_the_rows_of_a_round():
    x, y = VALUES.copy(), np.arange(10.0)
    x[7, 1], y[3] = np.nan, np.inf
    arrays = Observations(x, y)
    assert arrays.not_finite(10, 0, 0).startswith("x has NaN or infinity in 1 of 10 rows, first in row 7, y has NaN or")
    rows = subsample(10, 2, 0, 0)
    assert arrays.not_finite(2, 0, 0) == "" or 7 in rows or 3 in rows
    in_sparse = Observations(sparse.csr_matrix(x))
    assert in_sparse.not_finite(10, 0, 0) == "x has NaN or infinity in 1 of 10 rows, first in row 7"
