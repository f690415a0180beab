"""The types of the values that the parts of the engine exchange."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import tensorflow as tf

Floats = NDArray[np.float64]

#: What `Model.fit` passes to `train_step`: ``x``, ``(x,)``, ``(x, y)`` or ``(x, y, sample_weight)``.
Batch = Any


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
    curves
        The loss that each step at each learning rate starts from, shape ``(num_evals, horizon)``; NaN from the step on
        at which the rate diverged, and where it was not measured.
    starts
        The loss of the starting state on the batch of each step, shape ``(horizon,)``; NaN if it was not measured.
    """

    index: int
    loss: float
    deltas: NDArray[np.float64]
    measured: NDArray[np.bool_]
    curves: Floats
    starts: Floats

    def __repr__(self) -> str:
        rates, steps = self.curves.shape
        measured = int(self.measured.sum())
        taken = f"{steps} step{'s' if steps > 1 else ''}"
        return f"Round {self.index}: loss {self.loss:.4g} before {taken} at {measured} of {rates} rates"


@dataclass(frozen=True)
class Unfinished:
    """The part of the current round that has been measured so far.

    Attributes
    ----------
    index
        The index of the round, from 0.
    curves, starts
        As in `Round`, with NaN for the steps that have not been taken.
    steps
        The number of steps that have been taken at each learning rate, shape ``(num_evals,)``.
    common_steps
        The number of steps that all rates have taken that can be compared now. If the states of all rates do not fit
        into memory together, these are the rates that have taken all their steps.
    seconds_per_step
        The time that a step takes. NaN before it is known.
    """

    index: int
    curves: Floats
    starts: Floats
    steps: NDArray[np.int64]
    common_steps: int
    seconds_per_step: float

    def __repr__(self) -> str:
        return f"Round {self.index}, {self.extent}"

    @property
    def deltas(self) -> Floats:
        """The differential after `common_steps` steps, shape ``(num_evals,)``; NaN where it is not known.

        It is only known with ``evaluate_on="progressive"``: other losses are measured after the last step.
        """
        return progressive(self.curves, self.starts, self.common_steps)

    @property
    def extent(self) -> str:
        """How far the round has come, in words."""
        rates, horizon = self.curves.shape
        if self.common_steps == horizon and self.steps.min() < horizon:
            done = int((self.steps == horizon).sum())
            return f"at {done} of {rates} rates"
        return f"after {self.common_steps} of {horizon} step{'s' if horizon > 1 else ''}"


def progressive(curves: Floats, starts: Floats, steps: int) -> Floats:
    """Return the loss differentials by progressive validation, over the second half of the first ``steps`` steps.

    Parameters
    ----------
    curves
        Shape ``(…, num_evals, horizon)``.
    starts
        Shape ``(…, horizon)``.
    steps
        At least 2, because the loss before the first step does not depend on the rate. With fewer, all are NaN.

    Returns
    -------
    ndarray
        Shape ``(…, num_evals)``.
    """
    if steps < 2:
        return np.full(curves.shape[:-1], np.nan)
    seen = slice(steps // 2, steps)
    deltas: Floats = curves[..., seen].mean(axis=-1) - starts[..., np.newaxis, seen].mean(axis=-1)
    return deltas
