"""The kernel's interrupt, so that it can stop a run while no cell runs.

A kernel ignores interrupts unless a cell runs in its main thread, but rounds are measured between cells or in another
thread. One handler serves all sessions. If each session had its own, the handlers would end up calling each other.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable
from typing import Any

Loop = asyncio.AbstractEventLoop | None

_listeners: set[Callable[[], None]] = set()
_before: Any = None


def listen(loop: Loop, on_interrupt: Callable[[], None]) -> None:
    """Call ``on_interrupt`` on each interrupt until `forget` is called.

    This may be called from any thread. ``loop`` is the event loop of the main thread; without a running loop, nothing
    happens.
    """
    _soon(loop, lambda: _add(on_interrupt))


def forget(loop: Loop, on_interrupt: Callable[[], None]) -> None:
    """Undo `listen`."""
    _soon(loop, lambda: _discard(on_interrupt))


def _soon(loop: Loop, change: Callable[[], None]) -> None:
    # Python allows only the main thread to change the handler of a signal.
    if loop is not None and loop.is_running():
        loop.call_soon_threadsafe(change)


def _add(on_interrupt: Callable[[], None]) -> None:
    global _before
    if threading.current_thread() is not threading.main_thread():
        return
    _listeners.add(on_interrupt)
    if signal.getsignal(signal.SIGINT) is not _heard:
        _before = signal.signal(signal.SIGINT, _heard)


def _discard(on_interrupt: Callable[[], None]) -> None:
    _listeners.discard(on_interrupt)
    # While a cell runs, the kernel uses a handler of its own, and restores ours after the cell. Ours then stays, but
    # only passes interrupts on.
    if not _listeners and signal.getsignal(signal.SIGINT) is _heard:
        signal.signal(signal.SIGINT, _before)


def _heard(number: int, frame: Any) -> None:
    for on_interrupt in [*_listeners]:
        on_interrupt()
    if callable(_before):
        _before(number, frame)
