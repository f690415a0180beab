"""The types of the values that the parts of the engine exchange."""

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
    """The state of training.

    Attributes
    ----------
    trainable
        The values of the trainable weights.
    others
        The values of the other variables: batch statistics, seeds, states of stateful layers.
    slots
        The values of the optimizer's variables except for the learning rate: its step counter and moments.
    """

    trainable: list[tf.Tensor]
    others: list[tf.Tensor]
    slots: list[tf.Tensor]


@dataclass(frozen=True)
class Round:
    """One finished round.

    Attributes
    ----------
    index
        The index of the round, from 0.
    loss
        The loss before the steps.
    deltas
        The loss after the steps at each learning rate, minus ``loss``; shape ``(num_evals,)``. NaN where the rate
        diverged or was not measured.
    measured
        Which rates were measured, as booleans of shape ``(num_evals,)``. In a race, some may have dropped out.
    """

    index: int
    loss: float
    deltas: NDArray[np.float64]
    measured: NDArray[np.bool_]
