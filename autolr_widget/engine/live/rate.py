"""The learning rate of an optimizer that trains: how it is read and written."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from autolr_widget.engine.parts import parts

if TYPE_CHECKING:
    import keras

#: What Keras raises if a learning rate is a schedule or a function.
NO_VARIABLE = (TypeError, AttributeError)


def rates(optimizer: keras.Optimizer) -> list[float]:
    """Return the current rate of each of the `parts`."""
    return [float(part.learning_rate) for part in parts(optimizer)]


def set_rate(optimizer: keras.Optimizer, lr: float) -> list[float]:
    """Write the rate ``lr`` into ``optimizer``, and return the rates that it had before.

    The optimizers inside a MultiOptimizer keep the proportions of their rates.

    Raises
    ------
    ValueError
        If the optimizer can't hold the rate, or uses a schedule. Then its rate is unchanged.
    """
    before = rates(optimizer)
    try:
        wanted = [lr] + [lr * rate / before[0] for rate in before[1:]]
        set_rates(optimizer, wanted)
        if not all(math.isclose(now, rate, rel_tol=1e-2) for now, rate in zip(rates(optimizer), wanted, strict=True)):
            set_rates(optimizer, before)
            raise ValueError(f"The model's optimizer can't hold a learning rate of {lr:.4g}.")
    except NO_VARIABLE as error:
        raise ValueError(
            "The model's optimizer takes its learning rate from a schedule or a function, which can't be replaced. "
            f"Compile the model with an optimizer of learning_rate={lr:.4g}."
        ) from error
    except ZeroDivisionError as error:
        raise ValueError("The schedule of the model's optimizer is at 0 now, so it can't be scaled yet.") from error
    return before


def set_rates(optimizer: keras.Optimizer, wanted: list[float]) -> None:
    """Give each part its rate. If one of them raises, none is changed."""
    own, before = parts(optimizer), rates(optimizer)
    for index, (part, rate) in enumerate(zip(own, wanted, strict=True)):
        try:
            write_rate(part, rate)
        except (*NO_VARIABLE, ZeroDivisionError):
            for changed, former in zip(own[:index], before, strict=False):
                write_rate(changed, former)
            raise


def holder(part: Any) -> Any:
    """Return what holds the rate of an optimizer that is not a MultiOptimizer: a variable, a schedule or a function.

    While the model trains with the callback, this is the schedule that a `Scaled` stands in for.
    """
    return getattr(part._learning_rate, "unscaled", part._learning_rate)


def write_rate(part: Any, rate: float) -> None:
    """Give an optimizer that is not a MultiOptimizer its rate."""
    # While the model trains with the callback, a schedule is a `Scaled` one.
    scale_to = getattr(part._learning_rate, "scale_to", None)
    if scale_to is None:
        part.learning_rate = rate
    else:
        scale_to(rate, part._iterations)
