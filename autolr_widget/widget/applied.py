"""The rates and schedules that were written into optimizers, so that writing them can be undone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from autolr_widget.engine.live.rate import holder, rates, set_rate, write_rate
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
            if written is optimizer and _is_variable(before[0][0]):
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
        # With accumulated gradients, `iterations` counts updates, but the schedule is read at batches.
        steps = int(own[0]._iterations)
        if steps > 0:
            raise ValueError(
                f"The optimizer has taken {steps:,} steps, and the schedule would continue from there. "
                "Compile the model with a new optimizer, and then apply the schedule."
            )
        held = _held(optimizer)
        _hold(own[0], schedule)
        _trace_again(model)
        self._replaced.append((optimizer, held))
        from autolr_widget.engine.live.momentum import moving

        also = " · its momentum moves with it while `callback()` watches" if moving(optimizer) else ""
        return f"The model's optimizer has the schedule “{kind}” now, instead of {rate_text(held[0][1], 4)}{also}"

    def undo(self, model: keras.Model, optimizer: keras.Optimizer) -> str:
        """Let ``optimizer`` have the rate or the schedule from before the last `apply`, and return a notice.

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
        what = "rate" if _is_variable(before[0][0]) else "schedule, at a rate"
        return f"The model's optimizer has its {what} of {rate_text(before[0][1], 4)} again"


def _held(optimizer: keras.Optimizer) -> list[tuple[Any, float]]:
    """Return what holds the rate of each part, a variable or a schedule, and the rate."""
    own = parts(optimizer)
    return [(holder(part), rate) for part, rate in zip(own, rates(optimizer), strict=True)]


def _put_back(model: keras.Model, optimizer: keras.Optimizer, held: list[tuple[Any, float]]) -> None:
    """Let the parts of an optimizer take their rates from what held them before."""
    for part, (before, rate) in zip(parts(optimizer), held, strict=True):
        if holder(part) is not before:
            _hold(part, before)
            _trace_again(model)
        if part._learning_rate is not before or _is_variable(before):
            write_rate(part, rate)


def _is_variable(held: Any) -> bool:
    return hasattr(held, "assign")


def _hold(optimizer: keras.Optimizer, held: Any) -> None:
    """Let a variable or a schedule hold the rate of an optimizer."""
    variables = optimizer._variables
    if _is_variable(held):
        # The setter refuses to replace a schedule by a rate.
        locked = optimizer._tracker.locked
        optimizer._tracker.unlock()
        optimizer._learning_rate = held
        # Optimizers are saved by the order of their variables. The rate is the second one.
        variables.insert(1, variables.pop())
        if locked:
            optimizer._tracker.lock()
    else:
        optimizer.learning_rate = held
    if hasattr(variables, "_update_snapshot"):
        # TensorFlow refuses to save a list that has lost an element: the variable of the former rate.
        variables._non_append_mutation = variables._external_modification = False
        variables._update_snapshot()


def _trace_again(model: keras.Model) -> None:
    """Let the model trace its training step again, if it has done that: what holds the rate is part of the graph."""
    if model.train_function is not None:
        model.make_train_function(force=True)


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


def schedule_assignment(attribute: str, kind: str, steps_per_epoch: int, epochs: float | None, lr: str) -> str:
    """Return Python code that does what `Applied.apply_schedule` does, and names the callback of a one-cycle schedule.

    Parameters
    ----------
    attribute
        The name of the model's attribute that holds the optimizer.
    kind, steps_per_epoch, epochs
        As for `autolr_widget.engine.reading.schedule.schedule`.
    lr
        The highest rate as Python code.
    """
    return (
        "from autolr_widget.engine.reading.schedule import schedule\n"
        f"model.{attribute}.learning_rate = schedule({kind!r}, {lr}, {steps_per_epoch}, {epochs})"
    ) + (kind == "one-cycle") * (
        "\n# If the optimizer has a momentum, autolr_widget.OneCycleMomentum moves it:"
        f"\n# model.fit(…, callbacks=[OneCycleMomentum({'' if attribute == 'optimizer' else repr(attribute)})])"
    )


def _factors(optimizer: keras.Optimizer) -> list[float]:
    """Return the rates of all optimizers in a MultiOptimizer but the first, relative to the first. Empty for others."""
    first, *others = rates(optimizer)
    return [rate / first for rate in others]
