"""The data that rounds draw from."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray


class Observations:
    """Inputs, targets and weights that share their first axis.

    Parameters
    ----------
    x, y, sample_weight
        A NumPy array, a pandas frame or series, a tensor, or a list, tuple or dict of these. ``y`` and
        ``sample_weight`` may be None. Integers and booleans keep their dtype; floats become ``keras.config.floatx()``,
        as in `Model.fit`.

    Raises
    ------
    ValueError
        If an argument is empty, not numeric, or of another length than the rest.
    """

    def __init__(self, x: Any, y: Any = None, sample_weight: Any = None) -> None:
        self.arrays = tuple(
            keras.tree.map_structure(lambda leaf, name=name: _array(name, leaf), structure)
            for name, structure in (("x", x), ("y", y), ("sample_weight", sample_weight))
        )
        lengths = {
            name: sorted({len(leaf) for leaf in keras.tree.flatten(structure) if leaf is not None})
            for name, structure in zip(("x", "y", "sample_weight"), self.arrays, strict=True)
        }
        if not lengths["x"] or lengths["x"][0] == 0:
            raise ValueError("Argument `x` must hold at least one observation. Received none.")
        if len({length for found in lengths.values() for length in found}) > 1:
            received = ", ".join(
                f"len({name})={' and '.join(map(str, found))}" for name, found in lengths.items() if found
            )
            raise ValueError(f"Arguments `x`, `y` and `sample_weight` must have the same length. Received: {received}")
        self._length = lengths["x"][0]

    def __len__(self) -> int:
        return self._length

    def check_batch_size(self, batch_size: int) -> None:
        """Refuse a subsample that can't be drawn without replacement."""
        if batch_size > len(self):
            raise ValueError(
                "Argument `batch_size` must not be larger than the number of observations. "
                f"Received: batch_size={batch_size}, len(x)={len(self)}"
            )

    def take(self, indices: NDArray[np.int64]) -> tuple[Any, Any, Any]:
        """The rows ``indices`` of ``(x, y, sample_weight)``, in the structure that they came in."""
        x, y, sample_weight = (
            keras.tree.map_structure(lambda leaf: None if leaf is None else leaf[indices], structure)
            for structure in self.arrays
        )
        return x, y, sample_weight


def _array(name: str, value: Any) -> NDArray[Any] | None:
    if value is None and name != "x":
        return None
    array = value.to_numpy() if isinstance(value, pd.DataFrame | pd.Series) else np.asarray(value)
    if array.ndim == 0 or array.dtype.kind not in "biuf":
        raise ValueError(
            f"Argument `{name}` must be an array of numbers with one row an observation. "
            f"Received: {name} of type {type(value).__name__}, shape {array.shape}, dtype {array.dtype}"
        )
    if array.dtype.kind == "f":
        return array.astype(keras.config.floatx(), copy=False)
    return array
