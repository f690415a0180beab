import asyncio
import threading
import time

import pytest

from autolr_widget.engine.settings import Settings
from autolr_widget.widget import session as session_module
from autolr_widget.widget.session import Session
from tests.widget.counting_tuner import CountingTuner, make_session


def test_pause_does_not_wait_for_the_current_round(session):
    session.start()
    session.tuner.gate = threading.Event()
    thread = threading.Thread(target=session.tick, args=(0,))
    thread.start()
    session.pause()
    assert session.status == "paused"
    session.tick(0)
    session.tuner.gate.set()
    thread.join(5)
    assert (session.status, session.round) == ("paused", 1), "the round that was being measured counts"


def test_an_interrupt_while_another_thread_measures_ends_the_run(session, monkeypatch):
    class Held:
        def __enter__(self):
            raise KeyboardInterrupt

        def __exit__(self, *_):
            pass

        def acquire(self, blocking):
            return False

    monkeypatch.setattr(session, "_measuring", Held())
    with pytest.raises(KeyboardInterrupt):
        session.run()
    assert (session.status, session.error[:20]) == ("error", "Interrupted in round")


def test_a_tick_during_a_round_does_nothing(session):
    session.start()
    session.tuner.gate = threading.Event()
    thread = threading.Thread(target=session.tick, args=(0,))
    thread.start()
    while not session._measuring.locked():
        time.sleep(0.001)
    session.tick(0)
    assert session.round == 0
    session.tuner.gate.set()
    thread.join(5)
    assert session.tuner.rounds == [0, 1, 2, 3, 4]


def test_reset_discards_the_current_round(session):
    session.start()
    old = session.tuner
    old.gate = threading.Event()
    thread = threading.Thread(target=session.tick, args=(0,))
    thread.start()
    session.reset()
    old.gate.set()
    thread.join(5)
    assert (session.status, session.round, len(session.tuner)) == ("idle", 0, 0)


def test_a_round_that_ends_after_a_reset_is_not_published(session):
    session.start()
    old, published = session.tuner, []
    old.gate = threading.Event()
    thread = threading.Thread(target=session.tick, args=(0,))
    thread.start()
    while not session._measuring.locked():
        time.sleep(0.001)
    session.reset()
    session._on_rounds = lambda: published.append(session.round)
    old.gate.set()
    thread.join(5)
    assert len(old) == 1
    assert published == []


def test_the_kernel_continues_without_ticks(session, monkeypatch):
    monkeypatch.setattr(session_module, "SILENCE", 0.1)
    session.start()
    time.sleep(0.05)
    assert session.round == 0
    end = time.monotonic() + 10
    while session.status == "running" and time.monotonic() < end:
        time.sleep(0.01)
    assert (session.status, session.tuner.rounds) == ("done", [0, 1, 2, 3, 4])


def test_an_error_at_the_end_of_a_run_without_ticks_is_shown(session, monkeypatch):
    def fail():
        raise OSError("the generator could not be closed")

    monkeypatch.setattr(session_module, "SILENCE", 0.1)
    session._on_halt = fail
    session.start()
    end = time.monotonic() + 10
    while not session.error and time.monotonic() < end:
        time.sleep(0.01)
    assert (session.status, session.round) == ("done", 5)
    assert session.error == "OSError: the generator could not be closed"


def test_the_event_loop_continues_while_a_cell_waits(monkeypatch):
    monkeypatch.setattr(session_module, "SILENCE", 0.1)
    threads = set()

    async def cell():
        session = Session(CountingTuner(Settings(num_subsamples=5)), lambda: threads.add(threading.get_ident()))
        session.start()
        await asyncio.wait_for(session.wait(), 10)
        return session

    session = asyncio.run(cell())
    assert session.tuner.rounds == [0, 1, 2, 3, 4]
    assert threads == {threading.get_ident()}


def test_the_kernel_yields_to_a_front_end_that_ticks(monkeypatch):
    monkeypatch.setattr(session_module, "SILENCE", 0.2)
    monkeypatch.setattr(session_module, "TURN", 0)
    session = make_session(12)
    session.start()
    by = []
    session.observe(lambda _: by.append(threading.get_ident()), names="round")
    for seen in range(12):
        session.tick(seen)
        time.sleep(0.05)
    assert by == [threading.get_ident()] * 12


@pytest.mark.slow
def test_a_blocked_loop_handles_front_end_messages_first(monkeypatch):
    monkeypatch.setattr(session_module, "SILENCE", 0.1)

    async def cell():
        session = make_session(5)
        session.start()
        await asyncio.sleep(0.01)
        time.sleep(1.3)  # a cell blocks the loop while the user presses Pause, which waits in the queue
        asyncio.get_running_loop().call_later(0.02, session.pause)
        await asyncio.sleep(0.3)
        return session

    session = asyncio.run(cell())
    assert (session.status, session.round) == ("paused", 0)


def test_an_error_of_a_round_before_a_reset_does_not_affect_the_new_run(session):
    session.start()
    old = session.tuner
    old.gate, old.fails = threading.Event(), ValueError("old")
    measuring = threading.Thread(target=session.tick, args=[0])
    measuring.start()
    while not session._measuring.locked():
        time.sleep(0.001)
    session.reset()
    session.start()
    old.gate.set()
    measuring.join(5)
    assert (session.status, session.error) == ("running", "")


def test_on_halt_is_called_without_the_lock():
    free = []

    def on_halt():
        def try_lock():
            free.append(session._lock.acquire(blocking=False))
            if free[-1]:
                session._lock.release()

        other = threading.Thread(target=try_lock)
        other.start()
        other.join(5)

    session = Session(CountingTuner(Settings(num_subsamples=2)), on_rounds=lambda: None, on_halt=on_halt)
    session.start()
    session.pause()
    session.run()
    session.reset()
    assert free == [True] * 3
    session.close()


def test_on_halt_is_called_after_the_current_round(session):
    shown = []
    session._on_halt = lambda: shown.append(session.round)
    session.start()
    gate = session.tuner.gate = threading.Event()
    measuring = threading.Thread(target=session.tick, args=[0])
    measuring.start()
    while not session._measuring.locked():
        time.sleep(0.001)
    session.pause()
    assert shown == []
    gate.set()
    measuring.join(5)
    assert shown == [1]


def test_the_kernel_continues_after_an_observer_fails(session, monkeypatch):
    monkeypatch.setattr(session_module, "SILENCE", 0.05)
    monkeypatch.setattr(session_module, "TURN", 0)

    def fail(_):
        raise ZeroDivisionError

    session.observe(fail, names="turn")
    session.start()
    end = time.monotonic() + 10
    while session.turn < 5 and time.monotonic() < end:
        time.sleep(0.01)
    assert (session.status, session.round) == ("done", 5)


def test_a_round_that_fails_after_a_pause_is_an_error(session):
    session.start()
    gate = session.tuner.gate = threading.Event()
    session.tuner.fails = ValueError("no")
    measuring = threading.Thread(target=session.tick, args=[0])
    measuring.start()
    while not session._measuring.locked():
        time.sleep(0.001)
    session.pause()
    gate.set()
    measuring.join(5)
    assert (session.status, session.error) == ("error", "Round 1 failed. ValueError: no")


def test_a_page_that_missed_a_turn_does_not_stop_the_run(session, monkeypatch):
    monkeypatch.setattr(session_module, "SILENCE", 0.3)
    session.start()
    end = time.monotonic() + 5
    while session.status == "running" and time.monotonic() < end:
        session.tick(99)
        time.sleep(0.05)
    assert (session.status, session.round) == ("done", 5)


def test_turns_without_a_front_end_follow_at_once(session, monkeypatch):
    monkeypatch.setattr(session_module, "SILENCE", 0.5)
    monkeypatch.setattr(session_module, "TURN", 0)
    session.start()
    end = time.monotonic() + 2
    while session.status == "running" and time.monotonic() < end:
        time.sleep(0.01)
    assert (session.status, session.turn) == ("done", 5)


@pytest.mark.slow
def test_a_blocked_loop_continues_without_a_front_end(monkeypatch):
    monkeypatch.setattr(session_module, "SILENCE", 0.1)

    async def cell():
        session = make_session(5)
        session.start()
        await asyncio.sleep(0.01)
        time.sleep(1.3)
        await asyncio.wait_for(session.wait(), 5)
        return session

    assert asyncio.run(cell()).status == "done"


def test_the_loop_does_not_wait_for_a_round_in_a_thread(monkeypatch):
    monkeypatch.setattr(session_module, "SILENCE", 0.05)

    async def cell():
        session = make_session(5)
        session.start()
        gate = session.tuner.gate = threading.Event()
        measuring = threading.Thread(target=session.tick, args=[0])
        measuring.start()
        before = time.monotonic()
        await asyncio.sleep(0.2)
        waited = time.monotonic() - before
        gate.set()
        measuring.join(5)
        return waited

    assert asyncio.run(cell()) < 2


def test_wait_returns_soon_after_a_pause(session):
    async def cell():
        session.start()
        asyncio.get_running_loop().call_later(0.01, session.pause)
        await asyncio.wait_for(session.wait(), 0.5)

    asyncio.run(cell())
    assert session.status == "paused"
