"""The training loss as a pure function of the model's state."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

from autolr_widget.engine.types import Batch


def training_loss(
    model: keras.Model, trainable: Sequence[tf.Tensor], non_trainable: Sequence[tf.Tensor], batch: Batch
) -> tuple[tf.Tensor, list[tf.Tensor]]:
    """The loss that `Model.fit` would minimise on ``batch`` if the model's variables had these values.

    And what becomes of the non-trainable ones: batch statistics, seeds, recurrent states.

    The compiled loss and what layers add to it (regularisers, `add_loss`), with ``training=True``. One scope spans the
    call and `compute_loss`: regularisers read the variables in the latter, and outside of the scope they would read
    the model's own.

    Raises
    ------
    ValueError
        If a layer writes to its own weights when called, so that there are two sets of them to take the gradient of.
    """
    x, y, sample_weight = batch
    state = [*zip(model.trainable_variables, trainable, strict=True)]
    others = other_variables(model)
    state += zip(others, non_trainable, strict=True)
    with keras.StatelessScope(state_mapping=state, collect_losses=True) as scope:
        read = [scope.get_current_value(v) for v in model.trainable_variables]
        y_pred = model(x, training=True) if model._call_has_training_arg else model(x)
        for variable, value in zip(model.trainable_variables, read, strict=True):
            if scope.get_current_value(variable) is not value:
                raise ValueError(
                    "Argument `model` must not change its trainable weights when it is called. "
                    f"Received: a layer that writes to {variable.path}."
                )
        loss = model._compute_loss(x, y, y_pred, sample_weight, training=True)
        return loss, [tf.convert_to_tensor(scope.get_current_value(v)) for v in others]


def other_variables(model: keras.Model) -> list[keras.Variable]:
    """The variables that the optimizer does not move: batch statistics, seeds, and the states of stateful RNNs.

    Keras does not list the last among a model's variables (3.15).
    """
    recurrent = [layer for layer in model._flatten_layers() if getattr(layer, "stateful", False)]
    states = keras.tree.flatten([getattr(layer, "states", None) for layer in recurrent])
    listed = [*model.non_trainable_variables, *(v for v in states if isinstance(v, keras.Variable))]
    return list({id(v): v for v in listed}.values())
