"""The state that all paths of a run start from."""

from __future__ import annotations

import tensorflow as tf

from autolr_widget.engine.measuring.loss import other_variables
from autolr_widget.engine.measuring.training import Training
from autolr_widget.engine.measuring.training_step import all_finite
from autolr_widget.engine.types import State

#: Seeds move on by so much from round to round: more than a layer draws in one, so that no two rounds share a draw.
DRAWS = 4096


def is_seed(name: str) -> bool:
    """Whether the variable ``name`` is that of a seed generator."""
    return name.rpartition("/")[2].startswith("seed_generator_state")


def moved_on(name: str, value: tf.Tensor, round_index: int | tf.Tensor) -> tf.Tensor:
    """Return the value of the variable ``name`` as a round finds it: each round has random numbers of its own."""
    return value + tf.cast([0, DRAWS * round_index], value.dtype) if is_seed(name) else value


class Start:
    """The state of a model and its optimizers at one moment.

    Parameters
    ----------
    training
        The model in training.

    Raises
    ------
    ValueError
        If the weights are not finite. The loss may not tell: on some processors, a fused matmul and relu turns
        NaN into 0.

    Attributes
    ----------
    state : State
        The values.
    kept : set of int
        The keys of the weights and of what belongs to the optimizers.
    """

    def __init__(self, training: Training) -> None:
        self._training = training
        model = training.model
        trainable = [(v, tf.identity(v.value)) for v in model.trainable_variables]
        others = [(v, tf.identity(v.value)) for v in other_variables(model)]
        slots = training.step.slots()
        self.state = State(*([value for _, value in group] for group in (trainable, others, slots)))
        if not all_finite([*self.state.trainable, *self.state.others]):
            raise ValueError(
                "Argument `model` must have finite weights. Received: weights that are NaN or infinite. Build it "
                "again, or load other weights."
            )
        self.kept = {id(v.value) for v in model.trainable_variables} | {id(v.value) for v, _ in slots}
        self._values = {id(v.value): value for v, value in [*trainable, *others, *slots]}

    def value(self, key: int) -> tf.Tensor:
        """Return the value of the variable whose `id` this is."""
        if key not in self._values:
            # Not of the model, and so not known before the step was traced: an average of its weights, say.
            self._values[key] = tf.identity(self._training.variables[key])
        return self._values[key]
