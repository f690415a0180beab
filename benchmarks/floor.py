"""What a round must cost: the same forward and backward passes, written by hand, and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf


def floor(model: keras.Model, rates: np.ndarray, vectorised: bool) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """A function of a batch: the losses after a first step of SGD or Adam at each rate, by one `tf.function`.

    The rates at once by `tf.vectorized_map`, or one after the other by `tf.map_fn`, as one would write it.
    """
    weights = [tf.identity(v.value) for v in model.trainable_variables]
    grid = tf.constant(rates, tf.float32)
    adam = isinstance(model.optimizer, keras.optimizers.Adam)

    def loss_at(values: list[tf.Tensor], x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        with keras.StatelessScope(state_mapping=zip(model.trainable_variables, values, strict=True)):
            return model.loss(y, model(x, training=True))

    # Without AutoGraph, as Keras traces its own step.
    @tf.function(autograph=False)
    def losses(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(weights)
            before = loss_at(weights, x, y)
        gradients = [tf.convert_to_tensor(g) for g in tape.gradient(before, weights)]
        # Adam's first step, from fresh moments: its corrections cancel.
        steps = [g / (abs(g) + 1e-7) for g in gradients] if adam else gradients

        def after(rate: tf.Tensor) -> tf.Tensor:
            return loss_at([w - rate * s for w, s in zip(weights, steps, strict=True)], x, y)

        if vectorised:
            return tf.vectorized_map(after, grid)
        return tf.map_fn(after, grid)

    return lambda x, y: losses(tf.constant(x), tf.constant(y)).numpy()
