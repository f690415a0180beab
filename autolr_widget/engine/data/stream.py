"""Data that can only be read in their own order: datasets, generators and loaders."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from autolr_widget.engine.data.observations import check_class_weight, check_finite, check_room, weighted
from autolr_widget.engine.data.subsample import subsample
from autolr_widget.engine.types import Batch

#: The number of bytes of observations to keep. The stream is not read further than that.
POOL = 2**30


class Stream:
    """A `tf.data.Dataset`, a `keras.utils.PyDataset`, a generator or a torch ``DataLoader``.

    Rounds take consecutive observations in the order of the stream: if each round needs ``n`` observations, round ``k``
    gets those from ``k * n`` to ``(k + 1) * n - 1``, whatever the size of the stream's own batches. The stream is not
    read further than the round needs. The observations are kept, so that a round can be measured again, and a run on
    another grid sees the same observations. If the stream ends before a round has all its observations, or if `POOL`
    bytes are kept, the round draws at random from the kept observations, as `Observations` does from arrays.

    Parameters
    ----------
    batches
        Yields ``x``, ``(x,)``, ``(x, y)`` or ``(x, y, sample_weight)``, as batches or as single observations.
    shapes
        The shape of one observation for each input of the model. It tells single observations from batches. If it is
        None, the stream is taken to yield batches, as `Model.fit` expects, unless it yields scalars.
    class_weight
        A dict from class to weight, as for `Model.fit`.

    Raises
    ------
    ValueError
        If the stream is empty, if it yields values that are not numeric or not finite, or if the parts of a batch have
        different lengths.
    """

    any_order = False

    def __init__(
        self,
        batches: Iterable[Any],
        shapes: list[tuple[int | None, ...]] | None = None,
        class_weight: Mapping[int, float] | None = None,
    ) -> None:
        self._batches: Iterator[Any] = _iterate(batches)
        self._shapes = shapes
        self._class_weight = class_weight
        self.arguments = "x" if class_weight is None else "x, class_weight=class_weight"
        # One entry per observation: its arrays in flat order. They are views of the batches.
        self._rows: list[list[NDArray[Any]]] = []
        self._bytes = 0
        self._ended = False
        self._broke_off = False
        self._yields_observations = False
        self._structure: Any = None
        self._read(1)
        if not self._rows:
            raise ValueError(
                f"Argument `x` must yield at least one observation. Received: x of type {type(batches).__name__}, "
                "which is empty or exhausted."
            )

    @property
    def size(self) -> int | None:
        """The number of observations. None if the end has not been read, or if reading has stopped at `POOL` bytes."""
        return len(self._rows) if self._ended and self._bytes < POOL else None

    def check_batch_size(self, batch_size: int, held_out: int = 0) -> None:
        """Raise a `ValueError` if the stream has ended and holds too few observations for a batch."""
        if self._ended:
            size = len(self._rows)
            check_room(batch_size, held_out, size, f"a stream of {size} observations")

    def sample(self, batch_size: int, seed: int, round_index: int, batches: int = 1, held_out: int = 0) -> Batch:
        """Return the observations of a round. They depend on the stream and the arguments alone."""
        size = (batches + held_out) * batch_size
        end = (round_index + 1) * size
        self._read(end)
        self.check_batch_size(batch_size, held_out)
        if end <= len(self._rows):
            rows = self._rows[end - size : end]
        else:
            drawn = subsample(len(self._rows), batch_size, seed, round_index, batches, held_out)
            rows = [self._rows[i] for i in drawn]
        try:
            leaves = iter([np.stack(leaf) for leaf in zip(*rows, strict=True)])
        except ValueError as error:
            raise ValueError(
                "Argument `x` must yield observations of the same shape, because they are combined into one array. "
                f"Pad them to one shape. {error}"
            ) from error
        x, y, sample_weight = keras.tree.map_structure(
            lambda leaf: None if leaf is None else next(leaves), self._structure
        )
        return weighted(x, y, sample_weight, self._class_weight)

    def _read(self, needed: int) -> None:
        while len(self._rows) < needed and not self._ended:
            if self._broke_off:
                raise ValueError(
                    "Argument `x` stopped with an error and can't be read further. Create a tuner with a new stream."
                )
            if self._bytes >= POOL:
                self._ended = True
                return
            try:
                batch = next(self._batches, None)
                if batch is None:
                    self._ended = True
                    return
                self._keep(keras.utils.unpack_x_y_sample_weight(batch))
            except BaseException:
                # Any exception, an interrupt too, closes a generator. The next read would look like the end of the
                # stream, which it is not. If a batch was refused, it is lost, and later batches would be assigned to
                # the wrong rounds.
                self._broke_off = True
                raise

    def _keep(self, batch: Batch) -> None:
        leaves = [np.asarray(keras.ops.convert_to_numpy(leaf)) for leaf in _leaves(batch)]
        if any(leaf.dtype.kind not in "biuf" for leaf in leaves):
            raise ValueError(
                f"Argument `x` must yield numbers. Received: arrays of dtype {', '.join(str(a.dtype) for a in leaves)}"
            )
        if self._structure is None:
            check_class_weight(self._class_weight, *batch[1:])
            self._structure = batch
            inputs = leaves[: len(_leaves(batch[0]))]
            self._yields_observations = any(leaf.ndim == 0 for leaf in leaves) or self._is_observation(inputs)
        if self._yields_observations:
            leaves = [leaf[np.newaxis] for leaf in leaves]
        lengths = {len(leaf) for leaf in leaves}
        if len(lengths) > 1:
            raise ValueError(
                "Argument `x` must yield batches whose parts have the same length. "
                f"Received: arrays of shapes {', '.join(str(leaf.shape) for leaf in leaves)}"
            )
        for leaf in leaves:
            check_finite("x", leaf)
        self._bytes += sum(leaf.nbytes for leaf in leaves)
        self._rows += [list(row) for row in zip(*leaves, strict=True)]

    def _is_observation(self, inputs: list[NDArray[Any]]) -> bool:
        if self._shapes is None or len(inputs) != len(self._shapes):
            return False
        return all(
            len(leaf.shape) == len(shape)
            and all(want in (None, got) for want, got in zip(shape, leaf.shape, strict=True))
            for leaf, shape in zip(inputs, self._shapes, strict=True)
        )


def is_stream(x: Any) -> bool:
    """Whether ``x`` can be iterated over but not indexed, so that it can only be read in its own order."""
    return isinstance(x, keras.utils.PyDataset) or (hasattr(x, "__iter__") and not hasattr(x, "__getitem__"))


def _iterate(batches: Any) -> Iterator[Any]:
    if isinstance(batches, keras.utils.PyDataset):
        # Read it by index: its own workers would read ahead, and would still run after the tuner has ended.
        numbers = count() if batches.num_batches is None else range(batches.num_batches)
        return (batches[i] for i in numbers)
    return iter(batches)


def _leaves(structure: Any) -> list[Any]:
    return [leaf for leaf in keras.tree.flatten(structure) if leaf is not None]
