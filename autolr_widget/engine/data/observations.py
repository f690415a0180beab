"""Data whose rows can be read in any order: arrays, frames and everything that can be indexed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from keras.src.trainers.data_adapters.array_slicing import Sliceable, convert_to_sliceable
from keras.src.trainers.data_adapters.data_adapter_utils import (
    class_weight_to_sample_weights,
    is_jax_array,
    is_scipy_sparse,
    scipy_sparse_to_tf_sparse,
)
from numpy.typing import NDArray

from autolr_widget.engine.data.not_finite import not_finite
from autolr_widget.engine.data.subsample import subsample
from autolr_widget.engine.types import Batch


class Observations:
    """Inputs, targets and weights with the same number of rows.

    Parameters
    ----------
    x, y, sample_weight
        What `Model.fit` takes: a NumPy array, a pandas frame or series, a tensor, which may be sparse or ragged, a
        sparse matrix of scipy, or an object that NumPy makes an array of; or a list, tuple or dict of these. Any other
        object that has a length and can be indexed by row is accepted, too. An `np.memmap`, an HDF5 dataset, and the
        arrays of zarr and Dask are never read as a whole. Nor is a Dask frame, but it is read once to know its length.
        ``y`` and ``sample_weight`` may be None. Integers and booleans keep their dtype; floats are cast to
        ``keras.config.floatx()``, as in `Model.fit`.
    class_weight
        A dict from class to weight, as for `Model.fit`. It can't be combined with ``sample_weight``.

    Raises
    ------
    ValueError
        If an argument is empty, has a different length from the others, or is something that `Model.fit` does not take.
    """

    #: Whether the rows of a round can be read before the rows of earlier rounds.
    any_order = True
    #: The size of the data's own batches. None, because the batches are drawn.
    batch_size: int | None = None

    def __init__(
        self, x: Any, y: Any = None, sample_weight: Any = None, class_weight: Mapping[int, float] | None = None
    ) -> None:
        check_class_weight(class_weight, y, sample_weight)
        if keras.tree.is_nested(y) and sample_weight is not None and not keras.tree.is_nested(sample_weight):
            # `Model.fit` gives each output these weights.
            sample_weight = keras.tree.map_structure(lambda _: sample_weight, y)
        self.arrays = tuple(
            keras.tree.lists_to_tuples(keras.tree.map_structure(lambda leaf, name=name: _leaf(name, leaf), structure))
            for name, structure in (("x", x), ("y", y), ("sample_weight", sample_weight))
        )
        self.class_weight = class_weight
        given = {"sample_weight": sample_weight, "class_weight": class_weight}
        #: The arguments that pass these data to a call, as Python source with the usual names: ``"x, y"``.
        self.arguments = ", ".join(
            ["x" if y is None else "x, y", *(f"{name}={name}" for name, value in given.items() if value is not None)]
        )
        lengths = {
            name: sorted({length(leaf) for leaf in keras.tree.flatten(structure) if leaf is not None})
            for name, structure in zip(("x", "y", "sample_weight"), self.arrays, strict=True)
        }
        if not lengths["x"] or lengths["x"][0] == 0:
            raise ValueError("Argument `x` must contain at least one observation. Received: no observations.")
        if len({length for found in lengths.values() for length in found}) > 1:
            received = ", ".join(
                f"len({name})={' and '.join(map(str, found))}" for name, found in lengths.items() if found
            )
            advice = ". Each item of the list is taken for an input. " + AS_ARRAY if isinstance(x, list | tuple) else ""
            raise ValueError(
                f"Arguments `x`, `y` and `sample_weight` must have the same length. Received: {received}{advice}"
            )
        self.size = lengths["x"][0]

    def let_go(self) -> None:
        """Do nothing: arrays and files are open as long as the user keeps them. See `Stream.let_go`."""

    def steps_per_epoch(self, batch_size: int) -> int | None:
        """Return the number of batches in an epoch."""
        return math.ceil(self.size / batch_size)

    def check_batch_size(self, batch_size: int, held_out: int = 0) -> None:
        """Raise a `ValueError` if a batch can't be drawn without replacement."""
        check_room(batch_size, held_out, self.size, f"len(x)={self.size}")

    def draw(
        self, batch_size: int, seed: int, round_index: int, batches: int = 1, held_out: int = 0
    ) -> Callable[[int], Batch]:
        """Return a function that returns the batches of a round by number, the held-out ones last.

        They depend on the data and the arguments alone; see `subsample`.
        """
        rows = subsample(self.size, batch_size, seed, round_index, batches, held_out)
        return lambda step: self.take(rows[step * batch_size : (step + 1) * batch_size])

    def not_finite(self, batch_size: int, seed: int, round_index: int, batches: int = 1, held_out: int = 0) -> str:
        """Return where the rows of a round contain NaN or infinity; see `not_finite`.

        The parameters are as in `draw`.
        """
        rows = subsample(self.size, batch_size, seed, round_index, batches, held_out).reshape(-1, batch_size)
        found = (not_finite(self.take(some), some.__getitem__) for some in rows)
        return next((words for words in found if words), "")

    @property
    def weights(self) -> Any:
        """The sample weights, also those that ``class_weight`` gives to targets in memory. None if there are none."""
        _, y, sample_weight = self.arrays
        if self.class_weight is None or type(y) is not np.ndarray:
            return sample_weight
        return class_weight_to_sample_weights(y, self.class_weight)

    def take(self, indices: NDArray[np.int64]) -> Batch:
        """Return the rows ``indices`` of the data, as `Model.fit` would pass them to `train_step`."""
        x, y, sample_weight = (
            keras.tree.map_structure(lambda leaf: rows_of(leaf, indices), structure) for structure in self.arrays
        )
        return weighted(x, y, sample_weight, self.class_weight)


def check_room(batch_size: int, held_out: int, size: int, received: str) -> None:
    """Raise a `ValueError` if ``size`` observations are too few for one batch and the held-out batches.

    ``received`` ends the message: it says how many observations there are.
    """
    if batch_size > size:
        raise ValueError(
            "Argument `batch_size` must not be larger than the number of observations. "
            f"Received: batch_size={batch_size}, {received}"
        )
    if (1 + held_out) * batch_size > size:
        raise ValueError(
            "Argument `batch_size` must be at most half of the number of observations with "
            'evaluate_on="held-out", because another batch is held out. '
            f"Received: batch_size={batch_size}, {received}"
        )


def check_class_weight(class_weight: Mapping[int, float] | None, y: Any, sample_weight: Any) -> None:
    """Raise a `ValueError` if `Model.fit` would not accept this ``class_weight``."""
    if class_weight is None:
        return
    if not isinstance(class_weight, Mapping):
        raise ValueError(
            "Argument `class_weight` must be a dict from class to weight, such as {0: 1.0, 1: 5.0}. "
            f"Received: class_weight={class_weight!r}"
        )
    if y is None or sample_weight is not None or keras.tree.is_nested(y):
        raise ValueError(
            "Argument `class_weight` must be used with a single target `y` and without `sample_weight`. To weight the "
            "observations of several targets, pass `sample_weight` in the structure of `y`."
        )


def weighted(x: Any, y: Any, sample_weight: Any, class_weight: Mapping[int, float] | None) -> Batch:
    """Return a batch in which ``class_weight``, if there is one, has been converted to ``sample_weight``."""
    if class_weight is not None:
        sample_weight = class_weight_to_sample_weights(y, class_weight)
    return keras.utils.pack_x_y_sample_weight(x, y, sample_weight)


#: The way out for lists of numbers: a list is taken for several inputs, as by `Model.fit`.
AS_ARRAY = "Make one array of lists and tuples of numbers, with one row per observation: `numpy.asarray`."


def _leaf(name: str, value: Any) -> Any:
    """Return ``value`` as an array, or as an object that is read row by row."""
    if value is None and name != "x":
        return None
    if _is_dask_frame(value):
        # Its types are those of a pandas frame without rows. To know its lengths, it is read once, a part at a time.
        empty = _from_pandas(name, value._meta)
        value = value.to_dask_array(lengths=True).astype(empty.dtype)
        return value if value.ndim == 2 else value[:, np.newaxis]
    if isinstance(value, pd.DataFrame | pd.Series):
        array = _from_pandas(name, value)
    elif isinstance(value, tf.SparseTensor | tf.RaggedTensor) or is_scipy_sparse(value):
        return convert_to_sliceable(value)
    elif not hasattr(value, "__array__"):
        if isinstance(value, str | bytes):
            raise _refused(name, value, "Pass strings as a tensor: `tf.constant`.")
        if callable(value):
            raise _refused(name, value, "If it is a generator function, call it.")
        if not hasattr(value, "__getitem__") or not hasattr(value, "__len__"):
            raise _refused(name, value, _as_array(name, value))
        _check_row(name, value)
        return value
    elif isinstance(value, np.ndarray):
        array = value
    elif _has_rows(value):
        _check(name, value, np.asarray(value[:1]))
        return value
    else:
        try:
            array = np.asarray(value)
        except (TypeError, ValueError) as error:
            raise _refused(name, value, f"It can't be made an array. {error}") from error
    if array.ndim == 0:
        raise _refused(name, value, _as_array(name, value))
    # TensorFlow's own strings need no check.
    if not tf.is_tensor(value):
        _check(name, value, array if array.dtype == object else array[:1])
    return array


def _as_array(name: str, value: Any) -> str:
    """Return how to make an array of ``value``, as advice to the user."""
    # Those of polars and of Dask's bags.
    for lazy in ("collect", "compute"):
        if hasattr(value, lazy):
            return f"It is lazy: pass what it computes, `{name}.{lazy}()`."
    return AS_ARRAY


def _has_rows(value: Any) -> bool:
    """Whether the rows of an object, read by number, are those of the array that NumPy makes of the whole.

    Those of a frame need not be: there may be a column at each number, or a frame with one row.
    """
    if is_jax_array(value) or tf.is_tensor(value) or not isinstance(getattr(value, "dtype", None), np.dtype):
        return False
    if not getattr(value, "shape", ()) or value.shape[0] == 0:
        return False
    first = np.asarray(value[0])
    return first.dtype == value.dtype and first.shape == tuple(value.shape[1:])


def _is_dask_frame(value: Any) -> bool:
    return type(value).__module__.startswith("dask.dataframe") and hasattr(value, "to_dask_array")


def length(leaf: Any) -> int:
    """Return the number of rows of a leaf of `Observations.arrays`."""
    if isinstance(leaf, Sliceable):
        return int(getattr(leaf.array, "sparse", leaf.array).shape[0])
    # An array of zarr has no `len`.
    return len(leaf) if hasattr(leaf, "__len__") else int(leaf.shape[0])


def rows_of(leaf: Any, indices: NDArray[np.int64]) -> Any:
    """Return rows of a leaf of `Observations.arrays`, as `Model.fit` would take them."""
    if leaf is None:
        return None
    if isinstance(leaf, Sliceable):
        rows = leaf[indices]
        return scipy_sparse_to_tf_sparse(rows) if is_scipy_sparse(rows) else rows
    if isinstance(leaf, np.ndarray):
        rows = leaf[indices]
    elif hasattr(leaf, "dask"):
        rows = np.asarray(leaf[indices])
    elif hasattr(leaf, "oindex"):
        # That of zarr, which reads each chunk once.
        rows = np.asarray(leaf.oindex[indices])
    else:
        rows = np.stack([np.asarray(leaf[int(i)]) for i in indices])
    if rows.dtype != object and keras.backend.is_float_dtype(rows.dtype):
        return rows.astype(keras.config.floatx(), copy=False)
    return rows


def _from_pandas(name: str, value: pd.DataFrame | pd.Series) -> NDArray[Any]:
    """Return the values of a frame or series.

    Raise a `ValueError` if a column holds Python objects, categories, dates or missing values.
    """
    columns = [value] if isinstance(value, pd.Series) else [value.iloc[:, i] for i in range(value.shape[1])]
    dtypes = []
    for column in columns:
        received = f"Received: column {column.name!r} of dtype {column.dtype}"
        if isinstance(column.dtype, pd.CategoricalDtype):
            raise ValueError(
                f"Argument `{name}` must have numeric columns. {received}. Use its codes (`column.cat.codes`) or "
                "`pandas.get_dummies`."
            )
        if not (pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column)):
            raise ValueError(
                f"Argument `{name}` must have numeric columns. {received}. Convert the column to numbers, or pass "
                "strings as a tensor: `tf.constant(column)`."
            )
        if isinstance(column.dtype, pd.api.extensions.ExtensionDtype):
            if column.isna().any():
                raise ValueError(
                    f"Argument `{name}` must not have missing values. {received}, number of missing "
                    f"values: {int(column.isna().sum())}. Fill them (`column.fillna`), or drop these rows."
                )
            dtypes.append(getattr(column.dtype, "numpy_dtype", np.dtype(float)))
        else:
            dtypes.append(column.dtype)
    array = value.to_numpy(dtype=np.result_type(*dtypes)) if dtypes else value.to_numpy()
    # `Model.fit` makes a series a column.
    return array[:, np.newaxis] if isinstance(value, pd.Series) else array


def _check(name: str, value: Any, array: NDArray[Any]) -> None:
    """Raise a `ValueError` if `Model.fit` would not take ``array``, some rows of ``value``."""
    try:
        tf.data.Dataset.from_tensors(convert_to_sliceable(array, target_backend="tensorflow"))
    except (TypeError, ValueError) as error:
        if array.dtype.kind in "OSU" and all(isinstance(item, str | bytes) for item in array.flat):
            raise _refused(name, value, "Pass strings as a tensor: `tf.constant`.") from error
        raise _refused(name, value, f"Make it an array of numbers. {error}") from error


def _check_row(name: str, value: Any) -> None:
    """Raise a `ValueError` if the first row of an object is not an array of numbers."""
    if len(value) == 0:
        return
    try:
        first = value[0]
        array = np.empty(0) if isinstance(first, Mapping | tuple) else np.asarray(first)
    except (TypeError, ValueError, LookupError) as error:
        raise _refused(name, value, f"Its rows can't be made arrays. {error}") from error
    if isinstance(first, Mapping):
        columns = ", ".join(map(repr, first))
        raise _refused(name, value, f"Its rows are dicts. Pass columns instead, each as an array: {columns}.")
    if isinstance(first, tuple):
        raise _refused(name, value, "Its rows are tuples. Pass a `tf.data.Dataset` or a DataLoader of batches instead.")
    if array.dtype.kind not in "biufc":
        raise _refused(name, value, "Its rows are not arrays of numbers.")


def _refused(name: str, value: Any, advice: str) -> ValueError:
    found = "".join(f", {what} {getattr(value, what)}" for what in ("shape", "dtype") if hasattr(value, what))
    return ValueError(
        f"Argument `{name}` must be an array, a tensor, a frame or an object with rows that are arrays of numbers, or "
        f"a list, tuple or dict of these. Received: {name} of type {type(value).__name__}{found}. {advice}"
    )
