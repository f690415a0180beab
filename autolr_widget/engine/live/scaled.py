"""Schedules that are scaled while a model trains."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from autolr_widget.engine.parts import parts
from autolr_widget.engine.reading.warm_up import WarmUp

#: At how many steps `rises` looks, and the factor that is a rise.
LOOKED_AT, RISE = 50, 1.1
#: What of the configuration of a schedule is a learning rate. All other rates are relative to these.
RATES = ("initial_learning_rate", "end_learning_rate", "warmup_target")


class Scaled(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]  # Keras has no types
    """Stands in for a schedule while a model trains, and multiplies it by a factor, which is a variable.

    It claims to be of the schedule's class and has the configuration of the scaled schedule, so a model that is saved
    meanwhile is loaded with that.

    Parameters
    ----------
    schedule
        The schedule that is scaled.
    """

    def __init__(self, schedule: keras.optimizers.schedules.LearningRateSchedule) -> None:
        self._schedule = schedule
        self._factor = keras.Variable(1.0, trainable=False, name="factor")

    def __call__(self, step: Any) -> Any:
        return self._schedule(step) * self._factor

    @property  # type: ignore[misc]  # mypy does not know a class that changes
    def __class__(self) -> type:
        return type(self._schedule)

    def get_config(self) -> dict[str, Any]:
        config: dict[str, Any] = self._schedule.get_config()
        factor = float(self._factor)
        return config if factor == 1 else _scaled(config, factor)

    def scale_to(self, rate: float, step: Any) -> None:
        """Have this rate at this step.

        Raises
        ------
        ZeroDivisionError
            If the schedule is 0 there.
        """
        self._factor.assign(rate / float(self._schedule(step)))

    @property
    def unscaled(self) -> keras.optimizers.schedules.LearningRateSchedule:
        """The schedule."""
        return self._schedule

    def settled(self) -> keras.optimizers.schedules.LearningRateSchedule:
        """Return the schedule itself if the factor is 1, and a scaled one of the same class otherwise."""
        return self._schedule if float(self._factor) == 1 else type(self._schedule).from_config(self.get_config())


def stand_in(optimizer: keras.Optimizer) -> bool:
    """Put a `Scaled` in the place of each schedule whose class is known, and return whether there are any."""
    own = [part for part in parts(optimizer) if _is_known(part._learning_rate)]
    for part in own:
        part.learning_rate = Scaled(part._learning_rate)
    return len(own) > 0


def rises(optimizer: keras.Optimizer, steps: int) -> bool:
    """Return whether a schedule will raise the rate within so many steps."""
    part = parts(optimizer)[0]
    schedule = part._learning_rate
    if not isinstance(schedule, keras.optimizers.schedules.LearningRateSchedule):
        return False
    first = int(part.iterations)
    rates = [float(schedule(first + round(ahead))) for ahead in np.linspace(0, steps, LOOKED_AT)]
    return max(rates) > RISE * rates[0]


def settle(optimizer: keras.Optimizer) -> None:
    """Put what is `settled` in the place of each `Scaled`."""
    for part in parts(optimizer):
        if type(part._learning_rate) is Scaled:
            part.learning_rate = part._learning_rate.settled()


def _scaled(config: dict[str, Any], factor: float) -> dict[str, Any]:
    """Return the configuration of a schedule that is ``factor`` times the one with this configuration."""
    scaled: dict[str, Any] = {name: factor * config[name] for name in RATES if config.get(name) is not None}
    if "values" in config:  # of a PiecewiseConstantDecay
        scaled["values"] = [factor * value for value in config["values"]]
    if "schedule" in config:  # of a WarmUp
        scaled["schedule"] = config["schedule"] | {"config": _scaled(config["schedule"]["config"], factor)}
    return config | scaled


def _is_known(schedule: Any) -> bool:
    """Return whether the class is one of Keras or `WarmUp`, so that its configuration is known."""
    kind = type(schedule)
    return kind is WarmUp or getattr(keras.optimizers.schedules, kind.__name__, None) is kind
