"""Data that can only be read in their own order: datasets, generators and loaders."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import count
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from autolr_widget.engine.data.observations import check_class_weight, check_finite, weighted
from autolr_widget.engine.data.spool import Spool
from autolr_widget.engine.data.subsample import subsample
from autolr_widget.engine.types import Batch


class Stream:
    """A `tf.data.Dataset`, a `keras.utils.PyDataset`, a generator or a torch ``DataLoader``.

    The stream's own batches are used, whole and in their order: if each round needs ``n`` batches, round ``k`` gets
    those from ``k * n`` to ``(k + 1) * n - 1``. The stream is not read further than the current step needs. The batches
    are kept (see `Spool`), so that a round can be measured again, and a run on another grid sees the same batches. If
    the stream has ended, or if no more can be kept, the other batches of the round are drawn at random from those that
    are kept.

    Parameters
    ----------
    batches
        Yields ``x``, ``(x,)``, ``(x, y)`` or ``(x, y, sample_weight)``, as batches or as single observations. Single
        observations are combined into batches of ``batch_size``.
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
        self._elements: Iterator[Any] = _iterate(batches)
        self._shapes = shapes
        self._class_weight = class_weight
        self.arguments = "x" if class_weight is None else "x, class_weight=class_weight"
        self._kept = Spool()
        self._rows = 0
        self._ended = False
        self._broke_off = False
        self._yields_observations: bool | None = None
        self._read(1)
        if not len(self._kept):
            raise ValueError(
                f"Argument `x` must yield at least one observation. Received: x of type {type(batches).__name__}, "
                "which is empty or exhausted."
            )

    @property
    def size(self) -> int | None:
        """The number of observations. None if the end has not been read, or if no more can be kept."""
        return self._rows if self._ended and not self._kept.is_full else None

    @property
    def batch_size(self) -> int | None:
        """The number of observations in the first batch. None if the stream yields single observations."""
        return None if self._yields_observations else _length(self._kept[0])

    def check_batch_size(self, batch_size: int, held_out: int = 0) -> None:
        """Raise a `ValueError` if the stream has ended and has too few batches."""
        size = batch_size if self._yields_observations else 1
        if self._ended and len(self._kept) < (1 + held_out) * size:
            what = "observations" if self._yields_observations else "batches"
            raise ValueError(
                f"Argument `x` must yield at least {(1 + held_out) * size} {what}"
                + ', because evaluate_on="held-out" needs another batch' * held_out
                + f". Received: a stream of {len(self._kept)} {what}"
            )

    def draw(
        self, batch_size: int, seed: int, round_index: int, batches: int = 1, held_out: int = 0
    ) -> Callable[[int], Batch]:
        """Return a function that returns the batches of a round by number, the held-out ones last.

        They depend on the stream and the arguments alone.
        """
        together = batch_size if self._yields_observations else 1
        wanted = (batches + held_out) * together
        first = round_index * wanted
        # A batch must not be drawn that is held out later.
        self._read(first + (wanted if held_out else together))
        self.check_batch_size(batch_size, held_out)

        def order() -> NDArray[np.int64]:
            available = len(self._kept)
            if first + wanted <= available or not self._ended:
                return np.arange(first, first + wanted)
            if first >= available or held_out:
                return subsample(available, together, seed, round_index, batches, held_out)
            rest = subsample(available, 1, seed, round_index, wanted)
            own = np.arange(first, available)
            return np.concatenate([own, rest[~np.isin(rest, own)], rest])[:wanted]

        def batch(step: int) -> Batch:
            begin, end = step * together, (step + 1) * together
            self._read(first + end)
            found = [self._kept[index] for index in order()[begin:end]]
            return self._combined(found) if self._yields_observations else found[0]

        return batch

    def _combined(self, observations: list[Batch]) -> Batch:
        try:
            joined: Batch = keras.tree.map_structure(
                lambda *rows: None if rows[0] is None else np.concatenate(rows), *observations
            )
        except ValueError as error:
            raise ValueError(
                "Argument `x` must yield observations of the same shape, because they are combined into one array. "
                f"Pad them to one shape, or batch them. {error}"
            ) from error
        return joined

    def _read(self, needed: int) -> None:
        while len(self._kept) < needed and not self._ended:
            if self._broke_off:
                raise ValueError(
                    "Argument `x` stopped with an error and can't be read further. Create a tuner with a new stream."
                )
            if self._kept.is_full:
                self._ended = True
                return
            try:
                element = next(self._elements, None)
                if element is None:
                    self._ended = True
                    return
                self._keep(element)
            except BaseException:
                # Any exception, an interrupt too, closes a generator. The next read would look like the end of the
                # stream, which it is not. If a batch was refused, it is lost, and later batches would be assigned to
                # the wrong rounds.
                self._broke_off = True
                raise

    def _keep(self, element: Any) -> None:
        batch = keras.tree.map_structure(lambda leaf: None if leaf is None else _array(leaf), element)
        leaves = _leaves(batch)
        if any(leaf.dtype.kind not in "biufS" for leaf in leaves):
            raise ValueError(
                "Argument `x` must yield numbers or strings. "
                f"Received: arrays of dtype {', '.join(str(a.dtype) for a in leaves)}"
            )
        x, y, sample_weight = _parts(batch)
        if self._yields_observations is None:
            check_class_weight(self._class_weight, y, sample_weight)
            self._yields_observations = any(leaf.ndim == 0 for leaf in leaves) or self._is_observation(_leaves(x))
        if self._yields_observations:
            batch = keras.tree.map_structure(lambda leaf: None if leaf is None else leaf[np.newaxis], batch)
            x, y, sample_weight = _parts(batch)
        # The inputs of a batch of graphs may have other lengths: more nodes than graphs.
        lengths = [len(leaf) for leaf in _leaves((y, sample_weight))]
        lengths += [len(leaf) for leaf in _leaves(x)] if self._yields_observations or len(_leaves(x)) == 1 else []
        if len(set(lengths)) > 1:
            raise ValueError(
                "Argument `x` must yield batches whose parts have the same length. "
                f"Received: arrays of shapes {', '.join(str(leaf.shape) for leaf in leaves)}"
            )
        for leaf in leaves:
            check_finite("x", leaf)
        self._rows += _length(batch)
        # `train_step` receives a batch as the stream yields it.
        self._kept.append(batch if self._class_weight is None else weighted(x, y, sample_weight, self._class_weight))

    def _is_observation(self, inputs: list[NDArray[Any]]) -> bool:
        if self._shapes is None or len(inputs) != len(self._shapes):
            return False
        return all(
            len(leaf.shape) == len(shape)
            and all(want in (None, got) for want, got in zip(shape, leaf.shape, strict=True))
            for leaf, shape in zip(inputs, self._shapes, strict=True)
        )


def _parts(batch: Any) -> tuple[Any, Any, Any]:
    """Return ``(x, y, sample_weight)``. Only a `train_step` of the user's can take a tuple of other parts."""
    if isinstance(batch, tuple) and len(batch) > 3:
        return batch[0], None, None
    parts: tuple[Any, Any, Any] = keras.utils.unpack_x_y_sample_weight(batch)
    return parts


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


def _array(leaf: Any) -> NDArray[Any]:
    """Return an array of numbers, or of bytes of a fixed length, which TensorFlow takes for strings."""
    array = np.asarray(leaf.numpy() if tf.is_tensor(leaf) else keras.ops.convert_to_numpy(leaf))
    # Bytes of a fixed length do not keep zeros at the end.
    if array.dtype.kind == "O" and all(isinstance(v, bytes) and not v.endswith(b"\0") for v in array.flat):
        return array.astype(bytes)
    return array


def _length(batch: Batch) -> int:
    """The number of observations in a batch: that of its targets, if it has any."""
    x, y, _ = _parts(batch)
    return len((_leaves(y) or _leaves(x))[0])
