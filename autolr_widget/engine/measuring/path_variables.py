"""The variables that each path has of its own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import tensorflow as tf

from autolr_widget.engine.measuring.loop import Shadows
from autolr_widget.engine.measuring.start import is_seed, moved_on
from autolr_widget.engine.measuring.traced import Traced


class PathVariables:
    """Makes the variables of paths, and writes and reads their values.

    Parameters
    ----------
    training
        The model in training.
    value
        Returns the value that a variable starts from.
    kept
        The keys of the weights and of what belongs to the optimizers.
    """

    def __init__(self, training: Traced, value: Callable[[int], tf.Tensor], kept: Collection[int]) -> None:
        self._training = training
        self._value = value
        self._kept = kept
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
        for key in set(training.written) - own.keys():
            own[key] = self._variable(key)
        for key, _ in training.rates:
            if key not in own:
                own[key] = self._variable(key)
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
        kept = set() if weights else {*self._kept, *self._training.updated}
        for key in set(self._training.written) - kept:
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
        for key, factor in self._training.rates:
            _assign(path[key], tf.constant(rate * factor, self._training.variables[key].dtype))

    def _variable(self, key: int) -> tf.Variable:
        original = self._training.variables[key]
        with tf.device(original.device):
            return tf.Variable(self._value(key), trainable=False, shape=original.shape)


def _assign(variable: tf.Variable, value: tf.Tensor) -> None:
    # As `Variable.assign` does, but in a third of the time.
    tf.raw_ops.AssignVariableOp(resource=variable.handle, value=value)
