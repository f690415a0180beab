"""One optimizer step, taken on copies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf


class Step:
    """The model's optimizer, cloned onto shadow variables.

    Keras's TensorFlow optimizers update `tf.Variable`s only, so the step writes: into shadows of the model's weights
    and into the clone's own slots, both loaded anew before each step.
    """

    def __init__(self, optimizer: keras.Optimizer, variables: Sequence[keras.Variable]) -> None:
        self.shadows = [_shadow(variable) for variable in variables]
        self.optimizer = _clone_for(optimizer, variables, self.shadows)
        self._rate = _innermost(self.optimizer)._learning_rate
        self.rate_dtype = self._rate.dtype
        self._slots = _slots(self.optimizer)

    def slots(self, optimizer: keras.Optimizer, variables: Sequence[keras.Variable]) -> list[tf.Tensor]:
        """Copies of the step counter and moments of ``optimizer``, as they are now."""
        if not optimizer.built:
            # Some begin as functions of the weights, so that a clone is built anew from the weights as they are now.
            fresh = _clone_for(optimizer, variables, [_shadow(variable) for variable in variables])
            return [tf.identity(v.value) for v in _slots(fresh)]
        slots = [tf.identity(v.value) for v in _slots(optimizer)]
        if [s.shape for s in slots] != [v.shape for v in self._slots]:
            raise ValueError(
                "Argument `model` must have an optimizer that was built for its trainable variables. Received: an "
                "optimizer that was built for other variables. Call `model.compile` again."
            )
        return slots

    def load(self, slots: Sequence[tf.Tensor]) -> None:
        """Give the clone these slots."""
        for variable, slot in zip(self._slots, slots, strict=True):
            variable.assign(slot)

    def __call__(
        self,
        rate: tf.Tensor,
        weights: Sequence[tf.Tensor],
        slots: Sequence[tf.Tensor],
        gradients: Sequence[tf.Tensor],
    ) -> list[tf.Tensor]:
        """The weights after one step at learning rate ``rate``; `taken` has the slots after it."""
        for shadow, weight in zip(self.shadows, weights, strict=True):
            shadow.assign(weight)
        self.load(slots)
        self._rate.assign(tf.cast(rate, self._rate.dtype))
        # The optimizer leaves out what has no gradient, too, but warns of it each time.
        self.optimizer.apply_gradients(
            [(g, shadow) for g, shadow in zip(gradients, self.shadows, strict=True) if g is not None]
        )
        return [tf.identity(shadow.value) for shadow in self.shadows]

    def taken(self) -> list[tf.Tensor]:
        """The clone's slots as the last step left them."""
        return [tf.identity(slot.value) for slot in self._slots]


def clone(optimizer: keras.Optimizer) -> keras.Optimizer:
    """An optimizer like this one, not built yet, with a learning rate that can be set; a schedule's could not.

    Raises
    ------
    TypeError, ValueError, NotImplementedError
        If ``get_config`` and ``from_config`` of a custom optimizer do not fit each other.
    """
    config = optimizer.get_config()
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        # Not by its own `from_config`, which asks for custom optimizers to be registered.
        config["inner_optimizer"] = clone(optimizer.inner_optimizer)
        return type(optimizer)(**config)
    return type(optimizer).from_config({**config, "learning_rate": 1.0})


def _clone_for(
    optimizer: keras.Optimizer, variables: Sequence[keras.Variable], shadows: list[keras.Variable]
) -> keras.Optimizer:
    copy = clone(optimizer)
    inner, inner_copy = _innermost(optimizer), _innermost(copy)
    # `exclude_from_weight_decay` is no part of the config.
    excluded: set[Any] = getattr(inner, "_exclude_from_weight_decay", set())
    inner_copy._exclude_from_weight_decay = {
        inner_copy._var_key(shadow)
        for shadow, variable in zip(shadows, variables, strict=True)
        if inner._var_key(variable) in excluded
    }
    inner_copy._exclude_from_weight_decay_pattern = getattr(inner, "_exclude_from_weight_decay_pattern", None)
    copy.build(shadows)
    return copy


def _shadow(variable: keras.Variable) -> keras.Variable:
    # A tensor: `keras.Variable` of a variable would alias it.
    shadow = keras.Variable(tf.identity(variable.value), dtype=variable.dtype, name=variable.name)
    shadow.constraint = variable.constraint
    # Some optimizers treat layers by their names.
    shadow._path = variable.path
    return shadow


def _innermost(optimizer: keras.Optimizer) -> keras.Optimizer:
    return getattr(optimizer, "inner_optimizer", optimizer)


def _slots(optimizer: keras.Optimizer) -> list[keras.Variable]:
    return [v for v in optimizer.variables if v is not _innermost(optimizer)._learning_rate]
