"""Successive steps: every learning rate goes its own way from the same start, past the same batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import tensorflow as tf

from autolr_widget.engine.types import State

S = TypeVar("S")


#: A step at a rate from a state on a batch: the loss before it, and the state after it.
Train = Callable[[tf.Tensor, State, list[tf.Tensor]], tuple[tf.Tensor, State]]
#: The loss of weights and other variables on a batch, and what becomes of the latter.
Loss = Callable[[list[tf.Tensor], list[tf.Tensor], list[tf.Tensor]], tuple[tf.Tensor, list[tf.Tensor]]]


def losses_of_paths(
    train: Train,
    loss: Loss,
    start: State,
    rates: tf.Tensor,
    batches: Sequence[tf.Tensor],
    evaluate_on: str,
) -> tf.Tensor:
    """The loss at the start, and behind it the loss after a step on each of ``batches`` at each of ``rates``.

    Parameters
    ----------
    batches
        Leaves of shape ``(horizon, batch_size, ...)``, for ``"held-out"`` of one batch more. Any horizon will do: one
        graph serves all.
    evaluate_on
        ``"train"``: the mean loss on the batches of the steps. ``"held-out"``: the loss on the last batch, which no
        step sees. ``"progressive"``: the mean of the losses that the steps of the second half start from, each on its
        own batch, which come with their gradients. Both losses see the same observations, and the masks and states of
        the start; the ``"progressive"`` ones those of their step.

    Returns
    -------
    tensor
        Of float64 and shape ``(1 + num_evals,)``, NaN where the weights are no longer finite.
    """
    horizon = tf.shape(batches[0])[0] - int(evaluate_on == "held-out")
    steps = [leaf[:horizon] for leaf in batches]
    seen = [leaf[horizon:] for leaf in batches] if evaluate_on == "held-out" else steps
    skipped = horizon // 2 if evaluate_on == "progressive" else 0

    def forward(weights: list[tf.Tensor]) -> tf.Tensor:
        return _in_turn(lambda others, batch: loss(weights, others, batch), start.others, seen)[0]

    def after(rate: tf.Tensor) -> tf.Tensor:
        losses, end = _in_turn(lambda state, batch: train(rate, state, batch), start, steps)
        losses = losses if evaluate_on == "progressive" else forward(end.trainable)
        mean = tf.reduce_mean(losses[skipped:])
        return tf.where(all_finite(end.trainable), mean, tf.constant(float("nan"), mean.dtype))

    # One rate at a time: all steps share the shadows.
    after_each = tf.map_fn(after, rates, fn_output_signature=tf.float64, parallel_iterations=1)
    before = tf.reduce_mean(forward(start.trainable)[skipped:])
    return tf.concat([before[tf.newaxis], after_each], axis=0)


def all_finite(tensors: Sequence[tf.Tensor]) -> tf.Tensor:
    """Whether every floating value is finite."""
    return tf.reduce_all([tf.reduce_all(tf.math.is_finite(t)) for t in tensors if t.dtype.is_floating])


def _in_turn(
    function: Callable[[S, list[tf.Tensor]], tuple[tf.Tensor, S]], state: S, batches: Sequence[tf.Tensor]
) -> tuple[tf.Tensor, S]:
    """``function`` of the state and of each batch in turn: its losses, and the last state."""
    count = tf.shape(batches[0])[0]
    losses = tf.TensorArray(tf.float64, count)

    def body(index: tf.Tensor, state: S, losses: tf.TensorArray) -> tuple[tf.Tensor, S, tf.TensorArray]:
        loss, state = function(state, [leaf[index] for leaf in batches])
        return index + 1, state, losses.write(index, tf.cast(loss, tf.float64))

    _, state, losses = tf.while_loop(lambda index, *_: index < count, body, (0, state, losses), parallel_iterations=1)
    return losses.stack(), state
