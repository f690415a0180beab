"""The loss that Keras's own `train_step` lowers."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

from autolr_widget.engine.types import Batch


class WritesWeights(Exception):
    """A layer writes to its own weights when it is called."""


def training_loss(model: keras.Model, batch: Batch, training: bool = True) -> tf.Tensor:
    """Return the compiled loss and what layers add to it (regularizers, `add_loss`).

    The variables that a forward pass in training changes are changed: batch statistics, seeds, recurrent states.
    Without ``training``, it is the loss that `Model.evaluate` returns.
    """
    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(batch)
    y_pred = model(x, training=training) if model._call_has_training_arg else model(x)
    return model._compute_loss(x, y, y_pred, sample_weight, training=training)


def loss_at(model: keras.Model, trainable: Sequence[tf.Tensor], others: Sequence[tf.Tensor], batch: Batch) -> tf.Tensor:
    """Return `training_loss` as if the model's variables had these values. Nothing is changed.

    Raises
    ------
    WritesWeights
        If a layer writes to its own weights when it is called, so that there are two values to differentiate by.
    """
    state = [*zip(model.trainable_variables, trainable, strict=True)]
    state += zip(other_variables(model), others, strict=True)
    # One scope spans the call and the loss: regularizers read the variables in the latter.
    with keras.StatelessScope(state_mapping=state, collect_losses=True) as scope:
        read = [scope.get_current_value(v) for v in model.trainable_variables]
        loss = training_loss(model, batch)
        for variable, value in zip(model.trainable_variables, read, strict=True):
            if scope.get_current_value(variable) is not value:
                raise WritesWeights(variable.path)
        return loss


def other_variables(model: keras.Model) -> list[keras.Variable]:
    """Return the variables that optimizers do not update: batch statistics, seeds, and the states of stateful RNNs.

    Keras does not list the last among a model's variables (3.15).
    """
    recurrent = [layer for layer in model._flatten_layers() if getattr(layer, "stateful", False)]
    states = keras.tree.flatten([getattr(layer, "states", None) for layer in recurrent])
    listed = [*model.non_trainable_variables, *(v for v in states if isinstance(v, keras.Variable))]
    return list({id(v): v for v in listed}.values())
