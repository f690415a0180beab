"""The callback with which a training is watched and steered while `fit` runs."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import keras

from autolr_widget.engine.live.momentum import OneCycleMomentum, moving
from autolr_widget.engine.live.rate import rates, set_rate
from autolr_widget.engine.live.scaled import rises, settle, stand_in
from autolr_widget.engine.live.watcher import Steering, Watcher

if TYPE_CHECKING:
    from autolr_widget.engine.live.retune import Retune

#: Seconds between two looks. Each sends messages to the browser, so one per batch would slow down the training.
PERIOD = 0.25
#: Seconds between two looks while the training waits.
WAIT = 0.05


class LiveCallback(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Tells a watcher what happens in a training, and obeys its steering.

    If the steering is never changed, the training is the same to the last bit as without the callback, except that a
    one-cycle schedule also moves the momentum, see `OneCycleMomentum`.

    Parameters
    ----------
    watcher
        It is told what happens.
    attribute
        The name of the model's attribute that holds the optimizer to steer.
    retune
        Looks again during the training. None if it does not. If it adopts no rate, the training is also the same.
    """

    def __init__(self, watcher: Watcher, attribute: str = "optimizer", retune: Retune | None = None) -> None:
        super().__init__()
        self._watcher = watcher
        self._attribute = attribute
        self._retune = retune
        self._momentum = OneCycleMomentum(attribute)
        self._steering = Steering()
        self._due = 0.0
        self._asked = False

    def on_train_begin(self, logs: Any = None) -> None:
        if self._retune is not None:
            self._retune.check_model(self.model)
        self._optimizer = getattr(self.model, self._attribute)
        if stand_in(self._optimizer):
            # Keras may have traced the training step before, with the schedule itself.
            self.model.train_function = None
            self.model.make_train_function()
        if moving(self._optimizer):
            self._momentum.set_model(self.model)
            self._momentum.on_train_begin()
        self._steering = self._watcher.began(self.params["epochs"], self.params["steps"], rates(self._optimizer)[0])
        self._due, self._asked = 0.0, False
        self._has_plan = False

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._watcher.epoch_began(epoch)
        self._batches = 0
        if self._retune is not None:
            if not self._has_plan:
                # Only now it is known with which epoch the training begins.
                self._retune.begin(self.params["epochs"] - epoch, self.params["steps"])
                self._has_plan = True
            if self._retune.plan.is_due:
                self._look_again(self._retune)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        if batch > 0 and not self._asked:
            self._asked = True
            if _reports_means(self.model):
                self._watcher.reports_means()
        self._look_and_wait()
        while self._steering.rates:
            try:
                rate = self._steering.rates.popleft()
                set_rate(self._optimizer, rate)
                self._watcher.steered(rate)
            except ValueError as error:
                self._watcher.refused(str(error))

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._batches = batch + 1
        self._watcher.batch_ended(batch, (logs or {}).get("loss"))
        self._stop_if_told()

    def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
        self._look_and_wait()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        found = logs or {}
        self._watcher.epoch_ended(epoch, found.get("loss"), found.get("val_loss"))
        if self._retune is not None:
            losses = float(found.get("loss", math.nan)), found.get("val_loss")
            self._retune.plan.epoch_ended(self.params["steps"] or self._batches, *losses)

    def on_train_end(self, logs: Any = None) -> None:
        settle(self._optimizer)
        self._momentum.on_train_end()
        self._watcher.ended()

    def _look_again(self, retune: Retune) -> None:
        """Let the tuner measure from here, and adopt a rate that is better."""

        def goes_on() -> bool:
            self._look_and_wait()
            # A rate of the user's own is set before the next batch.
            return not self._steering.stopped and not self._steering.rates

        self._watcher.look_began()
        rate = rates(self._optimizer)[0]
        rising = rises(self._optimizer, retune.plan.steps_left)
        with self._momentum.held():
            look = retune.look(rate, lambda better: set_rate(self._optimizer, better), rising, goes_on)
        if look.adopted and look.proposed is not None:
            self._watcher.steered(look.proposed)
        self._watcher.look_ended(look, retune.results)

    def _look_and_wait(self) -> None:
        if time.monotonic() >= self._due:
            self._look()
        while self._steering.paused and not self._steering.stopped:
            time.sleep(WAIT)
            self._look()
        self._stop_if_told()

    def _look(self) -> None:
        self._watcher.looked(rates(self._optimizer)[0])
        # From the end of the look, so that a slow one does not take most of the time.
        self._due = time.monotonic() + PERIOD

    def _stop_if_told(self) -> None:
        if self._steering.stopped:
            self.model.stop_training = True


def _reports_means(model: keras.Model) -> bool:
    """Return whether the losses that a model reports are means over the epoch so far, as those of Keras's `train_step`.

    The `train_step` of a user may report the loss of each batch instead. Then it does not update the metric.
    """
    means = [metric for metric in model.metrics if isinstance(metric, keras.metrics.Mean)]
    return any(metric.name == "loss" and float(metric.count) > 0 for metric in means)
