"""The rates that were written into optimizers, so that writing them can be undone."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras


class Applied:
    """Writes rates into optimizers, and remembers the rates that they replaced."""

    def __init__(self) -> None:
        self._replaced: list[tuple[keras.Optimizer, float]] = []

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
        before = float(optimizer.learning_rate)
        try:
            optimizer.learning_rate = lr
            if not math.isclose(float(optimizer.learning_rate), lr, rel_tol=1e-2):
                optimizer.learning_rate = before
                raise ValueError(f"The model's optimizer can't hold a learning rate of {lr:.4g}.")
        except TypeError as error:
            raise ValueError(
                "The model's optimizer takes its learning rate from a schedule, which can't be replaced. "
                f"Compile the model with an optimizer of learning_rate={lr:.4g}."
            ) from error
        self._replaced.append((optimizer, before))
        return f"Written to the model's optimizer: {before:.4g} → {lr:.4g}"

    def undo(self, optimizer: keras.Optimizer) -> float:
        """Give ``optimizer`` the rate that it had before the last `apply`, and return that rate.

        Raises
        ------
        ValueError
            If there is no `apply` to undo, or it wrote into another optimizer.
        """
        if not self._replaced:
            raise ValueError("There is no `apply` to undo.")
        written, before = self._replaced.pop()
        if written is not optimizer:
            self._replaced.clear()
            raise ValueError("The model has been compiled again since that `apply`, and has another optimizer.")
        optimizer.learning_rate = before
        return before
