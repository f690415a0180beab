"""A model in training, as `fit` would train it, on other variables than its own."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from autolr_widget.engine.measuring.causes import causes_told
from autolr_widget.engine.measuring.exchangeable import Exchangeable
from autolr_widget.engine.measuring.loop import Loop, Shadows, traced_loop
from autolr_widget.engine.measuring.optimizer_copy import optimizers
from autolr_widget.engine.measuring.training_step import TrainingStep, leaves_of, specs_of
from autolr_widget.engine.measuring.validation import check_batch_size, check_has_targets, check_model, has_own_step
from autolr_widget.engine.types import Batch

#: The memory in bytes for what the steps compute of the paths that are trained at once.
AT_ONCE = 2**26
#: Other dimensions of unknown size count as so many.
UNKNOWN = 32
#: What Keras notes in every layer, such as whether it was called, and inside of which other one. Tracing changes it.
#: With a name, the layer leaves the counters alone from which Keras names other layers.
NOTED = frozenset(vars(keras.layers.Layer(name="any")))


class Training:
    """The graphs in which a model is trained. They are traced once for all batches of the same shape.

    Parameters
    ----------
    model
        A compiled Keras model.
    batch
        A batch like those that it will be trained on. A model that is not built yet is built for it.
    optimizer, loss
        See `TrainingStep`.

    Raises
    ------
    ValueError
        If the model can't be measured. The message says why.
    """

    def __init__(self, model: keras.Model, batch: Batch, optimizer: str | None = None, loss: str | None = None) -> None:
        # The model may have changed since the tuner was made, and is built next.
        check_model(model)
        rows = _rows(batch)
        with causes_told(rows):
            if has_own_step(model):
                # Only the step knows what it calls, and with what. Such a model need not have a `call`.
                if not all(layer.built for layer in model._flatten_layers(include_self=False)):
                    TrainingStep(model, optimizer, loss).build(batch)
            else:
                check_has_targets(model, keras.utils.unpack_x_y_sample_weight(batch)[1])
                check_batch_size(model, rows)
                if not model.built:
                    _build(model, batch)
        check_model(model)
        self.model = model
        self.step = TrainingStep(model, optimizer, loss)
        self._traced_from = _parts(model)
        self._functions: dict[tuple[str, int], list[Exchangeable]] = {}
        self._loops: dict[tuple[Any, ...], Loop] = {}
        self._sizes: dict[int, int] = {}
        #: Variables of paths that have ended, to be used again.
        self.free: list[dict[int, tf.Variable]] = []
        #: The `OneStep` of this training, if the last run had one.
        self.one_step: Any = None
        #: The time that a step of one path takes. NaN before it is known.
        self.seconds_per_step = np.nan
        #: The variables of all functions by their `id`, and those that a function may write to.
        self.variables: dict[int, tf.Variable] = {}
        self.written: set[int] = set()

    @property
    def updated(self) -> set[int]:
        """The `id` of the weights that optimizers update."""
        return self.step.updated

    @property
    def rates(self) -> list[tuple[int, float]]:
        """The `id` of the variables with the learning rates, and the factor of each. See `set_own_rates`."""
        return [(id(rate.value), factor) for rate, factor in self.step.rates]

    def is_current(self) -> bool:
        """Whether the model is still compiled as it was, with the same variables to train."""
        return self._traced_from == _parts(self.model)

    def function(self, kind: str, batch: Batch) -> Exchangeable:
        """Return the function for batches like this one: ``"step"`` trains, ``"loss"`` only computes the loss.

        ``"validation"`` computes it as `Model.evaluate` does. It returns the loss. With a `train_step` of the user's,
        all are the same, and a `Loop` undoes what optimizers have updated.
        """
        if has_own_step(self.model):
            kind = "step"
        specs = specs_of(batch)
        former = self._functions.setdefault((kind, len(specs)), [])
        for function in former:
            if all(wide.is_compatible_with(spec) for wide, spec in zip(function.specs, specs, strict=True)):
                return function
        if former:
            # The sizes of batches vary: one graph for all sizes, though it is slower.
            specs = [a.most_specific_common_supertype([b]) for a, b in zip(specs, former[-1].specs, strict=True)]
        with causes_told(_rows(batch)):
            if kind == "step":
                function = self.step.traced(batch, specs)
            else:
                function = self.step.traced_loss(batch, specs, training=kind == "loss")
        former.append(function)
        self.variables |= {id(variable): variable for variable in function.variables}
        self.variables |= {id(rate.value): rate.value for rate, _ in self.step.rates}
        self.written |= function.written
        return function

    def loop(self, kind: str, batch: Batch, path: Shadows, thread: int = 0) -> Loop:
        """Return the loop that calls `function` on batches like this one.

        ``path`` are the variables of any path. Each thread has a loop of its own: some of TensorFlow's operations
        (oneDNN's convolutions) crash if one graph runs twice at the same time.
        """
        function = self.function(kind, batch)
        key = kind, id(function), thread
        if key not in self._loops and thread > 0:
            self._loops[key] = self.loop(kind, batch, path).again()
        elif key not in self._loops:
            weights = self.step.updated & self.written
            undone: set[int] = set()
            if kind != "step" and has_own_step(self.model):
                # The loss comes from a whole step, which is undone.
                undone = weights | {id(slot.value) for slot, _ in self.step.slots()} & self.written
            self._loops[key] = traced_loop(function, weights if kind == "step" else (), undone, path)
        return self._loops[key]

    def threads(self, batch: Batch, kind: str = "step") -> int:
        """Return for how many paths to call `function` at once: one per core, if it needs little memory."""
        function = self.function(kind, batch)
        if id(function) not in self._sizes:
            self._sizes[id(function)] = _size(function.graph, leaves_of(batch)[0].shape[0])
        return max(1, min(cores(), AT_ONCE // self._sizes[id(function)]))


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _rows(batch: Batch) -> int:
    return int(next(leaf for leaf in keras.tree.flatten(batch) if leaf is not None).shape[0])


@contextlib.contextmanager
def out_of_memory() -> Iterator[None]:
    """Raise a `MemoryError` if TensorFlow runs out of memory."""
    try:
        yield
    except tf.errors.ResourceExhaustedError as error:
        raise MemoryError(error.message) from error


def _size(graph: tf.Graph, rows: int) -> int:
    """Return the number of bytes that a graph computes for a batch of ``rows`` observations."""
    size = 1
    for operation in graph.get_operations():
        for tensor in operation.outputs:
            if tensor.shape.rank is not None:
                dimensions = [rows if d is None and i == 0 else d or UNKNOWN for i, d in enumerate(tensor.shape)]
                size += tensor.dtype.size * math.prod(dimensions)
    return size


def _build(model: keras.Model, batch: Batch) -> None:
    """Do what the first training step would do. The initial weights were settled when the layers were made."""
    x, _, _ = keras.utils.unpack_x_y_sample_weight(batch)
    # Symbols have no values: nothing runs, so that no seed generator moves on.
    model(keras.tree.map_structure(_symbol, x))


def _symbol(leaf: Any) -> keras.KerasTensor:
    kind: dict[str, Any] = {"sparse": True} if isinstance(leaf, tf.SparseTensor) else {}
    # Keras 3.5 has no such symbols: its `fit` builds a model for ragged batches as for dense ones.
    if isinstance(leaf, tf.RaggedTensor) and hasattr(keras.KerasTensor, "ragged"):
        kind = {"ragged": True, "ragged_rank": leaf.ragged_rank, "row_splits_dtype": leaf.row_splits.dtype}
    dtype = "string" if leaf.dtype == object else leaf.dtype
    return keras.KerasTensor((None, *leaf.shape[1:]), dtype, **kind)


def _parts(model: keras.Model) -> tuple[object, ...]:
    # Variables compare element by element; it is their identity that counts here.
    compiled = [(value, value.built, _config(value)) for value in optimizers(model).values()]
    layers = [(id(layer), layer.trainable, _plain(layer)) for layer in model._flatten_layers()]
    return compiled, model._compile_loss, [id(v) for v in model.trainable_variables], layers


def _plain(layer: keras.layers.Layer) -> dict[str, Any]:
    """Return what a graph has of a layer as constants: a dropout's rate, say."""
    values = vars(layer).items()
    return {name: value for name, value in values if isinstance(value, bool | int | float | str) and name not in NOTED}


def _config(optimizer: keras.Optimizer) -> Any:
    try:
        return {name: value for name, value in optimizer.get_config().items() if name != "learning_rate"}
    except Exception:  # A custom optimizer need not have one.
        return None
