"""The training loss as a pure function of the model's state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

Batch = tuple[Any, Any, Any]


def training_loss(
    model: keras.Model, trainable: Sequence[tf.Tensor], non_trainable: Sequence[tf.Tensor], batch: Batch
) -> tf.Tensor:
    """The loss that `Model.fit` would minimise on ``batch`` if the model's variables had these values.

    The compiled loss and what layers add to it (regularisers, `add_loss`), with ``training=True``. One scope spans the
    call and `compute_loss`: regularisers read the variables in the latter, and outside of the scope they would read
    the model's own.
    """
    x, y, sample_weight = batch
    state = [*zip(model.trainable_variables, trainable, strict=True)]
    state += zip(model.non_trainable_variables, non_trainable, strict=True)
    with keras.StatelessScope(state_mapping=state):
        y_pred = model(x, training=True) if model._call_has_training_arg else model(x)
        return model._compute_loss(x, y, y_pred, sample_weight, training=True)
