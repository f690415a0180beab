"""What Keras itself gives: a copy of the model, really trained for one step. Shares no code with the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import keras
import numpy as np


def true_deltas(
    model: keras.Model, make: Callable[[], keras.Model], rates: Iterable[float], batch: tuple[Any, Any, Any]
) -> np.ndarray:
    """The change in training loss on ``batch`` after one `train_on_batch` on it, at each rate.

    ``make`` builds and compiles a model like ``model``. Both losses see the random numbers and batch statistics of
    the starting state, as the design asks for.
    """
    x, y, sample_weight = batch
    copy = make()
    if not copy.built:
        copy(x)
    copy.optimizer.build(copy.trainable_variables)
    slots = model.optimizer.variables if model.optimizer.built else copy.optimizer.variables
    # Values, before any of the variables they are read from moves.
    start = [variable.numpy() for variable in (*model.variables, *slots)]
    deltas = []
    for rate in rates:
        _assign((*copy.variables, *copy.optimizer.variables), start)
        before = _loss(copy, batch)
        copy.optimizer.learning_rate = rate
        copy.train_on_batch(x, y, sample_weight=sample_weight)
        _assign(copy.non_trainable_variables, [variable.numpy() for variable in model.non_trainable_variables])
        deltas.append(_loss(copy, batch) - before)
    return np.array(deltas)


def _assign(variables: Iterable[keras.Variable], values: Iterable[np.ndarray]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _loss(model: keras.Model, batch: tuple[Any, Any, Any]) -> float:
    x, y, sample_weight = batch
    start = [variable.numpy() for variable in model.non_trainable_variables]
    y_pred = model(x, training=True)
    loss = float(model.compute_loss(x, y, y_pred, sample_weight, training=True))
    _assign(model.non_trainable_variables, start)
    return loss
