"""Data whose rows can be read in any order: arrays, frames and everything that can be indexed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from keras.src.trainers.data_adapters.data_adapter_utils import class_weight_to_sample_weights
from numpy.typing import NDArray

from autolr_widget.engine.data.subsample import subsample
from autolr_widget.engine.types import Batch


class Observations:
    """Inputs, targets and weights with the same number of rows.

    Parameters
    ----------
    x, y, sample_weight
        A NumPy array, a pandas frame or series, a tensor, or any other object that has a length and can be indexed by
        row. Objects such as an `np.memmap` or an HDF5 dataset are read row by row, never as a whole. A list, tuple or
        dict of these is accepted too. ``y`` and ``sample_weight`` may be None. Integers and booleans keep their dtype;
        floats are cast to ``keras.config.floatx()``, as in `Model.fit`.
    class_weight
        A dict from class to weight, as for `Model.fit`. It can't be combined with ``sample_weight``.

    Raises
    ------
    ValueError
        If an argument is empty, is not numeric, contains NaN or infinity, or has a different length from the others.
    """

    #: Whether the rows of a round can be read before the rows of earlier rounds.
    any_order = True

    def __init__(
        self, x: Any, y: Any = None, sample_weight: Any = None, class_weight: Mapping[int, float] | None = None
    ) -> None:
        self.arrays = tuple(
            keras.tree.map_structure(lambda leaf, name=name: _leaf(name, leaf), structure)
            for name, structure in (("x", x), ("y", y), ("sample_weight", sample_weight))
        )
        check_class_weight(class_weight, y, sample_weight)
        self.class_weight = class_weight
        given = {"sample_weight": sample_weight, "class_weight": class_weight}
        #: The arguments that pass these data to a call, as Python source with the usual names: ``"x, y"``.
        self.arguments = ", ".join(
            ["x" if y is None else "x, y", *(f"{name}={name}" for name, value in given.items() if value is not None)]
        )
        lengths = {
            name: sorted({len(leaf) for leaf in keras.tree.flatten(structure) if leaf is not None})
            for name, structure in zip(("x", "y", "sample_weight"), self.arrays, strict=True)
        }
        if not lengths["x"] or lengths["x"][0] == 0:
            raise ValueError("Argument `x` must contain at least one observation. Received: no observations.")
        if len({length for found in lengths.values() for length in found}) > 1:
            received = ", ".join(
                f"len({name})={' and '.join(map(str, found))}" for name, found in lengths.items() if found
            )
            raise ValueError(f"Arguments `x`, `y` and `sample_weight` must have the same length. Received: {received}")
        self.size = lengths["x"][0]

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

    def take(self, indices: NDArray[np.int64]) -> Batch:
        """Return the rows ``indices`` of the data, as `Model.fit` would pass them to `train_step`."""
        x, y, sample_weight = (
            keras.tree.map_structure(lambda leaf, name=name: _rows(name, leaf, indices), structure)
            for name, structure in zip(("x", "y", "sample_weight"), self.arrays, strict=True)
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


def _leaf(name: str, value: Any) -> Any:
    """Return ``value`` as an array, or unchanged if it is read row by row."""
    if value is None and name != "x":
        return None
    if isinstance(value, pd.DataFrame | pd.Series):
        array = _from_pandas(name, value)
    elif isinstance(value, np.ndarray):
        array = value
    elif hasattr(value, "__getitem__") and hasattr(value, "__len__") and not tf.is_tensor(value):
        try:
            first = [np.asarray(value[0])] if len(value) > 0 else []
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"Argument `{name}` must have a length and rows that are arrays of numbers. "
                f"Received: {name} of type {type(value).__name__} ({error})"
            ) from error
        for row in first:
            _check_numeric(name, value, row[np.newaxis])
        return value
    else:
        array = np.asarray(value)
    _check_numeric(name, value, array)
    if not _is_read_late(array):
        check_finite(name, array)
    return array


def _is_read_late(leaf: Any) -> bool:
    return isinstance(leaf, np.memmap) or not isinstance(leaf, np.ndarray)


def _rows(name: str, leaf: Any, indices: NDArray[np.int64]) -> Any:
    if leaf is None:
        return None
    rows = leaf[indices] if isinstance(leaf, np.ndarray) else np.stack([np.asarray(leaf[int(i)]) for i in indices])
    if _is_read_late(leaf):
        check_finite(name, rows, indices)
    if rows.dtype.kind == "f":
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
                f"Argument `{name}` must have numeric columns. {received}. Convert the column to numbers, or remove it."
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
    return value.to_numpy(dtype=np.result_type(*dtypes)) if dtypes else value.to_numpy()


def _check_numeric(name: str, value: Any, array: NDArray[Any]) -> None:
    if array.ndim == 0 or array.dtype.kind not in "biuf":
        raise ValueError(
            f"Argument `{name}` must be an array of numbers with one row per observation. "
            f"Received: {name} of type {type(value).__name__}, shape {array.shape}, dtype {array.dtype}"
        )


def check_finite(name: str, array: NDArray[Any], rows: NDArray[np.int64] | None = None) -> None:
    """Raise a `ValueError` if ``array`` contains NaN or infinity.

    The loss does not always show them, because a ReLU can hide them; but the step then makes every weight NaN.

    Parameters
    ----------
    name
        The argument that the message names.
    array
        Some rows of that argument.
    rows
        The indices of these rows in the data. None if ``array`` holds all rows.
    """
    # Look at the sum first: it takes one pass and no copy. A sum of finite numbers can overflow, so if the sum is not
    # finite, look at each value.
    with np.errstate(over="ignore", invalid="ignore"):
        if array.dtype.kind != "f" or np.isfinite(array.sum()):
            return
    bad = ~np.isfinite(array).reshape(len(array), -1).all(axis=1)
    if bad.any():
        first = int(np.argmax(bad)) if rows is None else int(rows[np.argmax(bad)])
        raise ValueError(
            f"Argument `{name}` must contain only finite numbers. Received: NaN or infinity in {int(bad.sum())} of "
            f"{len(bad)} rows, first in row {first}. Replace these values, or remove these rows."
        )
