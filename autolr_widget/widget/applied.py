"""The rates and schedules that were written into optimizers, so that writing them can be undone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from autolr_widget.engine.live.rate import rates, set_rate
from autolr_widget.engine.parts import parts
from autolr_widget.engine.rate_text import rate_text

if TYPE_CHECKING:
    import keras


class Applied:
    """Writes rates and schedules into optimizers, and remembers what they replaced."""

    def __init__(self) -> None:
        # What held the rate of each part, a variable or a schedule, and the rate.
        self._replaced: list[tuple[keras.Optimizer, list[tuple[Any, float]]]] = []

    def __len__(self) -> int:
        """The number of calls of `apply` and `apply_schedule` that can be undone."""
        return len(self._replaced)

    def apply(self, model: keras.Model, optimizer: keras.Optimizer, lr: float) -> str:
        """Write the rate ``lr`` into ``optimizer``, and return a notice for the user.

        A schedule that `apply_schedule` has set is replaced.

        Raises
        ------
        ValueError
            If the optimizer can't hold the rate, or uses another schedule.
        """
        held = _held(optimizer)
        for written, before in self._replaced[::-1]:
            if written is optimizer and not hasattr(before[0][0], "get_config"):
                _put_back(model, optimizer, before)
                break
        try:
            set_rate(optimizer, lr)
        except ValueError:
            _put_back(model, optimizer, held)
            raise
        self._replaced.append((optimizer, held))
        pairs = zip(held, rates(optimizer), strict=True)
        changes = ", ".join(f"{rate_text(was, 4)} → {rate_text(now, 4)}" for (_, was), now in pairs)
        if len(held) == 1:
            return f"Written to the model's optimizer: {changes}"
        return f"Written to the model's {len(held)} optimizers, in proportion: {changes}"

    def apply_schedule(
        self,
        model: keras.Model,
        optimizer: keras.Optimizer,
        schedule: keras.optimizers.schedules.LearningRateSchedule,
        kind: str,
    ) -> str:
        """Let ``optimizer`` take its rate from ``schedule``, and return a notice for the user.

        The momenta and everything else that the optimizer holds are kept.

        Raises
        ------
        ValueError
            If the optimizer has taken steps, or is a MultiOptimizer.
        """
        own = parts(optimizer)
        if len(own) > 1:
            raise ValueError("The model has a MultiOptimizer: compile it with a schedule for each of its optimizers.")
        steps = int(optimizer.iterations)
        if steps > 0:
            raise ValueError(
                f"The optimizer has taken {steps:,} steps, and the schedule would continue from there. "
                "Compile the model with a new optimizer, and then apply the schedule."
            )
        held = _held(optimizer)
        own[0].learning_rate = schedule
        # Keras may have traced the training step with the variable.
        model.train_function = None
        self._replaced.append((optimizer, held))
        return f"The model's optimizer has the schedule “{kind}” now, instead of {rate_text(held[0][1], 4)}"

    def undo(self, model: keras.Model, optimizer: keras.Optimizer) -> float:
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
        _put_back(model, optimizer, before)
        self._replaced.pop()
        return before[0][1]


def _held(optimizer: keras.Optimizer) -> list[tuple[Any, float]]:
    own = parts(optimizer)
    return [(part._learning_rate, rate) for part, rate in zip(own, rates(optimizer), strict=True)]


def _put_back(model: keras.Model, optimizer: keras.Optimizer, held: list[tuple[Any, float]]) -> None:
    """Let the parts of an optimizer take their rates from what held them before."""
    for part, (holder, rate) in zip(parts(optimizer), held, strict=True):
        is_variable = hasattr(holder, "assign")
        if part._learning_rate is not holder:
            model.train_function = None
            if is_variable:
                _hold(part, holder)
            else:
                part.learning_rate = holder
        if is_variable:
            holder.assign(rate)


def _hold(optimizer: keras.Optimizer, variable: Any) -> None:
    """Let a variable hold the rate instead of a schedule, which the setter of Keras refuses."""
    locked = optimizer._tracker.locked
    optimizer._tracker.unlock()
    optimizer._learning_rate = variable
    # Optimizers are saved by the order of their variables. The rate is the second one.
    optimizer._variables.insert(1, optimizer._variables.pop())
    if locked:
        optimizer._tracker.lock()


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
