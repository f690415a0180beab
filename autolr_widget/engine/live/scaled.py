"""Schedules that are scaled while a model trains."""

from __future__ import annotations

from typing import Any

import keras

from autolr_widget.engine.measuring.optimizer_copy import parts

#: What of the configuration of a schedule is a learning rate. All other rates are relative to these.
RATES = ("initial_learning_rate", "end_learning_rate", "warmup_target")


class Scaled(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """Stands in for a schedule of Keras while a model trains, and multiplies it by a factor, which is a variable.

    It claims to be of the schedule's class and has the configuration of the scaled schedule, so a model that is saved
    meanwhile can be loaded without this package.

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

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return type(self._schedule)

    def get_config(self) -> dict[str, Any]:
        config: dict[str, Any] = self._schedule.get_config()
        factor = float(self._factor)
        if factor != 1:
            config |= {name: factor * config[name] for name in RATES if config.get(name) is not None}
            # Those of PiecewiseConstantDecay.
            config |= {name: [factor * value for value in config[name]] for name in ("values",) if name in config}
        return config

    def scale_to(self, rate: float, step: Any) -> None:
        """Have this rate at this step.

        Raises
        ------
        ZeroDivisionError
            If the schedule is 0 there.
        """
        self._factor.assign(rate / float(self._schedule(step)))

    def settled(self) -> keras.optimizers.schedules.LearningRateSchedule:
        """Return the schedule itself if the factor is 1, and a scaled one of the same class otherwise."""
        return self._schedule if float(self._factor) == 1 else type(self._schedule).from_config(self.get_config())


def stand_in(optimizer: keras.Optimizer) -> bool:
    """Put a `Scaled` in the place of each schedule of Keras, and return whether there are any."""
    own = [part for part in parts(optimizer) if _is_of_keras(part._learning_rate)]
    for part in own:
        part.learning_rate = Scaled(part._learning_rate)
    return len(own) > 0


def settle(optimizer: keras.Optimizer) -> None:
    """Put a schedule of Keras in the place of each `Scaled`."""
    for part in parts(optimizer):
        if type(part._learning_rate) is Scaled:
            part.learning_rate = part._learning_rate.settled()


def _is_of_keras(schedule: Any) -> bool:
    """Return whether Keras itself has the class, so that its configuration is known, and a loaded model has it."""
    return getattr(keras.optimizers.schedules, type(schedule).__name__, None) is type(schedule)
