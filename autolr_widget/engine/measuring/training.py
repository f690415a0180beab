"""A model in training, as `fit` would train it, on other variables than its own."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

from autolr_widget.engine.measuring.exchangeable import Exchangeable
from autolr_widget.engine.measuring.optimizer_copy import optimizers
from autolr_widget.engine.measuring.training_step import TrainingStep, leaves_of
from autolr_widget.engine.measuring.validation import check_model, has_own_step
from autolr_widget.engine.types import Batch

#: The memory in bytes for what the steps of the paths that run side by side compute.
SIDE_BY_SIDE = 2**26
#: Other dimensions of unknown size count as so many.
UNKNOWN = 32


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
        if has_own_step(model):
            # Only the step knows what it calls, and with what. Such a model need not have a `call`.
            if not all(layer.built for layer in model._flatten_layers(include_self=False)):
                TrainingStep(model, optimizer, loss).build(batch)
        elif not model.built:
            _build(model, batch)
        check_model(model)
        self.model = model
        self.step = TrainingStep(model, optimizer, loss)
        self._traced_from = _parts(model)
        self._functions: dict[tuple[Any, ...], Exchangeable] = {}
        self._loops: dict[tuple[Any, ...], Any] = {}
        #: The variables of all functions by their `id`, and those that a function may write to.
        self.variables: dict[int, tf.Variable] = {}
        self.written: set[int] = set()

    def is_current(self) -> bool:
        """Whether the model is still compiled as it was, with the same variables to train."""
        return self._traced_from == _parts(self.model)

    def function(self, kind: str, batch: Batch) -> Exchangeable:
        """Return the function for batches like this one: ``"step"`` trains, ``"loss"`` only computes the loss.

        It returns the loss, and whether the weights are finite afterwards. With a `train_step` of the user's, both are
        the same, and `loop` undoes what optimizers have updated.
        """
        if has_own_step(self.model):
            kind = "step"
        key = kind, _signature(batch)
        if key not in self._functions:
            found = self.step.traced(batch) if kind == "step" else self.step.traced_loss(batch)
            self._functions[key] = found
            self.variables |= {id(variable): variable for variable in found.variables}
            self.written |= found.written
        return self._functions[key]

    def loop(self, kind: str, batch: Batch, paths: int) -> Any:
        """Return a graph of ``paths`` loops side by side, each of which calls `function` on one batch after the other.

        Its arguments are the handles for each path, in the order of `Exchangeable.variables`; whether it still runs;
        and the arrays of the batches, of shape ``(steps, batch_size, …)``. It returns the losses of each path, of which
        those after its last step are not valid; the number of its steps; and whether it still runs. A path ends when
        its loss or its weights are not finite.
        """
        key = kind, _signature(batch), paths
        if key in self._loops:
            return self._loops[key]
        function = self.function(kind, batch)
        kept: list[int] = []
        if kind == "loss":
            updated = {id(v.value) for v in self.model.trainable_variables} | {
                id(v.value) for v, _ in self.step.slots()
            }
            kept = [i for i, v in enumerate(function.variables) if id(v) in updated & function.written]

        def path(handles: list[tf.Tensor], runs: tf.Tensor, leaves: list[tf.Tensor]) -> tuple[tf.Tensor, ...]:
            count = tf.shape(leaves[0])[0]

            def body(index: tf.Tensor, runs: tf.Tensor, losses: tf.TensorArray) -> tuple[Any, ...]:
                before = [_read(handles[i], function.variables[i]) for i in kept]
                loss, finite = function(handles, *(leaf[index] for leaf in leaves))
                for i, value in zip(kept, before, strict=True):
                    tf.raw_ops.AssignVariableOp(resource=handles[i], value=value)
                return index + 1, finite & tf.math.is_finite(loss), losses.write(index, loss)

            losses = tf.TensorArray(tf.float64, count)
            steps, runs, losses = tf.while_loop(
                lambda index, runs, _: (index < count) & runs, body, (0, runs, losses), parallel_iterations=1
            )
            return losses.stack(), steps, runs

        def side_by_side(
            handles: list[list[tf.Tensor]], run: list[tf.Tensor], leaves: list[tf.Tensor]
        ) -> list[tuple[tf.Tensor, ...]]:
            return [path(own, runs, leaves) for own, runs in zip(handles, run, strict=True)]

        resource = tf.TensorSpec((), tf.resource)
        stacked = [tf.TensorSpec((None, *spec.shape), spec.dtype) for spec in function.specs]
        arguments = [[resource] * len(function.variables)] * paths, [tf.TensorSpec((), tf.bool)] * paths, stacked
        self._loops[key] = tf.function(side_by_side, autograph=False).get_concrete_function(*arguments)
        return self._loops[key]

    def paths_side_by_side(self, batch: Batch, paths: int) -> int:
        """Return how many of ``paths`` to train in one graph: one per core, if their memory is small.

        It depends only on the graph and the machine, never on measured times.
        """
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        rows = leaves_of(batch)[0].shape[0]
        size = 0
        for operation in self.function("step", batch).graph.get_operations():
            for tensor in operation.outputs:
                if tensor.shape.rank is not None and tensor.dtype.size:
                    dimensions = [rows if d is None and i == 0 else d or UNKNOWN for i, d in enumerate(tensor.shape)]
                    size += tensor.dtype.size * int(tf.TensorShape(dimensions).num_elements() or 0)
        most = max(1, min(cores, SIDE_BY_SIDE // max(1, size)))
        # Groups of equal size, so that no core waits in the last one.
        return -(-paths // max(1, paths // most))


@contextlib.contextmanager
def out_of_memory() -> Iterator[None]:
    """Raise a `MemoryError` if TensorFlow runs out of memory."""
    try:
        yield
    except tf.errors.ResourceExhaustedError as error:
        raise MemoryError(error.message) from error


def _read(handle: tf.Tensor, variable: tf.Variable) -> tf.Tensor:
    return tf.raw_ops.ReadVariableOp(resource=handle, dtype=variable.dtype)


def _signature(batch: Batch) -> tuple[Any, ...]:
    return tuple((leaf.shape[1:], leaf.dtype) for leaf in leaves_of(batch))


def _build(model: keras.Model, batch: Batch) -> None:
    """Do what the first training step would do. The initial weights were settled when the layers were made."""
    x, _, _ = keras.utils.unpack_x_y_sample_weight(batch)
    # Symbols have no values: nothing runs, so that no seed generator moves on.
    model(keras.tree.map_structure(lambda leaf: keras.KerasTensor((None, *leaf.shape[1:]), leaf.dtype), x))


def _parts(model: keras.Model) -> tuple[object, ...]:
    # Variables compare element by element; it is their identity that counts here.
    compiled = [(value, value.built, _config(value)) for value in optimizers(model).values()]
    return compiled, model._compile_loss, [id(v) for v in model.trainable_variables]


def _config(optimizer: keras.Optimizer) -> Any:
    try:
        return {name: value for name, value in optimizer.get_config().items() if name != "learning_rate"}
    except Exception:  # A custom optimizer need not have one.
        return None
