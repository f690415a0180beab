"""One optimizer step, taken on copies."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf


class Step:
    """The model's optimizer, cloned onto shadow variables.

    Keras's TensorFlow optimizers update `tf.Variable`s only, so the step writes: into shadows of the model's weights
    and into the clone's own slots, both loaded anew before each step.
    """

    def __init__(self, optimizer: keras.Optimizer, variables: Sequence[keras.Variable]) -> None:
        # A tensor: `keras.Variable` of a variable would alias it.
        self.shadows = [keras.Variable(tf.identity(v.value), dtype=v.dtype, name=v.name) for v in variables]
        for shadow, variable in zip(self.shadows, variables, strict=True):
            shadow.constraint = variable.constraint
        # A schedule would have no learning-rate variable to set.
        self.optimizer = type(optimizer).from_config({**optimizer.get_config(), "learning_rate": 1.0})
        self.optimizer.build(self.shadows)
        self._fresh_slots = [tf.identity(v.value) for v in _slots(self.optimizer)]

    def slots(self, optimizer: keras.Optimizer) -> list[tf.Tensor]:
        """Copies of the step counter and moments of ``optimizer``, as they are now."""
        if not optimizer.built:
            return self._fresh_slots
        slots = [tf.identity(v.value) for v in _slots(optimizer)]
        if [s.shape for s in slots] != [s.shape for s in self._fresh_slots]:
            raise ValueError(
                "Argument `model` has an optimizer that was built for other variables than the model's trainable ones. "
                "Call `model.compile` again."
            )
        return slots

    def __call__(
        self,
        rate: tf.Tensor,
        weights: Sequence[tf.Tensor],
        slots: Sequence[tf.Tensor],
        gradients: Sequence[tf.Tensor],
    ) -> list[tf.Tensor]:
        """The weights after one step at learning rate ``rate``."""
        for shadow, weight in zip(self.shadows, weights, strict=True):
            shadow.assign(weight)
        for variable, slot in zip(_slots(self.optimizer), slots, strict=True):
            variable.assign(slot)
        self.optimizer.learning_rate.assign(rate)
        self.optimizer.apply_gradients(zip(gradients, self.shadows, strict=True))
        return [tf.identity(shadow.value) for shadow in self.shadows]


def _slots(optimizer: keras.Optimizer) -> list[keras.Variable]:
    return [v for v in optimizer.variables if v is not optimizer._learning_rate]
