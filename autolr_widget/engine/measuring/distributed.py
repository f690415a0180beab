"""Refuses what is distributed by a strategy of `tf.distribute`: its variables have one value for each replica."""

from __future__ import annotations

import keras
import tensorflow as tf

from autolr_widget.engine.measuring.optimizer_copy import optimizers


def check_scope() -> None:
    """Raise a `ValueError` in the scope of a strategy, where every new variable would be distributed."""
    if tf.distribute.has_strategy():
        raise ValueError(
            f"A run must not be measured in the scope of a {_name(tf.distribute.get_strategy())}. Make the "
            "model and the tuner, and run the tuner, outside of `with strategy.scope()`."
        )


def check_not_distributed(model: keras.Model) -> None:
    """Raise a `ValueError` if a strategy trains the model, or distributes a variable of it or of its optimizers."""
    # The public property is never None.
    strategy = getattr(model, "_distribute_strategy", None)
    variables = [*model.variables, *(v for optimizer in optimizers(model).values() for v in optimizer.variables)]
    if strategy is not None:
        what = f"a model that was made in the scope of a {_name(strategy)}"
    elif any(isinstance(variable.value, tf.distribute.DistributedValues) for variable in variables):
        what = "a model with layers or an optimizer that were made in the scope of a strategy"
    else:
        return
    raise ValueError(
        f"Argument `model` must not be distributed. Received: {what}. To tune it, make all of it outside of the "
        "scope, and let `batch_size` be the size of the batches of all replicas together."
    )


def _name(strategy: tf.distribute.Strategy) -> str:
    """Return the name under which `tf.distribute` has the class of a strategy."""
    name = type(strategy).__name__
    return {"CollectiveAllReduceStrategy": "MultiWorkerMirroredStrategy"}.get(name, name)
