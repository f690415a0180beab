"""The losses of real training: those that a twin's own `train_step` starts from. Shares no code with the engine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import keras
import numpy as np
import tensorflow as tf

from autolr_widget import LRTuner
from tests.engine.keras_io.example import Example
from tests.engine.oracle import Held


def batches_of(tuner: LRTuner, example: Example, rounds: int) -> list[list[Any]]:
    """The batches of each round, as `train_step` gets them from `fit`. Only here is it known how a tuner picks rows."""
    settings, data = tuner.settings, example.arguments()
    if is_stream(data["x"]):
        # As the dataset yields them, whole and in order.
        next(iter(data["x"]))  # The tuner looks at the first batch before it reads them.
        endless = _endless(data["x"], data.get("class_weight"))
        return [[next(endless) for _ in range(settings.horizon)] for _ in range(rounds)]
    found = []
    for index in range(rounds):
        draw = tuner.observations.draw(settings.batch_size, settings.seed, index, settings.horizon, settings.held_out)
        found.append([keras.tree.map_structure(_tensor, draw(step)) for step in range(settings.horizon)])
    return found


def _tensor(leaf: Any) -> tf.Tensor | None:
    return None if leaf is None else tf.convert_to_tensor(leaf)


def is_stream(x: Any) -> bool:
    return isinstance(x, tf.data.Dataset | keras.utils.PyDataset)


def _endless(x: Any, class_weight: dict[int, float] | None) -> Iterator[Any]:
    while True:
        for batch in (x[i] for i in range(len(x))) if isinstance(x, keras.utils.PyDataset) else x:
            batch = keras.tree.map_structure(_tensor, batch)
            if class_weight is not None:
                inputs, y = batch
                batch = inputs, y, tf.constant([class_weight[int(label)] for label in y], tf.float32)
            yield batch


class Variables:
    """A scope that lists the variables that are made in it, whoever makes them: the model's whole state, and more."""

    def __init__(self) -> None:
        self.made: list[tf.Variable] = []

    def scope(self):
        def note(make, **arguments):
            self.made.append(make(**arguments))
            return self.made[-1]

        return tf.variable_creator_scope(note)

    def values(self) -> list[np.ndarray]:
        return [variable.numpy() for variable in self.made]

    def assign(self, values: list[np.ndarray], later: int = 0) -> None:
        """Set the variables. ``later`` is how far the seed generators go on: each round has numbers of its own."""
        for variable, value in zip(self.made, values, strict=True):
            if later and "seed_generator_state" in variable.name:
                value = value + np.array([0, later], value.dtype)
            variable.assign(value)


class Twin:
    """A model like that of the tuner, to be trained.

    Parameters
    ----------
    example
        Makes the model, with the same weights each time.
    batch
        The model is built for it, without a step.
    """

    def __init__(self, example: Example, batch: Any) -> None:
        self.example = example
        self.variables = Variables()
        with self.variables.scope():
            self.model = example.make()
        optimizer = getattr(self.model, example.settings.get("optimizer", "optimizer"))
        if isinstance(optimizer._learning_rate, keras.optimizers.schedules.LearningRateSchedule):
            optimizer._learning_rate = Held()
            self._rate = optimizer._learning_rate.rate
        else:
            self._rate = optimizer._learning_rate
        # As Keras compiles it for `fit`, but with the loss as a result.
        self._step = tf.function(self._losses, autograph=False, reduce_retracing=True)
        with self.variables.scope():
            # Tracing makes all the variables that the first batch makes, and takes no step.
            self._step.get_concrete_function(batch)
        self._start = self.variables.values()
        optimizers = [value for value in vars(self.model).values() if isinstance(value, keras.Optimizer)]
        updated = [*self.model.trainable_variables, *(v for o in optimizers for v in o.variables)]
        held = {id(v.value) for v in updated} - {id(self._rate), id(getattr(self._rate, "value", None))}
        self._updated = [i for i, variable in enumerate(self.variables.made) if id(variable) in held]

    def _losses(self, batch: Any) -> tf.Tensor:
        targets = []
        original = tf.GradientTape.gradient

        def gradient(tape, target, sources, *args, **kwargs):
            flat = tf.nest.flatten(sources)
            if all(isinstance(source, tf.Variable | keras.Variable) for source in flat):
                targets.append(target)
            return original(tape, target, sources, *args, **kwargs)

        with patch.object(tf.GradientTape, "gradient", gradient):
            logs = self.model.train_step(batch)
        if "loss" in self.example.settings:
            return tf.cast(logs[self.example.settings["loss"]], tf.float64)
        parts = tf.nest.flatten(targets[self.example.which])
        return tf.add_n([tf.cast(tf.reduce_sum(part), tf.float64) for part in parts])

    def curve(self, rate: float, batches: list[Any], index: int = 0, still: bool = False) -> np.ndarray:
        """The loss that each step starts from, when the model is trained on ``batches`` at a constant rate.

        If it is to stand ``still``, what optimizers update is set back after each step.
        """
        self.variables.assign(self._start, 4096 * index)
        self._rate.assign(rate)
        losses = []
        for batch in batches:
            self.model.reset_metrics()
            losses.append(float(self._step(batch)))
            for i in self._updated if still else ():
                self.variables.made[i].assign(self._start[i])
        return np.array(losses)
