"""The values that the parts of the engine hand to each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import tensorflow as tf

Floats = NDArray[np.float64]

#: ``(x, y, sample_weight)`` as `keras.utils.unpack_x_y_sample_weight` returns it.
Batch = tuple[Any, Any, Any]


class State(NamedTuple):
    """The state of training: the values of the weights, of the other variables and of the optimizer's slots."""

    trainable: list[tf.Tensor]
    others: list[tf.Tensor]
    slots: list[tf.Tensor]


@dataclass(frozen=True)
class Round:
    """One finished round.

    ``loss`` is the loss of its subsample before the step; ``deltas``, shape ``(num_evals,)``, what the steps at
    each learning rate change it by, NaN where the rate diverged, and where it is not ``measured``.
    """

    index: int
    loss: float
    deltas: NDArray[np.float64]
    measured: NDArray[np.bool_]
