"""The rates that were written into optimizers, so that writing them can be undone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autolr_widget.engine.live.rate import rates, set_rate, set_rates
from autolr_widget.engine.parts import parts
from autolr_widget.engine.rate_text import rate_text

if TYPE_CHECKING:
    import keras


class Applied:
    """Writes rates into optimizers, and remembers the rates that they replaced."""

    def __init__(self) -> None:
        self._replaced: list[tuple[keras.Optimizer, list[float]]] = []

    def __len__(self) -> int:
        """The number of calls of `apply` that can be undone."""
        return len(self._replaced)

    def apply(self, optimizer: keras.Optimizer, lr: float) -> str:
        """Write the rate ``lr`` into ``optimizer``, and return a notice for the user.

        Raises
        ------
        ValueError
            If the optimizer can't hold the rate, or uses a schedule.
        """
        before = set_rate(optimizer, lr)
        self._replaced.append((optimizer, before))
        changes = ", ".join(
            f"{rate_text(was, 4)} → {rate_text(now, 4)}" for was, now in zip(before, rates(optimizer), strict=True)
        )
        if len(before) == 1:
            return f"Written to the model's optimizer: {changes}"
        return f"Written to the model's {len(before)} optimizers, in proportion: {changes}"

    def undo(self, optimizer: keras.Optimizer) -> float:
        """Give ``optimizer`` the rate that it had before the last `apply`, and return that rate.

        Raises
        ------
        ValueError
            If there is no `apply` to undo, or it wrote into another optimizer.
        """
        if not self._replaced:
            raise ValueError("There is no `apply` to undo.")
        written, before = self._replaced[-1]
        if written is not optimizer:
            self._replaced.clear()
            raise ValueError("The model has been compiled again since that `apply`, and has another optimizer.")
        set_rates(optimizer, before)
        self._replaced.pop()
        return before[0]


def meaning(optimizer: keras.Optimizer) -> str:
    """Return what a rate is for a MultiOptimizer, to be added to a sentence. Empty for other optimizers."""
    first, *others = parts(optimizer)
    factors = [f"{part.name} has {factor:.3g} × it" for part, factor in zip(others, _factors(optimizer), strict=True)]
    return f" · the rate of {first.name}; {', '.join(factors)}" if others else ""


def assignment(optimizer: keras.Optimizer | None, attribute: str, lr: str) -> str:
    """Return Python code that does what `Applied.apply` does.

    Parameters
    ----------
    optimizer
        The optimizer, or None if it is not known. The code then is that for one with a single rate.
    attribute
        The name of the model's attribute that holds it.
    lr
        The rate as Python code.
    """
    factors = [] if optimizer is None else _factors(optimizer)
    if not factors:
        return f"model.{attribute}.learning_rate = {lr}"
    rounded = [float(f"{factor:.6g}") for factor in [1.0, *factors]]
    return (
        f"lr = {lr}\n"
        f"for part, factor in zip(model.{attribute}.optimizers, {rounded}):\n"
        "    part.learning_rate = factor * lr"
    )


def _factors(optimizer: keras.Optimizer) -> list[float]:
    """Return the rates of all optimizers in a MultiOptimizer but the first, relative to the first. Empty for others."""
    first, *others = rates(optimizer)
    return [rate / first for rate in others]
