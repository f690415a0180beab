"""The states of a run, and who asks for its next round."""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import traitlets

from autolr_widget.engine.runs.run import Run
from autolr_widget.engine.settings import Settings
from autolr_widget.widget import interrupt

STATUSES = ("idle", "running", "paused", "done", "stopped", "error")

#: Seconds of rounds that one request for rounds is worth. A tick costs the browser and the kernel some 75 ms.
TURN = 0.25
#: Seconds without a tick after which the kernel continues by itself.
SILENCE = 3.0


class Session(traitlets.HasTraits):
    """Runs rounds of a tuner when asked to: by a tick of the front end, by `run`, or by itself after a silence.

    Any method may be called from any thread. ``_lock`` guards the state; ``_measuring`` is held while a round is
    measured, so that there is one at a time, and a Pause need not wait for it.
    """

    status = traitlets.Enum(STATUSES, "idle")
    round = traitlets.Int(0)
    error = traitlets.Unicode("")
    stale = traitlets.Bool(False, help="Whether the settings are no longer those of the current rounds")
    turn = traitlets.Int(0, help="Moves when a turn of rounds is over, so that the front end asks for the next")

    def __init__(
        self,
        tuner: Run,
        on_rounds: Callable[[], None],
        on_halt: Callable[[], None] = lambda: None,
        one_message: Callable[[], AbstractContextManager[Any]] = contextlib.nullcontext,
    ) -> None:
        """``on_rounds`` is called when the rounds of ``tuner`` have changed, before ``round`` says so.

        ``on_halt`` is called when the run has come to a halt, and may take a while. What ``on_rounds`` and ``round``
        change goes to the front end within ``one_message``: each message costs a kilobyte.
        """
        super().__init__()
        self.tuner = tuner
        if len(tuner) > 0:
            self.round, self.status = len(tuner), "done" if tuner.is_complete else "paused"
        self.settings = tuner.settings
        self._on_rounds = on_rounds
        self._on_halt = on_halt
        self._one_message = one_message
        self._halted = False
        self._lock = threading.RLock()
        self._measuring = threading.Lock()
        self._pause_at: int | None = None
        self._heard = 0.0
        self._watch_number = 0
        self._due = 0.0
        self._timer: threading.Timer | None = None
        # The loop of the cell that made the widget. A later handler's may be a subshell's, which comes and goes.
        try:
            self._loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            self._loop = None

    @traitlets.observe("status")
    def _on_status(self, change: dict[str, str]) -> None:
        self._halted = change["new"] != "running"
        if change["old"] == "running":
            interrupt.forget(self._loop, self.interrupt)

    def configure(self, settings: Settings) -> None:
        """Take other settings. If they need new rounds, the run becomes stale and pauses."""
        with self._lock:
            self.settings = settings
            if not settings.measure_alike(self.tuner.settings):
                self.stale = self.status != "idle" and self.tuner.can_measure
                self._pause()
            else:
                self.stale = False
                self.tuner.settings = settings
                if self.status in ("paused", "done"):
                    self.status = "done" if self._is_complete() else "paused"
        self._tell_of_halt()

    def start(self) -> None:
        """Run all the rounds that are left; from the first where the run is over or stale."""
        self._start(pause_at=None)

    def step(self) -> None:
        """Run one round, then pause. Nothing happens where all rounds are done: they would be lost."""
        if self.status != "done" or self.stale:
            self._start(pause_at=1)

    def pause(self) -> None:
        """Stop after the round that is being measured. Nothing happens unless the session is running."""
        with self._lock:
            self._pause()
        self._tell_of_halt()

    def _pause(self) -> None:
        if self.status == "running":
            self.status = "paused"

    def resume(self) -> None:
        """Continue after `pause`. Nothing happens unless the session is paused."""
        if self.status == "paused":
            self.start()

    def stop(self) -> None:
        """End the run and keep its rounds; the next `start` starts over."""
        with self._lock:
            if self.status in ("running", "paused", "error"):
                self.error = ""
                self.status = "stopped"
        self._tell_of_halt()

    def close(self) -> None:
        """End the run for good: nothing is left that waits for it."""
        self.stop()
        self._watch_number += 1
        if self._timer is not None:
            self._timer.cancel()

    def interrupt(self) -> None:
        """Stop after the round that is being measured, as by an error."""
        # Without the lock: this may run as a signal's handler, in a thread that waits for another's round.
        if self.status == "running":
            self.error = _message(KeyboardInterrupt(), len(self.tuner) + 1)
            self.status = "error"

    def reset(self) -> None:
        """Forget all rounds."""
        with self._lock:
            self._renew()
            self.status = "idle"
        self._tell_of_halt()

    def run(self) -> None:
        """Run all the rounds that are left, and return when they are done. What a round raises is raised here."""
        self.start()
        with self._measuring:
            try:
                self._run_rounds(until=math.inf)
            finally:
                self._show_halt()

    async def wait(self) -> None:
        """Return when the session is no longer running."""
        while self.status == "running":
            await asyncio.sleep(0.05)

    def tick(self, round: int) -> None:
        """Run rounds for the time of a turn, at least one, for a front end that has drawn ``round`` of them.

        Nothing happens where the session is not running, where a round is being measured, or where the front end has
        not seen the newest round yet.
        """
        self._heard = time.monotonic()
        if self.status != "running" or round != self.round or not self._measuring.acquire(blocking=False):
            return
        try:
            self._run_turn()
        finally:
            self._measuring.release()

    def _start(self, pause_at: int | None) -> None:
        with self._lock:
            if self.status == "running":
                # During a single round: do not pause after it any more.
                if pause_at is None:
                    self._pause_at = None
                return
            # Without rounds there is nothing to continue, and the model may have been compiled again since.
            if self.stale or self.status in ("idle", "done", "stopped") or len(self.tuner) == 0:
                self._renew()
            self.error = ""
            self._pause_at = None if pause_at is None else self.round + pause_at
            self._heard = time.monotonic()
            self.status = "running"
            interrupt.listen(self._loop, self.interrupt)
            # Not the watch of a former start: its loop may be closed.
            self._watch_number += 1
            self._watch_in(SILENCE, self._watch_number)

    def _renew(self) -> None:
        self.tuner = self.tuner.renewed(self.settings)
        self.stale = False
        self.error = ""
        self._publish()

    def _publish(self) -> None:
        with self._one_message():
            try:
                self._on_rounds()
            finally:
                self.round = len(self.tuner)

    def _tell_of_halt(self) -> None:
        """Show a halt, without the lock. If a round is being measured, the thread that measures it shows the halt."""
        if self._measuring.acquire(blocking=False):
            try:
                self._show_halt()
            finally:
                self._measuring.release()

    def _show_halt(self) -> None:
        if self._halted and self.status != "running":
            self._halted = False
            self._on_halt()

    def _is_complete(self) -> bool:
        return self.tuner.is_complete

    def _run_turn(self) -> None:
        # The error is on the screen; only `run` has somebody to raise it to.
        with contextlib.suppress(Exception, KeyboardInterrupt):
            self._run_rounds(until=time.monotonic() + TURN)
        self._heard = time.monotonic()
        try:
            self._show_halt()
        finally:
            self.turn += 1

    def _run_rounds(self, until: float) -> None:
        tuner = self.tuner
        try:
            while self.status == "running":
                tuner = self.tuner
                self._run_round(tuner)
                if time.monotonic() >= until:
                    break
        except (Exception, KeyboardInterrupt) as error:
            with self._lock:
                # After a reset, the round that failed belongs to no run any more.
                if tuner is self.tuner and self.status in ("running", "paused"):
                    self.error = _message(error, len(tuner) + 1)
                    self.status = "error"
                    with contextlib.suppress(Exception):
                        self._publish()
            raise

    def _run_round(self, tuner: Run) -> None:
        tuner.step()
        with self._lock:
            if tuner is not self.tuner:
                return
            self._publish()
            if self.status == "running" and self._is_complete():
                self.status = "done"
            elif self.status == "running" and self.round == self._pause_at:
                self.status = "paused"

    def _watch_in(self, delay: float, number: int) -> None:
        self._due = time.monotonic() + delay
        if self._loop is not None and self._loop.is_running():
            self._loop.call_soon_threadsafe(self._loop.call_later, delay, self._watch, number)
        else:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = threading.Timer(delay, self._watch, [number])
            self._timer.daemon = True
            self._timer.start()

    def _watch(self, number: int) -> None:
        """Continue without a front end, once none has been heard for some seconds."""
        if number != self._watch_number:
            return
        if self.status != "running":
            self._tell_of_halt()
            return
        try:
            self._go_on_after_silence()
        finally:
            self._watch_in(max(self._heard + SILENCE - time.monotonic(), 0.01), number)

    def _go_on_after_silence(self) -> None:
        now = time.monotonic()
        if now > self._due + 1:
            # A cell blocked the loop, and the front end's messages with it: hear them first, there may be a Pause.
            self._heard = now
        if now >= self._heard + SILENCE and self._measuring.acquire(blocking=False):
            try:
                self._run_turn()
            finally:
                self._measuring.release()
            # The next turn follows at once, but lets the loop do other things in between.
            self._heard -= SILENCE


def _message(error: BaseException, round_number: int) -> str:
    if isinstance(error, KeyboardInterrupt):
        return f"Interrupted in round {round_number}. Run continues from there."
    if isinstance(error, MemoryError):
        return f"Out of memory in round {round_number}. Choose a smaller batch size or fewer learning rates."
    return f"Round {round_number} failed. {type(error).__name__}: {error}"
