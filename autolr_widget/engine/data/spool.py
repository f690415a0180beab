"""Batches that are kept in memory, and in a temporary file if they need more."""

from __future__ import annotations

import tempfile
import weakref
from dataclasses import dataclass
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

#: The number of bytes that are kept in memory, and the number of bytes that are kept at all.
MEMORY, MOST = 2**26, 2**31


class Spool:
    """A list of batches that can only grow.

    A batch is a structure of arrays, sparse tensors and ragged tensors, with None where there is none.
    """

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(MEMORY, prefix="autolr_widget-")  # noqa: SIM115  # open as long as this
        weakref.finalize(self, self._file.close)
        self._batches: list[Any] = []

    def __len__(self) -> int:
        return len(self._batches)

    @property
    def is_full(self) -> bool:
        """Whether `MOST` bytes are kept."""
        return self._file.seek(0, 2) >= MOST

    def append(self, batch: Any) -> None:
        """Add a batch."""
        self._batches.append(keras.tree.map_structure(lambda leaf: None if leaf is None else self._keep(leaf), batch))

    def __getitem__(self, index: int) -> Any:
        return keras.tree.map_structure(
            lambda kept: None if kept is None else self._give_back(kept), self._batches[index]
        )

    def _keep(self, leaf: Any) -> _Kept:
        return _Kept(
            None if isinstance(leaf, np.ndarray) else tf.type_spec_from_value(leaf),
            [self._write(np.asarray(array)) for array in tf.nest.flatten(leaf, expand_composites=True)],
        )

    def _give_back(self, kept: _Kept) -> Any:
        arrays = [self._read(place) for place in kept.places]
        if kept.spec is None:
            return arrays[0]
        return tf.nest.pack_sequence_as(kept.spec, [tf.constant(a) for a in arrays], expand_composites=True)

    def _write(self, array: NDArray[Any]) -> _Place:
        if array.dtype == object:
            # The array itself has only the addresses of its strings.
            data = memoryview(tf.io.serialize_tensor(array).numpy())
        else:
            data = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
        place = _Place(self._file.seek(0, 2), data.nbytes, array.dtype, array.shape)
        self._file.write(data)
        return place

    def _read(self, place: _Place) -> NDArray[Any]:
        self._file.seek(place.offset)
        data = self._file.read(place.nbytes)
        if place.dtype == object:
            strings: NDArray[Any] = tf.io.parse_tensor(data, tf.string).numpy()
            return strings
        return np.frombuffer(data, dtype=place.dtype).reshape(place.shape)


class _Place(NamedTuple):
    """Where an array lies in the file."""

    offset: int
    nbytes: int
    dtype: np.dtype[Any]
    shape: tuple[int, ...]


@dataclass
class _Kept:
    """An array, or the arrays that a sparse or a ragged tensor consists of, which ``spec`` then describes."""

    spec: tf.TypeSpec | None
    places: list[_Place]
