"""The optimizers inside of an optimizer. This does not import Keras."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras


def inner(optimizer: keras.Optimizer) -> list[keras.Optimizer]:
    """Return the optimizers that a LossScaleOptimizer or a MultiOptimizer consists of. Others have none."""
    if "inner_optimizer" in optimizer.__dict__:
        return [optimizer.inner_optimizer]
    return list(optimizer.__dict__.get("_inner_optimizers", ()))


def parts(optimizer: keras.Optimizer) -> list[keras.Optimizer]:
    """Return the optimizers that have a learning rate: the innermost ones, or ``optimizer`` itself."""
    return [part for each in inner(optimizer) for part in parts(each)] or [optimizer]
