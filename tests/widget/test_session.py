"""The state machine of a run, driven by a tuner that only counts."""

import asyncio
import contextlib
import os
import signal
import threading
import time
from dataclasses import replace

import hypothesis.strategies as st
import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from autolr_widget.engine.settings import Settings
from autolr_widget.widget import session as session_module
from autolr_widget.widget.session import STATUSES, Session


class CountingTuner:
    """Stands in for `LRTuner`: its n-th round is the number n."""

    can_measure = True

    def __init__(self, settings):
        self.settings = settings
        self.rounds = []
        self.fails = None
        self.gate = None

    def step(self):
        if self.gate:
            self.gate.wait(5)
        if self.fails:
            error, self.fails = self.fails, None
            raise error
        self.rounds.append(len(self.rounds))

    def renewed(self, settings):
        return CountingTuner(settings)

    @property
    def is_complete(self):
        return len(self) >= self.settings.num_subsamples

    def __len__(self):
        return len(self.rounds)


@pytest.fixture
def session():
    return make_session(5)


def make_session(rounds):
    return Session(CountingTuner(Settings(num_subsamples=rounds)), on_rounds=lambda: None)


def test_run_runs_all_rounds(session):
    session.run()
    assert (session.status, session.round, session.tuner.rounds) == ("done", 5, [0, 1, 2, 3, 4])


def test_start_waits_for_ticks(session, monkeypatch):
    monkeypatch.setattr(session_module, "TURN", 0)
    session.start()
    assert (session.status, session.round, session.turn) == ("running", 0, 0)
    session.tick(0)
    assert (session.round, session.turn) == (1, 1)
    session.tick(0)
    assert session.round == 1, "a tick that has not seen the newest round"
    session.tick(2)
    assert session.round == 1, "a tick from the future"
    for seen in range(1, 5):
        session.tick(seen)
    assert (session.status, session.round, session.turn) == ("done", 5, 5)
    session.tick(5)
    assert (session.round, session.turn) == (5, 5)


def test_one_tick_is_worth_many_quick_rounds(session):
    session.start()
    session.tick(0)
    assert (session.status, session.round, session.turn) == ("done", 5, 1)


def test_step_runs_one_round_and_pauses(session):
    session.step()
    session.tick(0)
    assert (session.status, session.round) == ("paused", 1)
    session.step()
    session.tick(1)
    assert (session.status, session.round) == ("paused", 2)
    session.resume()
    session.tick(2)
    assert (session.status, session.round) == ("done", 5)


def test_pause_keeps_the_rounds_and_resume_goes_on(session):
    session.step()
    session.tick(0)
    session.pause()
    session.tick(1)
    assert session.round == 1
    tuner = session.tuner
    session.start()
    session.tick(1)
    assert session.tuner is tuner
    assert tuner.rounds == [0, 1, 2, 3, 4]


def test_pause_during_a_round_does_not_wait_for_it(session):
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


def test_reset_during_a_round_forgets_it(session):
    session.start()
    old = session.tuner
    old.gate = threading.Event()
    thread = threading.Thread(target=session.tick, args=(0,))
    thread.start()
    session.reset()
    old.gate.set()
    thread.join(5)
    assert (session.status, session.round, len(session.tuner)) == ("idle", 0, 0)


def test_stop_ends_the_run_and_start_begins_anew(session):
    session.step()
    session.tick(0)
    session.stop()
    assert (session.status, session.round) == ("stopped", 1)
    session.resume()
    assert session.status == "stopped"
    session.run()
    assert (session.status, session.round) == ("done", 5)
    first = session.tuner
    session.start()
    assert session.tuner is not first
    assert (session.status, session.round) == ("running", 0)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("shapes (3,) and (4,)"), "Round 2 failed. ValueError: shapes (3,) and (4,)"),
        (MemoryError(), "Out of memory in round 2. Choose a smaller batch size or fewer learning rates."),
        (KeyboardInterrupt(), "Interrupted in round 2. Run goes on from there."),
    ],
)
def test_an_error_keeps_the_rounds_and_can_be_gone_on_from(session, error, message):
    session.step()
    session.tick(0)
    session.tuner.fails = error
    session.start()
    session.tick(1)
    assert (session.status, session.error, session.round) == ("error", message, 1)
    tuner = session.tuner
    session.start()
    assert session.error == ""
    session.tick(1)
    assert (session.status, session.tuner, tuner.rounds) == ("done", tuner, [0, 1, 2, 3, 4])


def test_run_raises_what_a_round_raised(session):
    session.tuner.fails = None
    session.step()
    session.tick(0)
    session.tuner.fails = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        session.run()
    assert session.status == "error"


def test_stop_after_an_error_takes_its_message_away(session):
    session.start()
    session.tuner.fails = ValueError("no")
    session.tick(0)
    session.stop()
    assert (session.status, session.error) == ("stopped", "")


def test_step_does_not_throw_a_finished_run_away(session):
    session.run()
    session.step()
    assert (session.status, session.round) == ("done", 5)
    session.configure(replace(session.settings, seed=9))
    session.step()
    assert (session.status, session.round) == ("running", 0)


def test_an_interrupt_between_cells_stops_the_run_and_leaves_no_trace():
    heard = []

    def kernel_s(number, frame):
        heard.append(number)

    async def cell():
        session = make_session(5)
        session.step()
        session.tick(0)
        session.start()
        await asyncio.sleep(0)
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(0.05)
        return session

    before = signal.signal(signal.SIGINT, kernel_s)
    try:
        session = asyncio.run(cell())
        assert signal.getsignal(signal.SIGINT) == kernel_s
    finally:
        signal.signal(signal.SIGINT, before)
    assert heard == [signal.SIGINT], "whoever had the signal hears of it, too"
    assert (session.status, session.error) == ("error", "Interrupted in round 2. Run goes on from there.")
    session.run()
    assert session.tuner.rounds == [0, 1, 2, 3, 4]


def test_interrupts_of_several_sessions_do_not_call_one_another():
    async def cell():
        first, second = make_session(5), make_session(5)
        for session in (first, second):
            session.start()
            await asyncio.sleep(0)
        first.pause()
        await asyncio.sleep(0)
        first.resume()
        await asyncio.sleep(0)
        for session in (first, second):
            session.pause()
        await asyncio.sleep(0)
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(0.01)
        return first, second

    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        for session in asyncio.run(cell()):
            assert session.status == "paused"
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_after_an_error_in_the_first_round_a_run_begins_anew(session):
    session.tuner.fails = ValueError("the model is compiled with the wrong loss")
    session.start()
    session.tick(0)
    old = session.tuner
    session.start()
    assert session.tuner is not old


@pytest.mark.parametrize(
    "change", [{"lr_min": 1e-3}, {"num_evals": 12}, {"batch_size": 8}, {"seed": 1}, {"scale": "linear"}]
)
def test_what_changes_the_numbers_makes_the_run_stale(session, change):
    session.run()
    old, changed = session.settings, replace(session.settings, **change)
    session.configure(changed)
    assert session.stale
    assert len(session.tuner) == 5
    session.configure(old)
    assert not session.stale
    session.configure(changed)
    session.run()
    assert not session.stale
    assert session.tuner.settings == changed
    assert session.round == 5


@pytest.mark.parametrize("change", [{"method": "median"}, {"alpha": 0.2}])
def test_what_only_reads_the_numbers_does_not(session, change):
    session.run()
    tuner = session.tuner
    session.configure(replace(session.settings, **change))
    assert (session.stale, session.status, session.tuner) == (False, "done", tuner)


def test_more_rounds_go_on_from_the_ones_at_hand(session):
    session.run()
    tuner = session.tuner
    session.configure(replace(session.settings, num_subsamples=8))
    assert session.status == "paused"
    session.run()
    assert session.tuner is tuner
    assert len(tuner) == 8
    session.configure(replace(session.settings, num_subsamples=3))
    assert session.status == "done"


def test_a_change_while_running_pauses(session, monkeypatch):
    monkeypatch.setattr(session_module, "TURN", 0)
    session.start()
    session.configure(replace(session.settings, seed=7))
    assert (session.status, session.stale) == ("paused", True)
    session.start()
    assert (session.status, session.stale, session.tuner.settings.seed) == ("running", False, 7)


def test_a_change_before_the_first_run_is_not_stale(session):
    session.configure(replace(session.settings, seed=7))
    assert not session.stale
    session.run()
    assert session.tuner.settings.seed == 7


def test_the_kernel_goes_on_when_no_front_end_ticks(session, monkeypatch):
    monkeypatch.setattr(session_module, "SILENCE", 0.1)
    session.start()
    time.sleep(0.05)
    assert session.round == 0
    end = time.monotonic() + 10
    while session.status == "running" and time.monotonic() < end:
        time.sleep(0.01)
    assert (session.status, session.tuner.rounds) == ("done", [0, 1, 2, 3, 4])


def test_the_kernel_s_loop_goes_on_while_a_cell_waits(monkeypatch):
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


def test_a_loop_that_was_blocked_hears_the_front_end_first(monkeypatch):
    monkeypatch.setattr(session_module, "SILENCE", 0.1)

    async def cell():
        session = make_session(5)
        session.start()
        await asyncio.sleep(0.01)
        time.sleep(1.3)  # a cell blocks the loop; meanwhile the user presses Pause, which waits in the queue
        asyncio.get_running_loop().call_later(0.02, session.pause)
        await asyncio.sleep(0.3)
        return session

    session = asyncio.run(cell())
    assert (session.status, session.round) == ("paused", 0)


class Clicks(RuleBasedStateMachine):
    """Whatever is pressed in whatever order: only named states, and no round lost or doubled."""

    def __init__(self):
        super().__init__()
        self.session = make_session(6)

    @rule(method=st.sampled_from(["start", "pause", "resume", "step", "stop", "reset"]))
    def press(self, method):
        getattr(self.session, method)()

    @rule()
    def run_all(self):
        fails = self.session.tuner.fails
        with contextlib.suppress(ValueError):
            self.session.run()
            assert fails is None or self.session.tuner.fails is None
            assert self.session.status == "done"

    @rule(seen=st.integers(0, 7), turn=st.sampled_from([0, 1]))
    def tick(self, seen, turn):
        session_module.TURN = turn
        self.session.tick(seen)

    @rule(seed=st.integers(0, 1), rounds=st.integers(1, 8))
    def configure(self, seed, rounds):
        self.session.configure(Settings(seed=seed, num_subsamples=rounds))

    @rule()
    def interrupt(self):
        self.session.interrupt()

    @rule()
    def fail(self):
        self.session.tuner.fails = ValueError("no")

    @invariant()
    def holds(self):
        session = self.session
        assert session.status in STATUSES
        assert session.round == len(session.tuner)
        assert session.tuner.rounds == list(range(session.round))
        assert (session.error != "") == (session.status == "error")
        if session.status == "done" and not session.stale:
            assert session.round >= session.settings.num_subsamples
        if session.status == "idle":
            assert session.round == 0
        if session.status == "running":
            assert not session.stale

    def teardown(self):
        self.session.stop()
        session_module.TURN = 0.25


TestClicks = Clicks.TestCase
TestClicks.settings = hypothesis_settings(max_examples=50, stateful_step_count=30, deadline=None)


@pytest.mark.parametrize("go_on", ["start", "run"])
def test_after_a_step_that_has_not_run_yet_all_rounds_are_asked_for(session, go_on):
    session.step()
    getattr(session, go_on)()
    session.tick(0)
    assert (session.status, session.round) == ("done", 5)


def test_a_round_that_fails_after_a_reset_is_not_the_new_run_s(session):
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


def test_a_halt_is_shown_without_the_lock():
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


def test_a_halt_in_a_round_is_shown_behind_it(session):
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


def test_the_kernel_goes_on_behind_an_observer_that_fails(session, monkeypatch):
    monkeypatch.setattr(session_module, "SILENCE", 0.05)
    monkeypatch.setattr(session_module, "TURN", 0)
    monkeypatch.setattr(threading, "excepthook", lambda _: None)

    def fail(_):
        raise ZeroDivisionError

    session.observe(fail, names="turn")
    session.start()
    end = time.monotonic() + 10
    while session.status == "running" and time.monotonic() < end:
        time.sleep(0.01)
    assert (session.status, session.round) == ("done", 5)


def test_rounds_that_can_not_be_shown_are_counted_and_the_error_told(session):
    def fail():
        raise ValueError("no chart")

    session.start()
    session._on_rounds = fail
    session.tick(0)
    assert (session.status, session.round, len(session.tuner)) == ("error", 1, 1)
    assert "no chart" in session.error
