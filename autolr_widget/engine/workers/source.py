"""Data that a worker can open itself, so that no rows need to be sent."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autolr_widget.engine.data.observations import Observations
from autolr_widget.engine.data.stream import Stream
from autolr_widget.engine.measuring.training_step import leaves_of
from autolr_widget.engine.types import Batch
from autolr_widget.engine.workers.sent import hash_into

#: What describes the data takes at most so many bytes. Otherwise, their rows are sent.
MOST = 2**23


@dataclass(frozen=True)
class SentSource:
    """`Observations` that are pickled: what is in a file is only named."""

    pickled: bytes = field(repr=False)
    key: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", hashlib.blake2b(self.pickled, digest_size=16).hexdigest())

    def opened(self) -> Observations:
        """Return the data, opened in this process."""
        found: Observations = pickle.loads(self.pickled)
        return found


@dataclass(frozen=True)
class SentRows:
    """The rows of a round, shape ``(batches, batch_size)``, and the `digest` of its first batch."""

    key: str
    rows: NDArray[np.int64]
    digest: str

    def read(self, observations: Observations) -> list[list[NDArray[Any]]]:
        """Return the batches, each as its arrays in flat order. Raise a `ValueError` if it is other data."""
        batches = [leaves_of(observations.take(rows)) for rows in self.rows]
        if digest(batches[0]) != self.digest:
            raise ValueError("These are other data.")
        return batches


def digest(batch: Batch) -> str:
    """Return a hash of the arrays of a batch."""
    found = hashlib.blake2b(digest_size=16)
    for leaf in leaves_of(batch):
        hash_into(found, leaf)
    return found.hexdigest()


def sent_source(data: Observations | Stream) -> SentSource | None:
    """Return data that may be opened in another process. None if they are in memory, and too large to be sent."""
    if not isinstance(data, Observations):
        return None
    file = _Limited()
    try:
        _Pickler(file).dump(data)
    except Exception:
        # They are too large, or an object that can't be pickled: a file of h5py, say.
        return None
    return SentSource(file.getvalue())


def mapped(where: tuple[Any, ...], state: tuple[int, int]) -> Any:
    """Return the `np.memmap` with these arguments. Raise a `ValueError` if the file is another one."""
    if _state(where[0]) != state:
        raise ValueError("This is another file.")
    return np.memmap(*where)


def _state(path: Any) -> tuple[int, int]:
    found = os.stat(path)
    return found.st_size, found.st_mtime_ns


class _Limited(io.BytesIO):
    def write(self, data: Any) -> int:
        if self.tell() + memoryview(data).nbytes > MOST:
            raise ValueError("It is too large.")
        return super().write(data)


def _pickler() -> type[pickle.Pickler]:
    try:
        # It takes functions of a notebook by value. Dask and loky install it.
        import cloudpickle  # type: ignore[import-untyped]  # cloudpickle has no types
    except ImportError:
        return pickle.Pickler
    found: type[pickle.Pickler] = cloudpickle.Pickler
    return found


class _Pickler(_pickler()):  # type: ignore[misc]  # its base depends on what is installed
    def reducer_override(self, value: Any) -> Any:
        # NumPy would pickle what is in the file. Of a part of the file, it does not tell where it begins.
        if type(value) is np.memmap and value.base is vars(value)["_mmap"] and value.mode != "c" and value.filename:
            where = value.filename, value.dtype, "r", value.offset, value.shape, "F" if value.flags.fnc else "C"
            return mapped, (where, _state(value.filename))
        # That of cloudpickle. The standard library's has none.
        return getattr(super(), "reducer_override", lambda _: NotImplemented)(value)
