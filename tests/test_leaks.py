"""`tests.leaks` fails the test that leaves something behind, and no other."""

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parent.parent

TESTS = """
import socket, subprocess, sys, threading, time
import ipywidgets, pytest
from tests import leaks
from tests.leaks import nothing_is_left_by_the_test

# Seven tests leave something behind, and each is waited for.
leaks.GRACE = 0.5
kept = []

def start(what):
    if what == "process":
        kept.append(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]))
    elif what == "ended process":
        kept.append(subprocess.Popen([sys.executable, "-c", ""]))
    elif what == "thread":
        kept.append(threading.Event())
        threading.Thread(target=kept[-1].wait).start()
    elif what == "daemon":
        threading.Thread(target=time.sleep, args=[60], daemon=True).start()
    elif what == "socket":
        kept.append(socket.socket())
    elif what == "pair":
        kept.append(socket.socketpair())
    elif what == "comm":
        ipywidgets.Label()

@pytest.mark.parametrize("what", ["process", "ended process", "thread", "daemon", "socket", "pair", "comm"])
def test_leaves(what):
    start(what)

def test_after_it():
    pass

def test_closes_all():
    with subprocess.Popen([sys.executable, "-c", ""]), socket.socket():
        thread = threading.Thread(target=time.sleep, args=[0.01])
        thread.start()
        label = ipywidgets.Label()
        label.close()
        label.style.close()
        label.layout.close()

def test_has_told_a_thread_to_end():
    threading.Thread(target=time.sleep, args=[0.2]).start()

@pytest.fixture
def closed():
    with socket.socket() as opened:
        yield opened

@pytest.fixture(scope="module")
def shared():
    with socket.socket() as opened:
        yield opened

def test_uses_fixtures(closed, shared):
    pass

def test_ends_what_the_first_ones_left():
    for thing in kept:
        if isinstance(thing, subprocess.Popen):
            thing.kill()
            thing.wait()
        elif isinstance(thing, threading.Event):
            thing.set()
"""

WIDER = """
import socket
import pytest
from tests.leaks import nothing_is_left_by_fixtures, nothing_is_left_by_the_test

@pytest.fixture(scope="module")
def left_open():
    return socket.socket()

def test_uses_it(left_open):
    pass
"""


@pytest.fixture
def run(pytester, monkeypatch):
    """Runs pytest in a process of its own, since what is left there must not be left here."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return lambda source: pytester.runpytest_subprocess("-p", "no:cacheprovider", pytester.makepyfile(source))


def test_a_test_fails_that_leaves_something_behind(run):
    result = run(TESTS)
    failed = [line.split(" - ")[0].split("::")[1] for line in result.outlines if line.startswith("ERROR ")]
    leaving = ["process", "ended process", "thread", "daemon", "socket", "pair", "comm"]
    assert failed == [f"test_leaves[{what}]" for what in leaving]
    result.stdout.fnmatch_lines(["This test left behind: *pid=*", "This test left behind: comm of a *"])


def test_a_fixture_of_several_tests_fails_that_leaves_something_behind(run):
    result = run(WIDER)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["A fixture of a module, a package or the session left behind: socket *"])
