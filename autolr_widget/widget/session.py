"""The session: the state of a run, and the loop that measures it."""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import traitlets

from autolr_widget.engine.runs.run import Run
from autolr_widget.engine.settings import Settings
from autolr_widget.widget import interrupt

STATUSES = ("idle", "running", "paused", "done", "stopped", "error")

#: The seconds that one turn takes, if a training step does not take longer. A turn should be long compared with a tick,
#: which takes the browser and the kernel about 75 ms.
TURN = 0.25
#: The seconds without a tick after which the kernel continues by itself.
SILENCE = 3.0


class Session(traitlets.HasTraits):
    """Measures the rounds of a tuner, a part of a round at a time.

    A tick of the front end or a call of `run` asks for the next turn. If no tick arrives for some seconds, the session
    continues by itself. All methods may be called from any thread. ``_lock`` guards the state. ``_measuring`` is held
    during a turn, so that only one thread measures at a time, and a pause need not wait for it.

    Parameters
    ----------
    tuner
        The run to begin with.
    on_rounds
        Called when the rounds of ``tuner`` have changed, before ``round`` changes.
    on_turn
        Called when a turn is over.
    on_halt
        Called when the run has halted. It may take a while.
    on_widened
        Called when the run has widened its grid, after ``settings`` has changed.
    one_message
        Returns a context manager that combines the changes that ``on_rounds`` makes and the change of ``round`` into
        one message to the front end, and those of ``on_turn`` and ``turn`` too. Each message takes about a kilobyte.
    """

    status = traitlets.Enum(STATUSES, "idle")
    round = traitlets.Int(0)
    error = traitlets.Unicode("")
    stale = traitlets.Bool(False, help="Whether the settings are no longer those of the current rounds")
    continues = traitlets.Bool(False, help="Whether the next run of a stale run continues its paths")
    turn = traitlets.Int(0, help="The number of finished turns. When it changes, the front end asks for the next turn")
    preparing = traitlets.Bool(False, help="Whether the training step is being traced, which takes seconds")

    def __init__(
        self,
        tuner: Run,
        on_rounds: Callable[[], None],
        on_turn: Callable[[], None] = lambda: None,
        on_halt: Callable[[], None] = lambda: None,
        on_widened: Callable[[], None] = lambda: None,
        one_message: Callable[[], AbstractContextManager[Any]] = contextlib.nullcontext,
    ) -> None:
        super().__init__()
        self.tuner = tuner
        if len(tuner) > 0:
            self.round, self.status = len(tuner), "done" if tuner.is_complete else "paused"
        self.settings = tuner.settings
        self._on_rounds = on_rounds
        self._on_turn = on_turn
        self._on_halt = on_halt
        self._on_widened = on_widened
        self._one_message = one_message
        self._halted = False
        #: Whether turns were measured that no front end asked for, and none has said since that it has seen them.
        self.alone = False
        self._lock = threading.RLock()
        self._measuring = threading.Lock()
        self._pause_at: int | None = None
        self._heard = 0.0
        self._watch_number = 0
        self._due = 0.0
        self._timer: threading.Timer | None = None
        # Use the event loop of the cell that made the widget. The loop of a later handler may belong to a subshell,
        # which can end at any time.
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
        """Use other settings. If they require new rounds, the run becomes stale and pauses.

        A shorter horizon requires none: the rounds are read after fewer steps. With a longer one, the next run
        continues the paths, if it can.
        """
        with self._lock:
            # The run may have widened its grid in this turn. That must not look like a change by the user.
            if settings.on_same_grid(self.settings) and self._take_over_wider_grid():
                settings = settings.on_grid_of(self.settings)
            self.settings = settings
            read_at = settings.horizon if self.tuner.can_read_at(settings) else None
            if read_at is not None:
                settings = replace(settings, horizon=self.tuner.settings.horizon)
            if not settings.measure_alike(self.tuner.settings):
                self.continues = self.tuner.can_continue(settings)
                self.stale = self.status != "idle" and self.tuner.can_measure
                self._pause()
            else:
                self.stale = False
                self.tuner.settings, self.tuner.read_at = settings, read_at
                if self.status in ("paused", "done"):
                    self.status = "done" if self._is_complete() else "paused"
        self._tell_of_halt()

    def start(self) -> None:
        """Run the remaining rounds. Start over from the first round if the run has ended or is stale."""
        self._start(pause_at=None)

    def step(self) -> None:
        """Run one round, then pause. Do nothing if all rounds are done: starting over would discard them."""
        if self.status != "done" or self.stale:
            self._start(pause_at=1)

    def pause(self) -> None:
        """Pause within the current round. Do nothing unless the session is running."""
        with self._lock:
            self._pause()
        self._tell_of_halt()

    def _pause(self) -> None:
        if self.status == "running":
            self.status = "paused"

    def resume(self) -> None:
        """Continue after `pause`. Do nothing unless the session is paused."""
        if self.status == "paused":
            self.start()

    def stop(self) -> None:
        """End the run and keep its rounds; the next `start` starts over."""
        with self._lock:
            if self.status in ("running", "paused", "error"):
                self.error = ""
                self.status = "stopped"
        self._tell_of_halt()

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Pause, and measure nothing within this context, because something else measures with the tuner."""
        self.pause()
        with self._measuring:
            yield

    def close(self) -> None:
        """End the run for good, and cancel the timer that waits for a silence."""
        self.stop()
        self._watch_number += 1
        if self._timer is not None:
            self._timer.cancel()

    def interrupt(self) -> None:
        """Stop within the current round, with an error message."""
        # Do not take the lock: this may run in a signal handler, while another thread holds the lock.
        if self.status == "running":
            self.error = _message(KeyboardInterrupt(), len(self.tuner) + 1)
            self.status = "error"

    def reset(self) -> None:
        """Discard all rounds."""
        with self._lock:
            self._renew()
            self.status = "idle"
        self._tell_of_halt()

    def run(self) -> None:
        """Run the remaining rounds, and return when they are done. An exception in a round is raised here."""
        self.start()
        try:
            with self._measuring:
                try:
                    while self.status == "running":
                        try:
                            self._measure_until(time.monotonic() + TURN)
                        finally:
                            self._end_turn()
                finally:
                    self._show_halt()
        except KeyboardInterrupt as error:
            # It may come before a round is measured: while another thread still shows the end of the last turn.
            self._fail(self.tuner, error)
            raise

    async def wait(self) -> None:
        """Wait until the session is no longer running."""
        while self.status == "running":
            await asyncio.sleep(0.05)

    def tick(self, turn: int) -> None:
        """Measure for `TURN` seconds, at least one slice of a round. A front end calls this when ``turn`` has arrived.

        Do nothing if the session is not running, if it is measuring, or if the newest turn has not arrived there yet.
        """
        if turn != self.turn:
            # A page that missed a turn would wait for ever, if it kept the kernel waiting.
            return
        self.alone = False
        self._heard = time.monotonic()
        if self.status != "running" or not self._measuring.acquire(blocking=False):
            return
        try:
            self._run_turn()
        finally:
            self._measuring.release()

    def _start(self, pause_at: int | None) -> None:
        with self._lock:
            if self.status == "running":
                # During a single round that `step` started, do not pause after it.
                if pause_at is None:
                    self._pause_at = None
                return
            # Without rounds there is nothing to continue, and the model may have been compiled again meanwhile.
            if self.stale or self.status in ("idle", "done", "stopped") or not self._has_begun():
                self._renew(self.stale and self.tuner.can_continue(self.settings))
            self.error = ""
            self.preparing = self._is_slow_to_start()
            self._pause_at = None if pause_at is None else self.round + pause_at
            self._heard = time.monotonic()
            self.status = "running"
            interrupt.listen(self._loop, self.interrupt)
            # Do not continue the watch of an earlier start: its event loop may be closed.
            self._watch_number += 1
            self._watch_in(SILENCE, self._watch_number)

    def _has_begun(self) -> bool:
        return len(self.tuner) > 0 or self.tuner.unfinished is not None or self.tuner.steps_ahead > 0

    def _is_slow_to_start(self) -> bool:
        """Whether the next step may take long, because it is traced or has never been timed."""
        return len(self.tuner) == 0 and math.isnan(self.tuner.seconds_per_step)

    def _renew(self, continues: bool = False) -> None:
        self.tuner = self.tuner.renewed(self.settings, continues)
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
        """Call ``on_halt`` if the run has halted. If a round is being measured, the measuring thread does this instead.

        The caller must not hold the lock.
        """
        if self._measuring.acquire(blocking=False):
            try:
                self._show_halt()
            finally:
                self._measuring.release()

    def _show_halt(self) -> None:
        if self._halted and self.status != "running":
            self._halted = False
            self.tuner.let_go()
            self._on_halt()

    def _is_complete(self) -> bool:
        return self.tuner.is_complete

    def _run_turn(self) -> None:
        # The screen shows the error. It is not raised, because only `run` has a caller who can handle it.
        with contextlib.suppress(Exception, KeyboardInterrupt):
            self._measure_until(time.monotonic() + TURN)
        self._heard = time.monotonic()
        try:
            self._show_halt()
        finally:
            with contextlib.suppress(Exception, KeyboardInterrupt):
                self._end_turn()

    def _end_turn(self) -> None:
        with self._one_message():
            try:
                self._on_turn()
            except (Exception, KeyboardInterrupt) as error:
                self._fail(self.tuner, error)
                raise
            finally:
                self.turn += 1

    def _measure_until(self, end: float) -> None:
        tuner = self.tuner
        try:
            while self.status == "running":
                tuner = self.tuner
                self._measure(tuner, end - time.monotonic())
                if time.monotonic() >= end:
                    break
        except (Exception, KeyboardInterrupt) as error:
            self._fail(tuner, error)
            raise

    def _fail(self, tuner: Run, error: BaseException) -> None:
        with self._lock:
            # After a reset, the round that failed no longer belongs to the current run.
            if tuner is self.tuner and self.status in ("running", "paused"):
                self.error = _message(error, len(tuner) + 1)
                self.status = "error"
                with contextlib.suppress(Exception):
                    self._publish()

    def _measure(self, tuner: Run, seconds: float) -> None:
        try:
            finished = tuner.advance(seconds)
        except BaseException:
            self.preparing = False
            raise
        finally:
            with self._lock:
                self._take_over_wider_grid()
        self.preparing = finished is None and self.status == "running" and self._is_slow_to_start()
        with self._lock:
            if finished is None or tuner is not self.tuner:
                return
            self._publish()
            if self.status == "running" and self._is_complete():
                self.status = "done"
            elif self.status == "running" and self.round == self._pause_at:
                self.status = "paused"

    def _take_over_wider_grid(self) -> bool:
        """Copy the grid to the settings if the run has widened it, and return whether it has. The lock must be held."""
        if not self.tuner.is_widened or self.stale or self.settings.on_same_grid(self.tuner.settings):
            return False
        self.settings = self.settings.on_grid_of(self.tuner.settings)
        self._on_widened()
        return True

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
        """Continue without a front end if there was no tick for some seconds."""
        if number != self._watch_number:
            return
        running = self.status == "running"
        try:
            if running:
                self._go_on_after_silence()
            else:
                self._tell_of_halt()
        except Exception as error:
            # A timer calls this method: only the screen can show the error.
            self.error = f"{type(error).__name__}: {error}"
        finally:
            if running:
                self._watch_in(max(self._heard + SILENCE - time.monotonic(), 0.01), number)

    def _go_on_after_silence(self) -> None:
        now = time.monotonic()
        if now > self._due + 1:
            # This call is late because a cell blocked the event loop, and with it the messages of the front end. Let
            # them arrive first: one of them may be a pause.
            self._heard = now
        if now >= self._heard + SILENCE and self._measuring.acquire(blocking=False):
            try:
                self._run_turn()
            finally:
                self.alone = True
                self._measuring.release()
            # Start the next turn at once, but let the event loop do other things in between.
            self._heard -= SILENCE


def _message(error: BaseException, round_number: int) -> str:
    if isinstance(error, KeyboardInterrupt):
        return f"Interrupted in round {round_number}. Press Run to continue from there."
    if isinstance(error, MemoryError):
        return f"Out of memory in round {round_number}. Choose a smaller batch size or fewer learning rates."
    return f"Round {round_number} failed. {type(error).__name__}: {error}"
