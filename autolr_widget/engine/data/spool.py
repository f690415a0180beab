"""Batches that are kept in memory, and in a temporary file if they need more."""

from __future__ import annotations

import tempfile
import weakref
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

#: The number of bytes that are kept in memory, and the number of bytes that are kept at all.
MEMORY, MOST = 2**26, 2**31


class Spool:
    """A list of batches that can only grow. A batch is a structure of arrays, with None where there is none."""

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
        self._batches.append(keras.tree.map_structure(lambda leaf: None if leaf is None else self._write(leaf), batch))

    def __getitem__(self, index: int) -> Any:
        return keras.tree.map_structure(
            lambda place: None if place is None else self._read(place), self._batches[index]
        )

    def _write(self, array: NDArray[Any]) -> _Place:
        place = _Place(self._file.seek(0, 2), array)
        self._file.write(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
        return place

    def _read(self, place: _Place) -> NDArray[Any]:
        self._file.seek(place.offset)
        return np.frombuffer(self._file.read(place.nbytes), dtype=place.dtype).reshape(place.shape)


class _Place:
    """Where an array lies in the file."""

    def __init__(self, offset: int, array: NDArray[Any]) -> None:
        self.offset = offset
        self.nbytes, self.dtype, self.shape = array.nbytes, array.dtype, array.shape
