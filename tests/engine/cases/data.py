"""Kinds of data, and data that cannot be used."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import h5py
import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from keras import layers
from scipy import sparse

from tests.engine.cases.case import (
    CROSSENTROPY,
    SEQUENCES,
    WEIGHTS,
    Case,
    X,
    Y,
    case,
    classifier,
    compiled,
    linear,
    mlp,
)
from tests.engine.cases.losses import add_loss_alone
from tests.engine.cases.structure import (
    BINARY,
    HALVES,
    inputs_as_dict,
)
from tests.engine.cases.weights import CLASS_WEIGHT


@case("data", "NumPy, float64")
def numpy_double() -> Case:
    return Case(compiled(linear), X.astype("float64"), Y.astype("int8"))


@case("data", "pandas")
def pandas_frame() -> Case:
    return Case(compiled(linear), pd.DataFrame(X), pd.Series(Y))


@case("data", "pandas, integer and boolean columns")
def pandas_mixed() -> Case:
    frame = pd.DataFrame({"a": X[:, 20] > 0.5, "b": Y, "c": X[:, 12]})
    return Case(compiled(classifier((3,))), frame, pd.Series(Y))


@case("data", "pandas, nullable without missing values")
def pandas_nullable() -> Case:
    return Case(compiled(linear), pd.DataFrame(X).astype("Float32"), pd.Series(Y, dtype="Int64"))


@case("data", "pandas, nullable with missing values")
def pandas_missing() -> Case:
    frame = pd.DataFrame(X).astype("Float32")
    frame.iloc[3, 5] = pd.NA
    return Case(compiled(linear), frame, refused="column 5 of dtype Float32, number of missing values: 1.*fillna")


@case("data", "pandas, categorical")
def pandas_categorical() -> Case:
    frame = pd.DataFrame({"a": pd.Categorical(Y)})
    return Case(compiled(classifier((1,))), frame, refused="column 'a' of dtype category.*cat.codes")


@case("data", "pandas, strings")
def pandas_strings() -> Case:
    frame = pd.DataFrame({"a": Y.astype(str)})
    return Case(compiled(classifier((1,))), frame, refused="must have numeric columns.*column 'a' of dtype")


@case("data")
def tensors() -> Case:
    return Case(compiled(linear), tf.constant(X), tf.constant(Y))


@case("data")
def dataset_in_batches() -> Case:
    return Case(compiled(linear), tf.data.Dataset.from_tensor_slices((X, Y)).batch(10), None)


@case("data")
def dataset_not_in_batches() -> Case:
    return Case(compiled(linear), tf.data.Dataset.from_tensor_slices((X, Y)), None)


@case("data")
def dataset_without_end() -> Case:
    return Case(
        compiled(linear), tf.data.Dataset.from_tensor_slices((X, Y)).shuffle(500, seed=1).repeat().batch(32), None
    )


@case("data")
def dataset_of_unknown_length() -> Case:
    spec = (tf.TensorSpec((None, 64), tf.float32), tf.TensorSpec((None,), tf.int64))
    dataset = tf.data.Dataset.from_generator(lambda: ((X[i : i + 7], Y[i : i + 7]) for i in range(0, 700, 7)),
                                             output_signature=spec)  # fmt: skip
    return Case(compiled(linear), dataset, None)


@case("data")
def dataset_of_inputs_alone() -> Case:
    return Case(add_loss_alone().make, tf.data.Dataset.from_tensor_slices(X).batch(10), None,
                settings={"lr_space": (1e-2, 10)})  # fmt: skip


@case("data")
def dataset_with_weights() -> Case:
    dataset = tf.data.Dataset.from_tensor_slices((X, Y, WEIGHTS)).batch(10)
    return Case(compiled(linear), dataset, None, settings={"lr_space": (1e-3, 1.0)})


@case("data")
def dataset_with_class_weight() -> Case:
    dataset = tf.data.Dataset.from_tensor_slices((X, Y)).batch(10)
    return Case(compiled(linear), dataset, None, data={"class_weight": CLASS_WEIGHT})


@case("data")
def dataset_of_dicts() -> Case:
    dataset = tf.data.Dataset.from_tensor_slices((HALVES, Y)).batch(10)
    return Case(inputs_as_dict().make, dataset, None)


@case("data")
def dataset_of_columns_that_Keras_expands() -> Case:
    def build() -> keras.Model:
        inputs = {name: keras.Input((1,), name=name) for name in ("a", "b")}
        joined = layers.Concatenate()(list(inputs.values()))
        return keras.Model(inputs, layers.Dense(10, "softmax")(joined))

    dataset = tf.data.Dataset.from_tensor_slices(({"a": X[:, 20], "b": X[:, 12]}, Y)).batch(10)
    return Case(compiled(build, "adam"), dataset, None, settings={"lr_space": (1e-2, 1)})


@case("data")
def dataset_of_less_than_a_round() -> Case:
    dataset = tf.data.Dataset.from_tensor_slices((X[:20], Y[:20])).batch(5)
    return Case(compiled(linear), dataset, None)


@case("data")
def empty_dataset() -> Case:
    return Case(compiled(linear), tf.data.Dataset.from_tensor_slices((X[:0], Y[:0])).batch(5), None,
                refused="`x` must yield at least one observation")  # fmt: skip


@case("data")
def targets_beside_a_dataset() -> Case:
    return Case(compiled(linear), tf.data.Dataset.from_tensor_slices((X, Y)).batch(5), Y,
                refused="`y` and `sample_weight` must be None")  # fmt: skip


class Batches(keras.utils.PyDataset):
    def __len__(self) -> int:
        return len(X) // 10

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        return X[10 * index : 10 * index + 10], Y[10 * index : 10 * index + 10]


@case("data")
def PyDataset() -> Case:
    return Case(compiled(linear), Batches(), None)


@case("data")
def PyDataset_without_end() -> Case:
    class Endless(Batches):
        num_batches = None

        def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
            return super().__getitem__(index % 100)

    return Case(compiled(linear), Endless(), None)


@case("data")
def generator() -> Case:
    def batches() -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        for i in count():
            rows = np.arange(9 * i, 9 * i + 9) % len(X)
            yield X[rows], Y[rows], WEIGHTS[rows]

    return Case(compiled(linear), batches(), None)


class LikeTorch:
    """An array like a torch tensor, which only has `__array__`."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self.array


@case("data", "an iterable like a torch DataLoader")
def loader() -> Case:
    class Loader:
        def __len__(self) -> int:
            return 10

        def __iter__(self) -> Iterator[list[LikeTorch]]:
            return ([LikeTorch(X[i : i + 16]), LikeTorch(Y[i : i + 16])] for i in range(0, 160, 16))

    return Case(compiled(linear), Loader(), None)


def sparse_input() -> keras.Model:
    return keras.Sequential([keras.Input((64,), sparse=True), layers.Dense(16, "relu"), layers.Dense(10, "softmax")])


@case("data")
def scipy_sparse() -> Case:
    return Case(compiled(sparse_input), sparse.csr_matrix(X.astype("float64")))


@case("data")
def scipy_sparse_into_a_dense_input() -> Case:
    return Case(compiled(linear), sparse.coo_array(X))


@case("data")
def sparse_tensor() -> Case:
    return Case(compiled(sparse_input), tf.sparse.from_dense(X))


@case("data")
def dataset_of_sparse_tensors() -> Case:
    dataset = tf.data.Dataset.from_tensor_slices((tf.sparse.from_dense(X), Y)).batch(10)
    return Case(compiled(sparse_input), dataset, None)


@case("data")
def generator_of_scipy_sparse() -> Case:
    batches = ((sparse.csr_array(X[i : i + 10]), Y[i : i + 10]) for i in range(0, 1000, 10))
    return Case(compiled(sparse_input), batches, None)


@case("data")
def sparse_batches_of_several_sizes() -> Case:
    batches = ((tf.sparse.from_dense(X[i : i + 6 + i % 4]), Y[i : i + 6 + i % 4]) for i in range(0, 1000, 11))
    return Case(compiled(sparse_input), batches, None)


def bag_of_tokens() -> keras.Model:
    return keras.Sequential([layers.Embedding(17, 8), layers.GlobalAveragePooling1D(), layers.Dense(10, "softmax")])


#: Rows of other lengths. In each 12 that follow one another, some have the same.
RAGGED = tf.RaggedTensor.from_row_lengths((X[:, 12:30] * 16).astype("int64").ravel()[: 6 * 1797], [4, 8, 6] * 599)


@case("data")
def ragged_tensor() -> Case:
    return Case(compiled(bag_of_tokens), RAGGED, settings={"lr_space": (0.1, 10)})


@case("data")
def dataset_of_ragged_batches() -> Case:
    dataset = tf.data.Dataset.from_tensor_slices((RAGGED, Y)).ragged_batch(10)
    return Case(compiled(bag_of_tokens), dataset, None, settings={"lr_space": (0.1, 10)})


@case("data")
def ragged_batches_of_several_sizes() -> Case:
    batches = ((RAGGED[i : i + 6 + i % 4], Y[i : i + 6 + i % 4]) for i in range(0, 1000, 11))
    return Case(compiled(bag_of_tokens), batches, None, settings={"lr_space": (0.1, 10)})


@case("data")
def dataset_of_ragged_observations() -> Case:
    dataset = tf.data.Dataset.from_tensor_slices(([[1, 2], [3, 4]], [0, 1])).map(
        lambda x, y: (tf.RaggedTensor.from_row_lengths(x, [1, 1]), y)
    )
    return Case(
        compiled(bag_of_tokens), dataset, None, refused="must yield batches if they are sparse or ragged.*batch"
    )


WORDS = np.array(["zero", "one", "two", "three", "four", "five", "six", "seven", "é\0", ""])[Y, None]


def lookup() -> keras.Model:
    words = layers.StringLookup(vocabulary=["one", "two", "four", "é\0"])
    return keras.Sequential(
        [
            keras.Input((1,), dtype="string"),
            words,
            layers.Embedding(6, 4),
            layers.Flatten(),
            layers.Dense(10, "softmax"),
        ]
    )


@case("data")
def tensor_of_strings() -> Case:
    return Case(compiled(lookup, "adam"), tf.constant(WORDS), settings={"lr_space": (1e-2, 1)})


@case("data")
def dataset_of_strings() -> Case:
    dataset = tf.data.Dataset.from_tensor_slices((WORDS, Y)).batch(10)
    return Case(compiled(lookup, "adam"), dataset, None, settings={"lr_space": (1e-2, 1)})


@case("data")
def texts_into_a_TextVectorization() -> Case:
    texts = np.array([f"{a} {b}" for (a,), (b,) in zip(WORDS, WORDS[::-1], strict=True)], dtype=object)

    def build() -> keras.Model:
        vectors = layers.TextVectorization(vocabulary=["one", "two", "three"])
        embedded = [layers.Embedding(6, 4), layers.GlobalAveragePooling1D(), layers.Dense(10, "softmax")]
        return keras.Sequential([keras.Input((), dtype="string"), vectors, *embedded])

    return Case(compiled(build, "adam"), texts, settings={"lr_space": (1e-2, 1)})


@case("data")
def dictionaries_in_another_order_than_the_outputs() -> Case:
    def build() -> keras.Model:
        inputs = keras.Input((64,))
        odd, digit = layers.Dense(1, "sigmoid", name="b")(inputs), layers.Dense(10, "softmax", name="a")(inputs)
        return keras.Model(inputs, [odd, digit])

    losses = {"b": "binary_crossentropy", "a": CROSSENTROPY}
    return Case(compiled(build, "adam", losses), y={"a": Y, "b": BINARY})


@case("data")
def memmap() -> Case:
    path = Path(mkdtemp()) / "x.npy"
    np.save(path, X.astype("float64"))
    return Case(compiled(linear), np.load(path, mmap_mode="r"))


@case("data")
def HDF5() -> Case:
    file = h5py.File(Path(mkdtemp()) / "x.h5", "w")
    return Case(compiled(linear), file.create_dataset("x", data=X), file.create_dataset("y", data=Y))


@case("data")
def anything_with_rows() -> Case:
    class Rows:
        def __len__(self) -> int:
            return len(X)

        def __getitem__(self, index: int) -> np.ndarray:
            assert isinstance(index, int), "one row at a time"
            return X[index]

    return Case(compiled(linear), Rows())


@case("data")
def strings() -> Case:
    return Case(compiled(lookup), WORDS, refused=r"dtype <U5. Pass strings as a tensor: `tf.constant`")


@case("data")
def lists_of_numbers() -> Case:
    return Case(compiled(linear), X.tolist(), refused="x of type float. Make one array of lists")


@case("data")
def a_list_of_rows() -> Case:
    return Case(
        compiled(linear), [*X[:50]], Y[:50], refused=r"len\(x\)=64, len\(y\)=50. Each item of the list is taken for an"
    )


WITH_NAN = X.copy()
WITH_NAN[:, 3] = np.nan


@case("data")
def NaN() -> Case:
    return Case(compiled(mlp), WITH_NAN, refused=r"x has NaN or infinity in (12|36|48) of \1 rows, first in row \d")


@case("data")
def NaN_in_a_stream() -> Case:
    dataset = tf.data.Dataset.from_tensor_slices((WITH_NAN, Y)).batch(10)
    return Case(
        compiled(mlp), dataset, None, refused="x has NaN or infinity in 10 of 10 rows, first in row 0 of batch 0"
    )


@case("data")
def NaN_that_a_layer_replaces() -> Case:
    class Replaced(layers.Layer):
        def call(self, inputs):
            return tf.where(tf.math.is_nan(inputs), 0.5, inputs)

    return Case(compiled(classifier((64,), Replaced)), WITH_NAN)


@case("data")
def NaN_in_targets_that_the_loss_leaves_out() -> Case:
    def known(y_true, y_pred):
        return tf.where(tf.math.is_nan(y_true), 0.0, (tf.where(tf.math.is_nan(y_true), 0.0, y_true) - y_pred) ** 2)

    y = np.where(np.random.default_rng(0).random((len(X), 2)) < 0.5, np.nan, X[:, 20:22])
    return Case(compiled(lambda: keras.Sequential([keras.Input((64,)), layers.Dense(2)]), loss=known), y=y)


@case("data")
def labels_of_weight_0() -> Case:
    make = compiled(
        lambda: keras.Sequential([keras.Input((64,)), layers.Dense(1, "sigmoid")]), loss="binary_crossentropy"
    )
    y = np.where(Y < 5, -1, BINARY)
    return Case(make, y=y, data={"sample_weight": (Y >= 5).astype("float32")[:, None]})


@case("data")
def labels_of_class_weight_0() -> Case:
    make = compiled(
        lambda: keras.Sequential([keras.Input((64,)), layers.Dense(1, "sigmoid")]), loss="binary_crossentropy"
    )
    return Case(make, y=np.where(Y < 5, -1, BINARY), data={"class_weight": {-1: 0.0, 0: 2.0}})


@case("data")
def one_weight_for_each_observation_of_two_outputs() -> Case:
    def build() -> keras.Model:
        inputs = keras.Input((64,))
        return keras.Model(inputs, [layers.Dense(10, "softmax")(inputs), layers.Dense(10, "softmax")(inputs)])

    return Case(compiled(build, loss=[CROSSENTROPY] * 2), y=[Y, Y], data={"sample_weight": WEIGHTS})


@case("data", "uint8 images")
def images_of_bytes() -> Case:
    return Case(compiled(classifier((64,), lambda: layers.Rescaling(1 / 16))), (X * 16).astype("uint8"))


@case("data")
def labels_outside_of_the_loss_s_range() -> Case:
    return Case(compiled(linear), y=Y + 1, refused="`y` must lie between 0 and 9 for the loss sparse_.*from 1 to 10")


@case("data")
def labels_outside_of_a_binary_loss_s_range() -> Case:
    loss = keras.losses.BinaryCrossentropy
    make = compiled(lambda: keras.Sequential([keras.Input((64,)), layers.Dense(1, "sigmoid")]), loss=loss)
    return Case(make, y=2 * BINARY - 1, refused="`y` must lie between 0 and 1 for the loss Bin")


@case("data")
def a_model_whose_weights_are_NaN() -> Case:
    def build() -> keras.Model:
        model = mlp()
        model.layers[0].bias.assign(np.full(16, np.nan))
        return model

    return Case(compiled(build), refused="weights that are NaN or infinite")


@case("data")
def labels_that_a_mask_leaves_out() -> Case:
    def build() -> keras.Model:
        masked = [layers.Masking(), layers.SimpleRNN(4, return_sequences=True), layers.Dense(1, "sigmoid")]
        return keras.Sequential([keras.Input((8, 8)), *masked])

    x = SEQUENCES.copy()
    x[:, 5:] = 0
    y = np.where(np.arange(8)[:, None] < 5, BINARY[:, None, None], -1)
    return Case(compiled(build, "adam", "binary_crossentropy"), x, y, settings={"lr_space": (1e-2, 1)})


@case("data")
def shares_whose_rounded_sum_is_a_little_more_than_1() -> Case:
    y = np.eye(10, dtype="float32")[Y] * np.float32(1 + 2e-7)
    return Case(compiled(linear, loss="categorical_crossentropy"), y=y)
