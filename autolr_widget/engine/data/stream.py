"""Data that can only be read in their own order: datasets, generators and loaders."""

from __future__ import annotations

import functools
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import count, islice
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras.src.trainers.data_adapters.data_adapter_utils import is_scipy_sparse, scipy_sparse_to_tf_sparse
from numpy.typing import NDArray

from autolr_widget.engine.data.not_finite import not_finite
from autolr_widget.engine.data.observations import AS_ARRAY, check_class_weight, weighted
from autolr_widget.engine.data.spool import Spool
from autolr_widget.engine.data.subsample import subsample
from autolr_widget.engine.types import Batch


class Stream:
    """A `tf.data.Dataset`, a `keras.utils.PyDataset`, a generator, a torch ``DataLoader`` or a ``grain`` dataset.

    The stream's own batches are used, whole and in their order: if each round needs ``n`` batches, round ``k`` gets
    those from ``k * n`` to ``(k + 1) * n - 1``. The stream is not read further than the current step needs. The batches
    are kept (see `Spool`), so that a round can be measured again, and a run on another grid sees the same batches. If
    the stream has ended, or if no more can be kept, the other batches of the round are drawn at random from those that
    are kept.

    When a run halts, `let_go` closes what reading has opened: threads, files, the lock of `Dataset.cache`. The next
    round reads the stream again, and skips the batches that are kept. If each pass is shuffled in another order, the
    next batches come from another pass. Only a generator can't be read again: it stays open, as the user's own.

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
        If the stream is empty, if it yields something that `Model.fit` does not take, or if the parts of a batch have
        different lengths.
    """

    any_order = False

    def __init__(
        self,
        batches: Iterable[Any],
        shapes: list[tuple[int | None, ...]] | None = None,
        class_weight: Mapping[int, float] | None = None,
    ) -> None:
        self._source = batches
        self._elements: Iterator[Any] | None = None
        self._shapes = shapes
        self._class_weight = class_weight
        self.arguments = "x" if class_weight is None else "x, class_weight=class_weight"
        self._kept = Spool()
        self._rows = 0
        self._ended = False
        self._broke_off = False
        self._yields_observations: bool | None = None
        self._read(1)
        self.let_go()
        #: Whether only the first element has been read, to look at it.
        self._is_fresh = True
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

    def steps_per_epoch(self, batch_size: int) -> int | None:
        """Return the number of batches in an epoch. None if it is unknown or infinite."""
        elements = _count(self._source)
        if elements is None and self.size is not None:
            elements = len(self._kept)
        return math.ceil(elements / batch_size) if elements and self._yields_observations else elements

    def let_go(self) -> None:
        """Close what reading has opened, unless it is a generator of the user's, which can't be opened again."""
        # Whatever it is, an iterator closes what it has opened when nothing refers to it any more.
        self._elements = None

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
        has_passes = not (hasattr(self._source, "__next__") or isinstance(self._source, keras.utils.PyDataset))
        if self._is_fresh and has_passes:
            # Read a whole pass: another pass of a shuffled dataset has another order.
            self._kept, self._rows, self._ended = Spool(), 0, False
        self._is_fresh = False
        together = batch_size if self._yields_observations else 1
        wanted = (batches + held_out) * together
        first = round_index * wanted
        # A batch must not be drawn that is held out later.
        self._read(first + (wanted if held_out else together))
        self.check_batch_size(batch_size, held_out)

        def batch(step: int) -> Batch:
            begin, end = step * together, (step + 1) * together
            self._read(first + end)
            order = self._order(together, seed, round_index, batches, held_out)
            found = [self._kept[index] for index in order[begin:end]]
            return self._combined(found) if self._yields_observations else found[0]

        return batch

    def not_finite(self, batch_size: int, seed: int, round_index: int, batches: int = 1, held_out: int = 0) -> str:
        """Return where the batches of a round contain NaN or infinity; see `not_finite`.

        The parameters are as in `draw`.
        """
        together = batch_size if self._yields_observations else 1
        places = self._order(together, seed, round_index, batches, held_out)
        found = (
            not_finite(self._kept[place], functools.partial(self._name, place))
            for place in places[places < len(self._kept)]
        )
        return next((words for words in found if words), "")

    def _name(self, place: int, row: int) -> str:
        return f"{place}" if self._yields_observations else f"{row} of batch {place}"

    def _order(self, together: int, seed: int, round_index: int, batches: int, held_out: int) -> NDArray[np.int64]:
        """Return the numbers of what is kept for a round, one batch after the other."""
        wanted = (batches + held_out) * together
        first, available = round_index * wanted, len(self._kept)
        if first + wanted <= available or not self._ended:
            return np.arange(first, first + wanted)
        if first >= available or held_out:
            return subsample(available, together, seed, round_index, batches, held_out)
        rest = subsample(available, 1, seed, round_index, wanted)
        own = np.arange(first, available)
        return np.concatenate([own, rest[~np.isin(rest, own)], rest])[:wanted]

    def _combined(self, observations: list[Batch]) -> Batch:
        try:
            joined: Batch = keras.tree.map_structure(
                lambda *rows: None if rows[0] is None else np.concatenate(rows), *observations
            )
        except ValueError as error:
            raise ValueError(
                "Argument `x` must yield batches, or observations of the same shape, which are combined into batches. "
                f"Batch them: a dataset has `batch`, `padded_batch` and `ragged_batch`. {error}"
            ) from error
        return joined

    def _read(self, needed: int) -> None:
        while len(self._kept) < needed and not self._ended:
            if self._broke_off:
                raise ValueError(
                    "Argument `x` stopped with an error and can't be read further. Create a tuner with a new stream."
                )
            if self._kept.is_full:
                self._end()
                return
            try:
                if self._elements is None:
                    self._elements = _iterate(self._source, len(self._kept))
                element = next(self._elements, None)
                if element is None:
                    self._end()
                    return
                self._keep(element)
            except BaseException:
                # Any exception, an interrupt too, closes a generator. The next read would look like the end of the
                # stream, which it is not. If a batch was refused, it is lost, and later batches would be assigned to
                # the wrong rounds.
                self._broke_off = self._elements is self._source
                self.let_go()
                raise

    def _end(self) -> None:
        self._ended = True
        self.let_go()

    def _keep(self, element: Any) -> None:
        x, _, _ = _parts(element)
        if isinstance(x, list | tuple) and any(isinstance(leaf, int | float | str) for leaf in keras.tree.flatten(x)):
            raise ValueError(f"Argument `x` must yield arrays. Received: lists or tuples of numbers. {AS_ARRAY}")
        batch = keras.tree.map_structure(lambda leaf: None if leaf is None else _array(leaf), element)
        leaves = _leaves(batch)
        x, y, sample_weight = _parts(batch)
        if self._yields_observations is None:
            check_class_weight(self._class_weight, y, sample_weight)
            self._yields_observations = any(len(leaf.shape) == 0 for leaf in leaves) or self._is_observation(_leaves(x))
        if self._yields_observations:
            if not all(isinstance(leaf, np.ndarray) for leaf in leaves):
                raise ValueError(
                    "Argument `x` must yield batches if they are sparse or ragged. Received: single observations, of "
                    f"shapes {', '.join(str(leaf.shape) for leaf in leaves)}. Batch them: `x.batch(32)`."
                )
            batch = keras.tree.map_structure(lambda leaf: None if leaf is None else leaf[np.newaxis], batch)
            x, y, sample_weight = _parts(batch)
        if not len(self._kept) and _length(batch) == 0:
            raise ValueError("Argument `x` must begin with a batch of observations. Received: an empty batch.")
        # The inputs of a batch of graphs may have other lengths: more nodes than graphs.
        lengths = [leaf.shape[0] for leaf in _leaves((y, sample_weight))]
        lengths += [leaf.shape[0] for leaf in _leaves(x)] if self._yields_observations or len(_leaves(x)) == 1 else []
        if len(set(lengths)) > 1:
            raise ValueError(
                "Argument `x` must yield batches whose parts have the same length. "
                f"Received: arrays of shapes {', '.join(str(leaf.shape) for leaf in leaves)}. If these are single "
                "observations, combine them into batches: `x.batch(32)`."
            )
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
    """Whether ``x`` yields batches, so that it can only be read in its own order."""
    if isinstance(x, keras.utils.PyDataset) or type(x).__module__.partition(".")[0] == "grain":
        return True
    # Some sparse matrices can be iterated over, but not indexed.
    has_rows = (hasattr(x, "__getitem__") and hasattr(x, "__len__")) or is_scipy_sparse(x)
    return hasattr(x, "__iter__") and not has_rows


def _iterate(batches: Any, first: int) -> Iterator[Any]:
    """Return an iterator over the batches from number ``first`` on. A generator is returned as it is."""
    if isinstance(batches, keras.utils.PyDataset):
        # Read it by index: its own workers would read ahead, and would still run after the tuner has ended.
        numbers = count(first) if batches.num_batches is None else range(first, batches.num_batches)
        return (batches[i] for i in numbers)
    elements: Iterator[Any] = iter(batches)
    if elements is not batches:
        next(islice(elements, first, first), None)
    return elements


def _count(batches: Any) -> int | None:
    """Return the number of elements that a stream declares. None if it is unknown or infinite."""
    if isinstance(batches, keras.utils.PyDataset):
        count: int | None = batches.num_batches
        return count
    if isinstance(batches, tf.data.Dataset):
        known = int(batches.cardinality())
        return known if known >= 0 else None
    try:
        # A `grain` dataset without an end has the largest length that Python allows.
        return len(batches) if len(batches) < sys.maxsize else None
    except TypeError:
        return None


def _leaves(structure: Any) -> list[Any]:
    return [leaf for leaf in keras.tree.flatten(structure) if leaf is not None]


def _array(leaf: Any) -> Any:
    """Return an array. A sparse or a ragged tensor is returned as it is; strings are Python's."""
    if isinstance(leaf, tf.SparseTensor | tf.RaggedTensor):
        return leaf
    if is_scipy_sparse(leaf):
        return scipy_sparse_to_tf_sparse(leaf.tocsr())
    if tf.is_tensor(leaf):
        return np.asarray(leaf.numpy())
    array = np.asarray(keras.ops.convert_to_numpy(leaf))
    try:
        keras.backend.standardize_dtype(array.dtype)
    except ValueError as error:
        raise ValueError(
            f"Argument `x` must yield arrays of numbers. Received: an array of dtype {array.dtype}. Yield strings as "
            "tensors: `tf.constant`."
        ) from error
    return array


def _length(batch: Batch) -> int:
    """The number of observations in a batch: that of its targets, if it has any."""
    x, y, _ = _parts(batch)
    return int((_leaves(y) or _leaves(x))[0].shape[0])
