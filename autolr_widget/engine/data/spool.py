"""Batches that are kept in memory, and behind a limit in a temporary file."""

from __future__ import annotations

import tempfile
from typing import IO, Any

import keras
import numpy as np

#: The number of bytes to keep in memory, and the number of bytes to keep at all.
MEMORY, MOST = 2**26, 2**31


class Spool:
    """A list of batches that can only grow. A batch is a structure of arrays, with None where there is none."""

    def __init__(self) -> None:
        self._kept: list[Any] = []
        self._bytes = 0
        self._file: IO[bytes] | None = None

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def is_full(self) -> bool:
        """Whether `MOST` bytes are kept."""
        return self._bytes >= MOST

    def append(self, batch: Any) -> None:
        """Add a batch."""
        if self._bytes >= MEMORY:
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="autolr_widget-")  # noqa: SIM115  # it lives as long
            self._file.seek(0, 2)
            batch = keras.tree.map_structure(lambda leaf: leaf if leaf is None else _written(self._file, leaf), batch)
        self._bytes += sum(leaf.nbytes for leaf in keras.tree.flatten(batch) if leaf is not None)
        self._kept.append(batch)

    def __getitem__(self, index: int) -> Any:
        return keras.tree.map_structure(
            lambda leaf: _read(self._file, leaf) if isinstance(leaf, _Place) else leaf, self._kept[index]
        )


class _Place:
    """Where an array lies in the file."""

    def __init__(self, offset: int, nbytes: int, dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
        self.offset = offset
        self.nbytes = nbytes
        self.dtype = dtype
        self.shape = shape


def _written(file: Any, array: np.ndarray[Any, Any]) -> _Place:
    place = _Place(file.tell(), array.nbytes, array.dtype, array.shape)
    file.write(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return place


def _read(file: Any, place: _Place) -> np.ndarray[Any, Any]:
    file.seek(place.offset)
    return np.frombuffer(file.read(place.nbytes), dtype=place.dtype).reshape(place.shape)
