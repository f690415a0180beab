"""The state that all paths of a run start from, and the variables that each path has of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import tensorflow as tf

from autolr_widget.engine.measuring.loop import Shadows
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
        If the weights are not finite. The loss would not tell: a fused matmul and relu makes a 0 of NaN.

    Attributes
    ----------
    state : State
        The values.
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
        self._kept = {id(v.value) for v in model.trainable_variables} | {id(v.value) for v, _ in slots}
        self._values = {id(v.value): value for v, value in [*trainable, *others, *slots]}
        # Only for reading, shared by all paths.
        self._shared: dict[int, tf.Variable] = {}

    @property
    def bytes_per_path(self) -> int:
        """The memory that the variables of one path need."""
        values = (self._value(key) for key in self._training.written)
        return sum(value.dtype.size * int(value.shape.num_elements() or 0) for value in values)

    def shadows(self) -> Shadows:
        """Return variables for one path, with any values. `release` takes them back, to be used again."""
        training = self._training
        for key in training.variables:
            if key not in self._shared and key not in training.written:
                self._shared[key] = self._variable(key)
        own = training.free.pop() if training.free else {}
        for key in training.written - own.keys():
            own[key] = self._variable(key)
        for rate, _ in training.step.rates:
            if id(rate.value) not in own:
                own[id(rate.value)] = tf.Variable(rate.value, trainable=False)
        return self._shared | own

    def release(self, shadows: Iterable[Shadows]) -> None:
        """Take back the variables of paths that have ended."""
        self._training.free += [
            {key: v for key, v in path.items() if self._shared.get(key) is not v} for path in shadows
        ]

    def load(self, paths: Sequence[Shadows], round_index: int, weights: bool = True, others: bool = True) -> None:
        """Give the variables of these paths the values that the paths of round ``round_index`` start from.

        Without ``weights``, the weights and what belongs to the optimizers are left as they are; without ``others``,
        everything is but the seeds.
        """
        kept = set() if weights else self._kept | self._training.step.updated
        for key in self._training.written - kept:
            name = self._training.variables[key].name
            if not others and not is_seed(name):
                continue
            value = moved_on(name, self._value(key), round_index)
            for path in paths:
                _assign(path[key], value)

    def read(self, path: Shadows) -> dict[int, tf.Tensor]:
        """Return the values of the variables of a path, which `write` gives back to one."""
        # As `tf.identity` does, but in a fifth of the time. TensorFlow copies a value that is still in use elsewhere
        # before it changes a variable in place.
        written = {key: path[key] for key in self._training.written}
        return {key: tf.raw_ops.ReadVariableOp(resource=v.handle, dtype=v.dtype) for key, v in written.items()}

    def write(self, path: Shadows, values: Mapping[int, tf.Tensor]) -> None:
        """Give the variables of a path the values that `read` returned."""
        for key, value in values.items():
            _assign(path[key], value)

    def set_rate(self, path: Shadows, rate: float) -> None:
        """Let a path train with this learning rate."""
        for variable, factor in self._training.step.rates:
            _assign(path[id(variable.value)], tf.constant(rate * factor, variable.dtype))

    def _value(self, key: int) -> tf.Tensor:
        if key not in self._values:
            # Not of the model, and so not known before the step was traced: an average of its weights, say.
            self._values[key] = tf.identity(self._training.variables[key])
        return self._values[key]

    def _variable(self, key: int) -> tf.Variable:
        original = self._training.variables[key]
        with tf.device(original.device):
            return tf.Variable(self._value(key), trainable=False, shape=original.shape)


def _assign(variable: tf.Variable, value: tf.Tensor) -> None:
    # As `Variable.assign` does, but in a third of the time.
    tf.raw_ops.AssignVariableOp(resource=variable.handle, value=value)
