"""The loss differential of every learning rate on one subsample."""

from __future__ import annotations

import threading
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from autolr_widget.engine.loss import Batch, training_loss
from autolr_widget.engine.observations import Observations
from autolr_widget.engine.step import Step


class State(NamedTuple):
    """Where a run starts from: copies of the weights, the other variables and the optimizer's slots."""

    trainable: list[tf.Tensor]
    non_trainable: list[tf.Tensor]
    slots: list[tf.Tensor]


class LossDifferential:
    """The loss before and after one step at each rate, as one graph.

    The model and its optimizer are read, never written.
    """

    def __init__(self, model: keras.Model, observations: Observations) -> None:
        if not model.built:
            # What the first training step would do. The initial weights were settled when the layers were made.
            model(observations.take(np.array([0]))[0])
        self._model = model
        self._traced_from = _parts(model)
        self._step = Step(model.optimizer, model.trainable_variables)
        self._losses = tf.function(self._trace)
        # The shadows serve one call at a time.
        self._lock = threading.Lock()

    def state(self) -> State:
        """The model's and its optimizer's state as it is now."""
        model = self._model
        return State(
            [tf.identity(v.value) for v in model.trainable_variables],
            [tf.identity(v.value) for v in model.non_trainable_variables],
            self._step.slots(model.optimizer),
        )

    def is_current(self) -> bool:
        """Whether the model is still compiled as it was, with the same variables to train."""
        return self._traced_from == _parts(self._model)

    def __call__(
        self, state: State, rates: NDArray[np.float64], batch: Batch, round_index: int
    ) -> tuple[float, NDArray[np.float64]]:
        """The loss before the step, and loss after minus loss before for each of ``rates``, shape ``(num_evals,)``.

        Layers with random numbers draw in round ``k`` what the k-th training step from this state would draw, before
        and after the step alike.
        """
        tensors = keras.tree.map_structure(lambda leaf: None if leaf is None else tf.convert_to_tensor(leaf), batch)
        with self._lock:
            try:
                before, after = self._losses(state, tf.constant(rates, tf.float32), tensors, tf.constant(round_index))
            except tf.errors.ResourceExhaustedError as error:
                raise MemoryError(error.message) from error
        loss = float(before)
        return loss, after.numpy().astype(np.float64) - loss

    def _trace(
        self, state: State, rates: tf.Tensor, batch: Batch, round_index: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        trainable, non_trainable, slots = state
        non_trainable = [
            value + tf.cast([0, round_index], value.dtype) if variable.name == "seed_generator_state" else value
            for variable, value in zip(self._model.non_trainable_variables, non_trainable, strict=True)
        ]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(trainable)
            before = training_loss(self._model, trainable, non_trainable, batch)
            scaled = self._step.optimizer.scale_loss(before)
        gradients = tape.gradient(scaled, trainable)

        def loss_after(rate: tf.Tensor) -> tf.Tensor:
            return training_loss(self._model, self._step(rate, trainable, slots, gradients), non_trainable, batch)

        # One at a time: all steps share the shadows.
        return before, tf.map_fn(loss_after, rates, fn_output_signature=before.dtype, parallel_iterations=1)


def _parts(model: keras.Model) -> tuple[object, ...]:
    optimizer = {name: value for name, value in model.optimizer.get_config().items() if name != "learning_rate"}
    # Variables compare element by element; it is their identity that counts here.
    return model.optimizer, model._compile_loss, optimizer, [id(v) for v in model.trainable_variables]
