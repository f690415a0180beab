import contextlib

import hypothesis.strategies as st
from hypothesis import settings as hypothesis_settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from autolr_widget.engine.settings import Settings
from autolr_widget.widget import session as session_module
from autolr_widget.widget.session import STATUSES
from tests.widget.counting_tuner import make_session


class Clicks(RuleBasedStateMachine):
    """Buttons in any order lead to a valid status, and no round is lost or measured twice."""

    def __init__(self):
        super().__init__()
        self.session = make_session(6, slices=3)

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

    @rule(late=st.sampled_from([0, 1]), turn=st.sampled_from([0, 1]))
    def tick(self, late, turn):
        session_module.TURN = turn
        self.session.tick(self.session.turn - late)

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
            assert session.tuner.unfinished is None
        if session.status == "running":
            assert not session.stale

    def teardown(self):
        self.session.close()
        session_module.TURN = 0.25


TestClicks = Clicks.TestCase


TestClicks.settings = hypothesis_settings(max_examples=50, stateful_step_count=30)
