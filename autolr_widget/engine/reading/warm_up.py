"""A schedule that rises before it follows another one."""

from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable("autolr_widget")
class WarmUp(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]  # Keras has no types
    """A linear warm-up, and then another schedule.

    Parameters
    ----------
    schedule
        The schedule after the warm-up.
    steps
        The number of steps of the warm-up.
    initial_learning_rate
        The rate that the warm-up begins with. It ends with the first rate of ``schedule``.
    """

    def __init__(
        self, schedule: keras.optimizers.schedules.LearningRateSchedule, steps: int, initial_learning_rate: float
    ) -> None:
        super().__init__()
        self.schedule = schedule
        self.steps = steps
        self.initial_learning_rate = initial_learning_rate

    def __call__(self, step: Any) -> Any:
        step = keras.ops.cast(step, "float32")
        after = self.schedule(keras.ops.maximum(step - self.steps, 0.0))
        rising = self.initial_learning_rate + (after - self.initial_learning_rate) * step / self.steps
        return keras.ops.where(step < self.steps, rising, after)

    def get_config(self) -> dict[str, Any]:
        return {
            "schedule": keras.saving.serialize_keras_object(self.schedule),
            "steps": self.steps,
            "initial_learning_rate": self.initial_learning_rate,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> WarmUp:
        return cls(**{**config, "schedule": keras.saving.deserialize_keras_object(config["schedule"])})
