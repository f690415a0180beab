"""Other recommendations: Keras's default, the best constant, and what fastai suggests from a range test."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable

import keras
import numpy as np
import tensorflow as tf

from benchmarks.quality.regret import regret
from benchmarks.quality.tasks import BATCH, OPTIMIZERS, Task
from benchmarks.quality.truth import RATES, batches

#: The number of steps of a range test, and its rates. These are fastai's defaults.
STEPS = 100
SWEPT = np.geomspace(1e-7, 10, STEPS)


def keras_default(optimizer: str) -> float:
    return float(OPTIMIZERS[optimizer]().learning_rate)


def best_constant(task: str, optimizer: str, tasks: Iterable[str]) -> float:
    """Return the rate on the grid of the truth that is best for this optimizer on all tasks except this one."""
    others = [other for other in tasks if other != task]
    return float(min(RATES, key=lambda rate: np.mean([regret(other, optimizer, rate) for other in others])))


def trained(model: keras.Model, task: Task) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Return a function of the rows and the rate of each step, which returns the loss before each of Keras's steps."""
    model.optimizer.build(model.trainable_variables)
    data = keras.tree.map_structure(tf.constant, (task.x, task.y))

    @tf.function
    def steps(rows: tf.Tensor, rates: tf.Tensor) -> tf.Tensor:
        losses = tf.TensorArray(tf.float32, tf.shape(rates)[0])
        for index in tf.range(tf.shape(rates)[0]):
            model.optimizer.learning_rate.assign(rates[index])
            for metric in model.metrics:
                metric.reset_state()
            batch = keras.tree.map_structure(functools.partial(tf.gather, indices=rows[index]), data)
            found = model.train_step(batch)
            losses = losses.write(index, found["loss"])
        return losses.stack()

    return lambda rows, rates: steps(tf.constant(rows), tf.constant(rates, tf.float32)).numpy()


def restart(model: keras.Model, other: keras.Model) -> None:
    """Copy the weights of another model, and reset the optimizer to its state before the first step."""
    for variable, value in zip(model.variables, other.variables, strict=True):
        variable.assign(value)
    for variable in model.optimizer.variables:
        variable.assign(tf.zeros_like(variable))


def drawn(task: Task, seed: int, steps: int) -> np.ndarray:
    """Return the rows of ``steps`` batches, which go through the data pass after pass."""
    passes = -(-steps // (len(task.y) // BATCH))
    return batches(len(task.y), passes, seed)[:steps]


def suggestions(losses: np.ndarray) -> dict[str, float]:
    """Return what fastai's ``lr_find`` suggests from these losses, with its smoothing, stop and trimming."""
    weights = 0.98 ** np.arange(len(losses))[::-1]
    smooth = np.array(
        [np.average(losses[: i + 1], weights=weights[-i - 1 :]) for i in range(len(losses))], dtype=np.float64
    )
    # It stops after the step whose smoothed loss is four times the best so far.
    wild = np.flatnonzero(
        ~np.isfinite(smooth) | (smooth > 4 * np.minimum.accumulate(np.nan_to_num(smooth, nan=np.inf)))
    )
    end = wild[0] + 1 if wild.size else len(losses)
    rates, seen = SWEPT[:end][STEPS // 10 : -5], smooth[:end][STEPS // 10 : -5]
    finite = np.isfinite(seen)
    if not finite.all():
        rates, seen = rates[: np.argmin(finite)], seen[: np.argmin(finite)]
    steps = np.diff(seen) / np.diff(np.log(rates))
    return {
        "valley": _valley(rates, seen),
        "steep": float(rates[np.argmin(steps)]),
        "minimum/10": float(rates[np.argmin(seen)]) / 10,
    }


def _valley(rates: np.ndarray, losses: np.ndarray) -> float:
    """Return the rate half way down the longest valley.

    The valley ends where the longest falling subsequence ends, and has as many points as this subsequence.
    """
    length = np.ones(len(losses), dtype=int)
    for i in range(1, len(losses)):
        above = losses[:i] > losses[i]
        if above.any():
            length[i] = length[:i][above].max() + 1
    end = int(np.argmax(length))
    third = length[end] / 3
    return float(rates[end - length[end] + int(third) + int(third / 2)])
