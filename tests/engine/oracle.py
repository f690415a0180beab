"""What Keras itself gives: a copy of the model, really trained for one step. Shares no code with the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import keras
import numpy as np


def copy_state(source: keras.Model, target: keras.Model) -> None:
    """Give ``target`` the weights and optimizer state of ``source``."""
    for theirs, ours in zip(source.variables, target.variables, strict=True):
        ours.assign(theirs)
    if source.optimizer.built:
        target.optimizer.build(target.trainable_variables)
        for theirs, ours in zip(source.optimizer.variables, target.optimizer.variables, strict=True):
            ours.assign(theirs)


def true_deltas(
    model: keras.Model, make: Callable[[], keras.Model], rates: Iterable[float], batch: tuple[Any, Any, Any]
) -> np.ndarray:
    """The change in training loss on ``batch`` after one `train_on_batch` on it, at each rate.

    ``make`` builds and compiles a model like ``model``. Both losses see the random numbers and batch statistics of
    the starting state, as the design asks for.
    """
    x, y, sample_weight = batch
    deltas = []
    for rate in rates:
        copy = make()
        if not copy.built:
            copy(x)
        copy_state(model, copy)
        before = _loss(copy, batch)
        copy.optimizer.learning_rate = rate
        copy.train_on_batch(x, y, sample_weight=sample_weight)
        for theirs, ours in zip(model.non_trainable_variables, copy.non_trainable_variables, strict=True):
            ours.assign(theirs)
        deltas.append(_loss(copy, batch) - before)
    return np.array(deltas)


def _loss(model: keras.Model, batch: tuple[Any, Any, Any]) -> float:
    x, y, sample_weight = batch
    start = [variable.numpy() for variable in model.non_trainable_variables]
    y_pred = model(x, training=True)
    loss = float(model.compute_loss(x, y, y_pred, sample_weight, training=True))
    for variable, value in zip(model.non_trainable_variables, start, strict=True):
        variable.assign(value)
    return loss
