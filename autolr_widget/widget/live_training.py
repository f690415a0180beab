"""A training with the widget's callback: what the panel shows of it, and how the user steers it."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from IPython import get_ipython
from tqdm import tqdm

from autolr_widget.engine.live.look import Look
from autolr_widget.engine.live.losses import Losses
from autolr_widget.engine.live.watcher import Steering
from autolr_widget.engine.reading.results import TuneResults
from autolr_widget.widget.commands import in_words
from autolr_widget.widget.hearing import answer_pages, hear, hear_in_subshells
from autolr_widget.widget.panel import Panel

#: The most epochs whose validation loss is shown, and the most changes of the rate that are marked.
MOST_DOTS, MOST_MARKS = 300, 30


class LiveTraining:
    """Shows a training in the panel, and passes on to it what the user wants.

    It is a `Watcher` of the engine. `steer`, `pause`, `resume` and `stop` may be called from any thread.

    Parameters
    ----------
    panel
        The panel, whose traits it sets.
    on_look
        Called when the tuner has looked again, with what it measured.
    on_epoch
        Called at the end of each epoch, with its losses and the learning rate by name.
    """

    def __init__(
        self,
        panel: Panel,
        on_look: Callable[[Look, TuneResults], None] = lambda look, results: None,
        on_epoch: Callable[[dict[str, float]], None] = lambda numbers: None,
    ) -> None:
        self._panel = panel
        self._on_look = on_look
        self._on_epoch = on_epoch
        self._lock = threading.RLock()
        #: None while nothing trains.
        self._steering: Steering | None = None

    def steer(self, rate: float) -> None:
        """Let the training continue with another learning rate. Do nothing if nothing trains."""
        if self._steering is not None:
            self._steering.rates.append(rate)

    def forget(self) -> None:
        """Forget the rates that the training has not taken over yet."""
        if self._steering is not None:
            self._steering.rates.clear()

    def pause(self) -> None:
        """Let the training wait before its next batch."""
        self._tell("paused", True)

    def resume(self) -> None:
        """Let the training continue after `pause`."""
        self._tell("paused", False)

    def stop(self) -> None:
        """End the training after its current batch."""
        self._tell("stopped", True)

    def _tell(self, wish: str, value: bool) -> None:
        if self._steering is not None:
            setattr(self._steering, wish, value)
            self._show()

    def began(self, epochs: int, steps: int | None, rate: float) -> Steering:
        if self._steering is not None:
            self._end("stopped")
        self._losses = Losses()
        self._losses.rate = rate
        self._validation: list[tuple[float, float]] = []
        self._marks: list[tuple[float, float]] = []
        self._refusal = self._look = ""
        self._is_looking = False
        self._epochs, self._epoch, self._steps = epochs, 0, steps
        # Steps so far, and those before this epoch.
        self._done = self._before = 0
        # Since the end of the first batch, which takes longer than the others.
        self._seconds, self._timed = 0.0, 0
        self._looked_at: float | None = None
        kernel = getattr(get_ipython(), "kernel", None)
        self._bar = None if kernel else tqdm(total=steps and steps * epochs, unit="step", disable=None)
        self._listen("register")
        self._steering = Steering()
        self._show()
        return self._steering

    def epoch_began(self, epoch: int) -> None:
        self._epoch = epoch
        self._before = self._done = epoch * self._steps if self._steps else self._done
        self._losses.begin_epoch(self._before)

    def reports_means(self) -> None:
        self._losses.are_means = True

    def batch_ended(self, batch: int, loss: float | None) -> None:
        if loss is not None:
            self._losses.add(batch, loss)
        if self._looked_at is None:
            self._looked_at = time.monotonic()
        else:
            self._timed += self._before + batch + 1 - self._done
        self._done = self._before + batch + 1

    def epoch_ended(self, epoch: int, loss: float | None, val_loss: float | None) -> None:
        self._losses.end_epoch()
        self._steps = self._steps or self._done - self._before
        if val_loss is not None:
            self._validation.append((self._done, val_loss))
        numbers = {"loss": loss, "val_loss": val_loss, "learning_rate": self._losses.rate}
        try:
            self._on_epoch({name: float(number) for name, number in numbers.items() if number is not None})
        except Exception as error:
            # A log whose server can't be reached must not end the training.
            self._refusal = in_words(error)

    def looked(self, rate: float) -> None:
        now = time.monotonic()
        if self._looked_at is not None and self._steering is not None:
            self._seconds += 0.0 if self._steering.paused or self._is_looking else now - self._looked_at
            self._looked_at = now
        self._losses.rate = rate
        self._show()
        hear()

    def steered(self, rate: float) -> None:
        if self._marks and self._marks[-1][0] == self._done:
            self._marks.pop()
        self._marks = [*self._marks, (self._done, rate)][-MOST_MARKS:]
        self._losses.rate, self._refusal = rate, ""
        self._show()

    def refused(self, why: str) -> None:
        self._refusal = why
        self._show()

    def look_began(self) -> None:
        self.looked(self._losses.rate)
        self._is_looking = True
        self._show()

    def look_ended(self, look: Look, results: TuneResults | None) -> None:
        self.looked(self._losses.rate)
        self._is_looking, self._look = False, look.words
        if results is not None:
            self._on_look(look, results)
        # If the output is not a terminal, tqdm shows no bar, and would still write these words into it.
        if self._bar is not None and not self._bar.disable:
            self._bar.write(look.words)
        self._show()

    def ended(self) -> None:
        self._end("stopped" if self._steering is not None and self._steering.stopped else "ended")

    def _on_cell_ended(self, _: Any) -> None:
        # Keras does not tell callbacks that an interrupt or an error has ended `fit`. Cells of subshells also end.
        if threading.current_thread() is threading.main_thread():
            self._end("stopped")

    def _end(self, state: str) -> None:
        self._listen("unregister")
        self._show(state)
        self._steering = None
        if self._bar is not None:
            self._bar.close()

    def _listen(self, how: str) -> None:
        """Register or unregister what has to happen during a cell, if one runs in this thread."""
        shell = get_ipython()
        if shell is not None and threading.current_thread() is threading.main_thread():
            getattr(shell.events, how)("post_run_cell", self._on_cell_ended)
            hear_in_subshells(self._panel, how == "register")
            answer_pages(how == "register")

    def _show(self, state: str = "") -> None:
        # A message of the front end may be handled in another thread meanwhile.
        with self._lock, self._panel.hold_sync():
            self._panel.training = self._in_words(state or self._state())
            self._panel.training_points = self._losses.table().tobytes()
            every = math.ceil(len(self._validation) / MOST_DOTS) or 1
            dots = np.array(self._validation[::-every][::-1], dtype=np.float32).reshape(-1, 2)
            self._panel.training_validation = dots.T.tobytes()
        if self._bar is not None:
            self._bar.n = self._done
            self._bar.refresh()

    def _state(self) -> str:
        assert self._steering is not None
        if self._steering.stopped:
            return "stopping"
        if self._steering.paused:
            return "paused"
        return "looking" if self._is_looking else "training"

    def _in_words(self, state: str) -> dict[str, Any]:
        total = self._steps and self._steps * self._epochs
        left = self._seconds / self._timed * (total - self._done) if total and self._timed and self._seconds else None
        return {
            "state": state,
            "epoch": self._epoch + 1,
            "epochs": self._epochs,
            "step": self._done,
            "steps": total,
            "seconds": left,
            "rate": self._losses.rate if math.isfinite(self._losses.rate) else None,
            "marks": self._marks,
            "refusal": self._refusal,
            "look": self._look,
        }
