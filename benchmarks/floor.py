"""The least that a round can cost: the same forward and backward passes, written by hand, and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf


def floor(model: keras.Model, rates: np.ndarray, vectorised: bool) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Return a function of a batch that computes the losses after a first step of SGD or Adam at each rate.

    It is one `tf.function`. It computes all rates at once with `tf.vectorized_map`, or one after another with
    `tf.map_fn`.
    """
    weights = [tf.identity(v.value) for v in model.trainable_variables]
    grid = tf.constant(rates, tf.float32)
    adam = isinstance(model.optimizer, keras.optimizers.Adam)

    def loss_at(values: list[tf.Tensor], x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        with keras.StatelessScope(state_mapping=zip(model.trainable_variables, values, strict=True)):
            return model.loss(y, model(x, training=True))

    # Keras also traces its own step without AutoGraph.
    @tf.function(autograph=False)
    def losses(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(weights)
            before = loss_at(weights, x, y)
        gradients = [tf.convert_to_tensor(g) for g in tape.gradient(before, weights)]
        # In Adam's first step, the moments are 0 and the corrections cancel.
        steps = [g / (abs(g) + 1e-7) for g in gradients] if adam else gradients

        def after(rate: tf.Tensor) -> tf.Tensor:
            return loss_at([w - rate * s for w, s in zip(weights, steps, strict=True)], x, y)

        if vectorised:
            return tf.vectorized_map(after, grid)
        return tf.map_fn(after, grid)

    return lambda x, y: losses(tf.constant(x), tf.constant(y)).numpy()
