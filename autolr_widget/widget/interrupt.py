"""The kernel's interrupt, heard while no cell runs."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable
from typing import Any


class Interrupt:
    """Calls ``on_interrupt`` when the kernel is interrupted, between `listen` and `forget`.

    A kernel ignores interrupts unless a cell runs in its main thread; rounds run between cells, or in another thread.

    Parameters
    ----------
    loop
        The loop of the main thread. Only there can a signal's handler be changed.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop | None, on_interrupt: Callable[[], None]) -> None:
        self._loop = loop
        self._on_interrupt = on_interrupt
        self._before: Any = None

    def listen(self) -> None:
        """Take the signal, soon. From any thread."""
        self._soon(self._take)

    def forget(self) -> None:
        """Leave it to whoever had it, soon. From any thread."""
        self._soon(self._give_back)

    def _soon(self, change: Callable[[], None]) -> None:
        if self._loop is not None and self._loop.is_running():
            self._loop.call_soon_threadsafe(change)

    def _take(self) -> None:
        if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) != self._heard:
            self._before = signal.signal(signal.SIGINT, self._heard)

    def _give_back(self) -> None:
        if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) == self._heard:
            signal.signal(signal.SIGINT, self._before)

    def _heard(self, number: int, frame: Any) -> None:
        self._on_interrupt()
        if callable(self._before):
            self._before(number, frame)
