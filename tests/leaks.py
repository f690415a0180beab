"""Fails a test that leaves a process, a thread, a socket or a comm behind.

What a test leaves is warned of when it is collected as garbage, and that is in another test. So the test that left it
is found here, by what is open before and after it.
"""

from __future__ import annotations

import os
import stat
import sys
import threading
import time
from collections.abc import Hashable, Iterator

import psutil
import pytest

#: Seconds that what a test has told to end may take to do so: a thread in the middle of a training step ends after it,
#: and the machine may be busy.
GRACE = 5.0
#: Threads that end with Python, by the beginnings of their names or the names of their classes: those of an event loop,
#: which is seen by its sockets, of Dask and of pyzmq.
SHARED = ("asyncio_", "Dask-Offload", "GarbageCollectorThread")


def _processes() -> dict[Hashable, object]:
    """This process's children, with those that have ended and were not waited for.

    The resource trackers of multiprocessing and of loky, of which a process has one each, end with it.
    """
    children = [child for child in psutil.Process().children() if not _is_tracker(child)]
    return {("process", child.pid): child for child in children}


def _is_tracker(process: psutil.Process) -> bool:
    try:
        return any("resource_tracker" in argument for argument in process.cmdline())
    except psutil.Error:
        return False


def _threads() -> dict[Hashable, object]:
    """All threads but the `SHARED` ones."""
    found = threading.enumerate()
    return {("thread", t): t for t in found if not t.name.startswith(SHARED) and type(t).__name__ not in SHARED}


def _sockets() -> dict[Hashable, object]:
    found: dict[Hashable, object] = {}
    for name in os.listdir("/dev/fd"):
        try:
            status = os.fstat(int(name))
        except OSError:  # the listing's own
            continue
        if stat.S_ISSOCK(status.st_mode):
            found["socket", status.st_ino] = f"socket with file descriptor {name}"
    return found


def _comms() -> dict[Hashable, object]:
    """The open comms, which are those of the open widgets. Nothing is imported for it."""
    comm = sys.modules.get("comm")
    comms = comm.get_comm_manager().comms if comm else {}
    return {("comm", key): f"comm of {_owner(comm)}" for key, comm in comms.items()}


def _owner(comm: object) -> str:
    widget = getattr(getattr(comm, "_msg_callback", None), "__self__", None)
    return f"a {type(widget).__name__}"


def _open() -> dict[Hashable, object]:
    return _processes() | _threads() | _sockets() | _comms()


def _check(before: dict[Hashable, object], who: str) -> None:
    end = time.monotonic() + GRACE
    while left := [thing for key, thing in _open().items() if key not in before]:
        if time.monotonic() > end:
            pytest.fail(f"{who} left behind: {', '.join(map(str, left))}", pytrace=False)
        time.sleep(0.02)


# An automatic fixture comes before the test's other fixtures of its scope and after those of wider scopes. So what a
# test's own fixtures close is not counted, nor is a server or a browser that several tests share.
@pytest.fixture(autouse=True)
def nothing_is_left_by_the_test() -> Iterator[None]:
    before = _open()
    yield
    _check(before, "This test")


@pytest.fixture(scope="session", autouse=True)
def nothing_is_left_by_fixtures() -> Iterator[None]:
    before = _open()
    yield
    _check(before, "A fixture of a module, a package or the session")
