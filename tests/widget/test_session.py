from dataclasses import replace

import pytest

from autolr_widget.engine.settings import Settings
from autolr_widget.widget import session as session_module
from autolr_widget.widget.session import Session
from tests.widget.counting_tuner import CountingTuner, make_session


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
    assert session.round == 1, "the tick has not seen the latest round"
    session.tick(2)
    assert session.round == 1, "a tick from the future"
    for seen in range(1, 5):
        session.tick(seen)
    assert (session.status, session.round, session.turn) == ("done", 5, 5)
    session.tick(5)
    assert (session.round, session.turn) == (5, 5)


def test_one_tick_runs_many_quick_rounds(session):
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


def test_a_pause_within_a_round_keeps_what_was_measured(session, monkeypatch):
    monkeypatch.setattr(session_module, "TURN", 0)
    session.tuner.slices = 3
    session.start()
    session.tick(0)
    assert (session.status, session.round, session.turn, session.tuner.unfinished) == ("running", 0, 1, 1)
    session.pause()
    session.tick(1)
    assert (session.status, session.turn, session.tuner.unfinished) == ("paused", 1, 1)
    tuner = session.tuner
    session.start()
    session.tick(1)
    assert (session.tuner, tuner.unfinished) == (tuner, 2)
    session.tick(2)
    assert (session.round, tuner.unfinished) == (1, None)


def test_one_round_may_take_many_turns(session, monkeypatch):
    monkeypatch.setattr(session_module, "TURN", 0)
    session.tuner.slices = 3
    session.step()
    for turn in range(3):
        assert (session.status, session.round) == ("running", 0)
        session.tick(turn)
    assert (session.status, session.round) == ("paused", 1)


def test_a_reset_within_a_round_discards_it(session, monkeypatch):
    monkeypatch.setattr(session_module, "TURN", 0)
    session.tuner.slices = 3
    session.start()
    session.tick(0)
    session.reset()
    assert (session.status, session.round, session.tuner.unfinished) == ("idle", 0, None)


def test_the_model_is_prepared_until_a_step_has_been_timed(session, monkeypatch):
    monkeypatch.setattr(session_module, "TURN", 0)
    session.tuner.slices = 4
    session.start()
    assert session.preparing
    session.tick(0)
    assert session.preparing
    session.tuner.seconds_per_step = 0.1
    session.tick(1)
    assert not session.preparing


def test_the_preparation_ends_with_the_first_round(session, monkeypatch):
    monkeypatch.setattr(session_module, "TURN", 0)
    seen = []
    session.observe(lambda change: seen.append((change["new"], session.round)), names="preparing")
    session.start()
    session.tick(0)
    session.tick(1)
    assert (session.round, seen) == (2, [(True, 0), (False, 0)])


def test_a_model_that_is_traced_needs_no_preparation(session):
    session.tuner.renewed = lambda *_: session.tuner
    session.tuner.seconds_per_step = 0.1
    session.start()
    assert not session.preparing


def test_a_failure_while_the_model_is_prepared_ends_the_preparation(session):
    session.start()
    session.tuner.fails = ValueError("no")
    assert session.preparing
    session.tick(0)
    assert (session.status, session.preparing) == ("error", False)


def test_an_interrupt_while_a_turn_is_shown_ends_the_run(session, monkeypatch):
    monkeypatch.setattr(session_module, "TURN", 0)

    def interrupted():
        raise KeyboardInterrupt

    session._on_turn = interrupted
    with pytest.raises(KeyboardInterrupt):
        session.run()
    assert (session.status, session.round, session.error[:20]) == ("error", 1, "Interrupted in round")
    session.start()
    session.tick(session.turn)
    assert (session.status, session.round) == ("error", 2)


def test_start_after_pause_continues_with_the_same_rounds(session):
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


def test_start_after_stop_begins_a_new_run(session):
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
        (KeyboardInterrupt(), "Interrupted in round 2. Press Run to continue from there."),
    ],
)
def test_start_continues_after_an_error(session, error, message):
    session.step()
    session.tick(0)
    session.tuner.fails = error
    session.start()
    session.tick(1)
    assert (session.status, session.error, session.round) == ("error", message, 1)
    tuner = session.tuner
    session.start()
    assert session.error == ""
    session.tick(2)
    assert (session.status, session.tuner, tuner.rounds) == ("done", tuner, [0, 1, 2, 3, 4])


def test_run_raises_the_error_of_a_round(session):
    session.tuner.fails = None
    session.step()
    session.tick(0)
    session.tuner.fails = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        session.run()
    assert session.status == "error"


def test_stop_clears_the_error(session):
    session.start()
    session.tuner.fails = ValueError("no")
    session.tick(0)
    session.stop()
    assert (session.status, session.error) == ("stopped", "")


def test_reset_clears_the_error(session):
    session.start()
    session.tuner.fails = ValueError("no")
    session.tick(0)
    session.reset()
    assert (session.status, session.error) == ("idle", "")


def test_step_does_not_discard_a_finished_run(session):
    session.run()
    session.step()
    assert (session.status, session.round) == ("done", 5)
    session.configure(replace(session.settings, seed=9))
    session.step()
    assert (session.status, session.round) == ("running", 0)


def test_start_after_an_error_in_the_first_round_begins_a_new_run(session):
    session.tuner.fails = ValueError("the model is compiled with the wrong loss")
    session.start()
    session.tick(0)
    old = session.tuner
    session.start()
    assert session.tuner is not old


@pytest.mark.parametrize(
    "change", [{"lr_min": 1e-3}, {"num_evals": 12}, {"batch_size": 8}, {"seed": 1}, {"scale": "linear"}]
)
def test_settings_that_change_the_numbers_make_the_run_stale(session, change):
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
def test_settings_that_only_read_the_numbers_do_not_make_it_stale(session, change):
    session.run()
    tuner = session.tuner
    session.configure(replace(session.settings, **change))
    assert (session.stale, session.status, session.tuner) == (False, "done", tuner)


def test_more_rounds_continue_the_current_run(session):
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


@pytest.mark.parametrize("go_on", ["start", "run"])
def test_start_and_run_after_a_step_run_all_rounds(session, go_on):
    session.step()
    getattr(session, go_on)()
    session.tick(0)
    assert (session.status, session.round) == ("done", 5)


def test_a_round_that_cannot_be_shown_is_counted_and_the_error_reported(session):
    def fail():
        raise ValueError("no chart")

    session.start()
    session._on_rounds = fail
    session.tick(0)
    assert (session.status, session.round, len(session.tuner)) == ("error", 1, 1)
    assert "no chart" in session.error


@pytest.mark.parametrize(("rounds", "status"), [(0, "idle"), (1, "paused"), (4, "paused"), (5, "done")])
def test_a_session_starts_with_the_rounds_of_its_tuner(rounds, status):
    tuner = CountingTuner(Settings(num_subsamples=5))
    tuner.rounds = list(range(rounds))
    session = Session(tuner, on_rounds=lambda: None)
    assert (session.status, session.round) == (status, rounds)


def test_a_paused_run_with_enough_rounds_is_done(session):
    session.step()
    session.tick(0)
    session.configure(replace(session.settings, num_subsamples=1))
    assert session.status == "done"


def test_stop_while_running(session):
    session.step()
    session.tick(0)
    session.start()
    session.stop()
    assert (session.status, session.round) == ("stopped", 1)
    session.start()
    assert (session.status, session.round) == ("running", 0)


def test_step_does_not_pause_a_run(session):
    session.start()
    session.step()
    session.tick(0)
    assert (session.status, session.round) == ("done", 5)


def test_on_halt_is_called_once(session):
    shown = []
    session._on_halt = lambda: shown.append(session.status)
    session.configure(replace(session.settings, alpha=0.1))
    assert shown == [], "nothing has run yet"
    session.start()
    session.pause()
    session.pause()
    assert shown == ["paused"]


def test_run_raises_the_error_of_on_rounds(session):
    def fail():
        raise ValueError("no chart")

    session.step()
    session._on_rounds = fail
    with pytest.raises(ValueError, match="no chart"):
        session.run()


def test_close_cancels_the_timer(session):
    make_session(5).close()
    session.start()
    session.close()
    session._timer.join(1)
    assert (session.status, session._timer.is_alive()) == ("stopped", False)


def test_the_data_are_let_go_of_whenever_a_run_halts(session, monkeypatch):
    let_go = []
    monkeypatch.setattr(CountingTuner, "let_go", lambda self: let_go.append(session.status))
    session.start()
    assert let_go == []
    session.pause()
    session.resume()
    session.stop()
    assert let_go == ["paused", "stopped"]
    session.start()
    session.tick(0)
    assert let_go == ["paused", "stopped", "done"]
