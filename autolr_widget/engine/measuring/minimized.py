"""Finds the loss of a training step: what the gradients are taken of with which an optimizer steps."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Collection, Container, Iterable, Iterator
from typing import Any, NamedTuple
from unittest import mock

import keras
import tensorflow as tf

from autolr_widget.engine.parts import parts


class Gradients(NamedTuple):
    """One call of `GradientTape.gradient`: what was differentiated, and the results that are not None."""

    target: list[tf.Tensor]
    results: list[tf.Tensor]


class Recording:
    """What a training step did while it was traced.

    Attributes
    ----------
    gradients
        The calls of `GradientTape.gradient`, in order.
    applied, stepped
        For each optimizer that stepped, by its `id`: the gradients, and the variables that it updated.
    """

    def __init__(self) -> None:
        self.gradients: list[Gradients] = []
        self.applied: dict[int, list[tf.Tensor]] = {}
        self.stepped: dict[int, list[keras.Variable]] = {}
        self._unscaled: dict[tuple[int, str], tf.Tensor] = {}

    @contextlib.contextmanager
    def of(self, optimizers: Collection[keras.Optimizer]) -> Iterator[None]:
        """Record what this thread does. The optimizers must be copies: their methods are replaced meanwhile."""
        thread = threading.get_ident()
        differentiate = tf.GradientTape.gradient

        def gradient(tape: tf.GradientTape, target: Any, *arguments: Any, **named: Any) -> Any:
            results = differentiate(tape, target, *arguments, **named)
            if threading.get_ident() == thread:
                self.gradients.append(Gradients(_tensors(target), _tensors(results)))
            return results

        with contextlib.ExitStack() as stack:
            stack.enter_context(mock.patch.object(tf.GradientTape, "gradient", gradient))
            stack.enter_context(_no_others([part for one in optimizers for part in (one, *parts(one))], thread))
            for optimizer in optimizers:
                stack.enter_context(self._watching(optimizer))
            yield

    def targets(self, optimizer: keras.Optimizer) -> list[Gradients]:
        """Return the calls of `GradientTape.gradient` whose results ``optimizer`` stepped with."""
        return _reached(self.applied[id(optimizer)], self.gradients)

    def loss(self, optimizer: keras.Optimizer) -> tf.Tensor | None:
        """Return the loss that ``optimizer`` lowers, a scalar. None if it can't be found, or if there are several."""
        targets = [call.target for call in self.targets(optimizer)]
        if len({tuple(map(_key, target)) for target in targets}) != 1:
            return None
        parts = [self._unscaled.get(_key(part), part) for part in targets[0]]
        if any(part.graph is not tf.compat.v1.get_default_graph() for part in parts):
            return None
        return parts[0] if len(parts) == 1 and parts[0].shape.rank == 0 else tf.add_n(list(map(tf.reduce_sum, parts)))

    @contextlib.contextmanager
    def _watching(self, optimizer: keras.Optimizer) -> Iterator[None]:
        apply, scale = optimizer.apply, optimizer.scale_loss

        def recorded_apply(grads: Any, trainable_variables: Any = None, **named: Any) -> Any:
            grads = list(grads)
            if trainable_variables is not None:
                trainable_variables = list(trainable_variables)
            if not optimizer.built and trainable_variables is not None:
                # Outside of the graph: there, each variable would leave a graph behind.
                with tf.init_scope():
                    optimizer.build(trainable_variables)
            self.applied.setdefault(id(optimizer), []).extend(_tensors(grads))
            result = apply(grads, trainable_variables, **named)
            variables = optimizer._trainable_variables if trainable_variables is None else trainable_variables
            self.stepped.setdefault(id(optimizer), []).extend(variables)
            return result

        def recorded_scale(loss: Any) -> Any:
            scaled = scale(loss)
            self._unscaled[_key(scaled)] = loss
            return scaled

        optimizer.__dict__.update(apply=recorded_apply, scale_loss=recorded_scale)
        try:
            yield
        finally:
            del optimizer.__dict__["apply"], optimizer.__dict__["scale_loss"]


@contextlib.contextmanager
def _no_others(optimizers: list[keras.Optimizer], thread: int) -> Iterator[None]:
    """Refuse that any other optimizer steps in this thread: it is the user's own."""
    base = keras.optimizers.Optimizer
    step = base.apply

    def apply(optimizer: keras.Optimizer, *arguments: Any, **named: Any) -> Any:
        if threading.get_ident() == thread and not any(optimizer is one for one in optimizers):
            raise ValueError(
                "Argument `model` must have every optimizer that `train_step` calls as an attribute of its own, and "
                f"call it as `self.<name>`. Received: a call of {optimizer.name!r}, an optimizer of type "
                f"{type(optimizer).__name__}, which can't be exchanged for a copy."
            )
        return step(optimizer, *arguments, **named)

    with mock.patch.object(base, "apply", apply):
        yield


def inputs_of(tensors: Iterable[tf.Tensor]) -> set[str]:
    """Return the names of the placeholders of a graph that ``tensors`` are computed from."""
    return {found.op.name for found in _ancestors(tensors, ()) if found.op.type == "Placeholder"}


def _reached(tensors: list[tf.Tensor], calls: list[Gradients]) -> list[Gradients]:
    """Return the calls that ``tensors`` are computed from, but not those that these calls are computed from in turn."""
    result_of = {_key(result): index for index, call in enumerate(calls) for result in call.results}
    found = {result_of[_key(tensor)] for tensor in _ancestors(tensors, result_of) if _key(tensor) in result_of}
    return [calls[index] for index in sorted(found)]


def _ancestors(tensors: Iterable[tf.Tensor], stop: Container[tuple[int, str]]) -> Iterator[tf.Tensor]:
    """Yield the tensors that ``tensors`` are computed from, and these. The search does not pass those in ``stop``."""
    seen = set()
    todo = list(tensors)
    while todo:
        tensor = todo.pop()
        if _key(tensor) in seen:
            continue
        seen.add(_key(tensor))
        yield tensor
        if _key(tensor) not in stop:
            todo += tensor.op.inputs


def _key(tensor: tf.Tensor) -> tuple[int, str]:
    return id(tensor.graph), tensor.name


def _tensors(structure: Any) -> list[tf.Tensor]:
    """Return the tensors in a structure. A sparse gradient counts as its values."""
    found = []
    for leaf in tf.nest.flatten(structure):
        if isinstance(leaf, keras.Variable):
            leaf = leaf.value
        if isinstance(leaf, tf.IndexedSlices):
            leaf = leaf.values
        if tf.is_tensor(leaf) and not isinstance(leaf, tf.Variable):
            found.append(leaf)
    return found
