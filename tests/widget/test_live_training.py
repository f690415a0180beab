import threading
import types

import keras
import numpy as np
import pytest
from IPython.core.events import EventManager, available_events

from autolr_widget import TunerWidget
from autolr_widget.engine.live import callback
from autolr_widget.engine.live.look import Look
from autolr_widget.engine.live.retune import Retune
from autolr_widget.widget import hearing, live_training
from autolr_widget.widget.live_training import MOST_DOTS, MOST_MARKS, LiveTraining
from autolr_widget.widget.panel import Panel
from tests.widget.front_end import from_front_end, send


class AtBatch(keras.callbacks.Callback):
    """Does something after some batches, which are counted from 1 through all epochs."""

    def __init__(self, **actions):
        super().__init__()
        self.actions = {int(name.removeprefix("batch")): action for name, action in actions.items()}
        self.count = 0
        self.rates = []

    def on_train_batch_end(self, batch, logs=None):
        self.count += 1
        self.rates.append(float(self.model.optimizer.learning_rate))
        self.actions.get(self.count, lambda: None)()


@pytest.fixture(autouse=True)
def look_at_each_batch(monkeypatch):
    monkeypatch.setattr(callback, "PERIOD", 0.0)


def fit(widget, digits, epochs=2, **actions):
    """Train for 4 batches per epoch, and return what has been seen of each."""
    seen = AtBatch(**actions)
    x, y = digits
    options = {"epochs": epochs, "verbose": 0, "validation_data": (x[:32], y[:32])}
    widget.tuner.model.fit(x[:128], y[:128], callbacks=[seen, widget.callback()], **options)
    return seen


def points(widget):
    return np.frombuffer(widget._panel.training_points, dtype=np.float32).reshape(3, -1)


def dots(widget):
    return np.frombuffer(widget._panel.training_validation, dtype=np.float32).reshape(2, -1)


def state(widget):
    return widget._panel.training.get("state")


def test_before_a_training_there_is_nothing(widget):
    widget.callback()
    assert widget._panel.training == {}
    for type in ("pause_training", "resume_training", "stop_training"):
        send(widget, type=type)
    assert widget._panel.training == {}


def test_the_panel_shows_a_training(widget, digits):
    seen = []
    fit(widget, digits, batch3=lambda: seen.append(widget._panel.training))
    (during,) = seen
    assert (during["state"], during["epoch"], during["epochs"], during["steps"]) == ("training", 1, 2, 8)
    after = widget._panel.training
    assert (after["state"], after["epoch"], after["step"], after["steps"]) == ("ended", 2, 8, 8)
    assert after["rate"] == pytest.approx(0.001)
    assert (after["marks"], after["refusal"]) == ([], "")
    assert after["seconds"] == 0
    steps, losses, rates = points(widget)
    np.testing.assert_array_equal(steps, [0.5, 1.5, 2.5, 4.5, 5.5, 6.5])
    assert (losses > 0).all()
    assert rates == pytest.approx(0.001)
    steps, losses = dots(widget)
    np.testing.assert_array_equal(steps, [4, 8])
    assert (losses > 0).all()


def test_time_left_is_known_while_it_trains(widget, digits):
    seen = []
    fit(
        widget,
        digits,
        batch1=lambda: seen.append(widget._panel.training),
        batch6=lambda: seen.append(widget._panel.training),
    )
    assert seen[0]["seconds"] is None
    assert seen[1]["seconds"] > 0


@pytest.mark.parametrize("by", ["the front end", "python", "apply"])
def test_a_rate_of_the_user_is_set_from_the_next_batch_on(widget, digits, by):
    def steer():
        if by == "the front end":
            from_front_end(widget, selected_lr=0.5, pinned=True)
        elif by == "python":
            widget.selected_lr = 0.5
        else:
            send(widget, type="apply")

    if by == "apply":
        widget.selected_lr = 0.5
    seen = fit(widget, digits, batch3=steer)
    assert seen.rates == pytest.approx([0.001] * 3 + [0.5] * 5)
    assert widget._panel.training["marks"] == [(3, 0.5)]
    assert widget._panel.training["rate"] == pytest.approx(0.5)


def test_a_rate_that_was_pinned_before_is_not_set(widget, digits):
    widget.selected_lr = 0.5
    assert fit(widget, digits).rates == pytest.approx([0.001] * 8)
    widget.selected_lr = 0.25
    assert fit(widget, digits).rates == pytest.approx([0.001] * 8), "the training was over"


def test_a_rate_that_the_rule_chose_is_not_set(widget, digits):
    widget.run()
    of_rule, own = widget.selected_lr, 0.123
    # The message that pins a rate names the pin first, when the rate is still the rule's.
    tried = []
    widget._live_training.steer, steer = (lambda rate: (tried.append(rate), steer(rate))), widget._live_training.steer
    seen = fit(
        widget,
        digits,
        batch2=lambda: from_front_end(widget, selected_lr=own, pinned=True),
        batch4=lambda: send(widget, type="use_rule"),
    )
    assert widget.selected_lr == of_rule != own
    assert set(tried) == {own}
    assert seen.rates == pytest.approx([0.001] * 2 + [own] * 6)


def test_the_rule_s_rate_is_set_when_the_user_pins_it(widget, digits):
    widget.run()
    rate = widget.selected_lr
    seen = fit(widget, digits, batch2=lambda: from_front_end(widget, selected_lr=rate, pinned=True))
    assert seen.rates == pytest.approx([0.001] * 2 + [rate] * 6)


def test_marks_are_few(widget, digits):
    rates = iter(np.geomspace(1e-4, 1e-2, 50).tolist())

    def steer():
        widget.selected_lr = next(rates)

    fit(widget, digits, epochs=10, **{f"batch{i}": steer for i in range(1, 40)})
    marks = widget._panel.training["marks"]
    assert len(marks) == MOST_MARKS
    assert marks[-1] == (39, widget.selected_lr)


def test_a_schedule_goes_on_from_the_rate_of_the_user(make_model, digits):
    schedule = keras.optimizers.schedules.ExponentialDecay(0.5, 1, 0.5)
    widget = TunerWidget(make_model(keras.optimizers.SGD(schedule)), *digits)

    def steer():
        widget.selected_lr = 0.25

    seen = fit(widget, digits, epochs=1, batch2=steer)
    assert seen.rates == pytest.approx([0.25, 0.125, 0.125, 0.0625])
    assert widget._panel.training["refusal"] == ""
    assert widget._panel.training["marks"] == [(2, 0.25)]


def test_a_function_cannot_be_steered_and_the_panel_says_why(make_model, digits):
    widget = TunerWidget(make_model(keras.optimizers.SGD(lambda: 0.25)), *digits)

    def steer():
        widget.selected_lr = 0.1

    seen = fit(widget, digits, epochs=1, batch2=steer)
    assert seen.rates == pytest.approx([0.25] * 4)
    assert "function" in widget._panel.training["refusal"]
    assert widget._panel.training["marks"] == []


def test_a_rate_that_the_optimizer_cannot_hold_is_refused(widget, digits):
    seen = fit(widget, digits, batch2=lambda: setattr(widget, "selected_lr", 1e-50))
    assert seen.rates == pytest.approx([0.001] * 8)
    assert "can't hold" in widget._panel.training["refusal"]


def test_stop_ends_the_training_after_the_batch(widget, digits):
    seen = []

    def stop():
        send(widget, type="stop_training")
        seen.append(state(widget))

    assert fit(widget, digits, batch3=stop).count == 3
    assert seen == ["stopping"]
    assert state(widget) == "stopped"


def test_pause_holds_the_training_until_it_is_resumed(widget, digits):
    messages = threading.Timer(0.2, lambda: send(widget, type="resume_training"))
    states = []

    def pause():
        send(widget, type="pause_training")
        messages.start()
        states.append(state(widget))

    widget._panel.observe(lambda change: states.append(change["new"]["state"]), names="training")
    assert fit(widget, digits, batch3=pause).count == 8
    messages.join()
    assert "paused" in states
    assert states[-1] == "ended"


@pytest.fixture
def shell(monkeypatch):
    """What the cells of a kernel have, without one."""
    shell = types.SimpleNamespace(kernel=object())
    shell.events = EventManager(shell, available_events)
    for module in (hearing, live_training):
        monkeypatch.setattr(module, "get_ipython", lambda: shell)
    return shell


def test_an_interrupt_during_a_pause_ends_the_training(widget, digits, shell, monkeypatch):
    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(callback.time, "sleep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fit(widget, digits, batch3=lambda: send(widget, type="pause_training"))
    other = threading.Thread(target=shell.events.trigger, args=("post_run_cell", None))
    other.start()
    other.join()
    assert state(widget) == "paused", "only the cell of a subshell has ended"
    shell.events.trigger("post_run_cell", None)
    assert state(widget) == "stopped"
    assert shell.events.callbacks["post_run_cell"] == []
    fit(widget, digits)
    assert state(widget) == "ended"
    shell.events.trigger("post_run_cell", None)
    assert state(widget) == "ended"


def test_a_training_after_one_that_an_error_ended_begins_anew(widget, digits):
    def fail():
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        fit(widget, digits, batch3=fail)
    fit(widget, digits)
    assert state(widget) == "ended"
    assert points(widget).shape == (3, 6)


def test_validation_losses_are_few(widget):
    watcher = widget._live_training
    watcher.began(1000, 1, 0.1)
    for epoch in range(1000):
        watcher.epoch_began(epoch)
        watcher.batch_ended(0, 1.0)
        watcher.epoch_ended(epoch, 0.4, 0.5)
    watcher.ended()
    steps, _ = dots(widget)
    assert 100 < len(steps) <= MOST_DOTS
    assert steps.max() == 1000, "the last is kept"
    assert points(widget).shape[1] <= 300


def test_the_number_of_steps_is_known_from_the_first_epoch_on(widget):
    watcher = widget._live_training
    watcher.began(3, None, 0.1)
    watcher.epoch_began(0)
    for batch in range(5):
        watcher.batch_ended(batch, 1.0)
    watcher.looked(0.1)
    assert widget._panel.training["steps"] is None
    watcher.epoch_ended(0, None, None)
    watcher.epoch_began(1)
    watcher.looked(0.1)
    assert (widget._panel.training["step"], widget._panel.training["steps"]) == (5, 15)
    watcher.ended()


@pytest.mark.parametrize("old", [False, True])
def test_messages_are_polled_for_only_where_the_kernel_cannot_hear(shell, monkeypatch, old):
    polls = []

    class Polling:
        def __enter__(self):
            return polls.append

        def __exit__(self, *_):
            pass

    monkeypatch.setattr(hearing, "ui_events", Polling)
    if old:
        shell.kernel = types.SimpleNamespace(do_one_iteration=None)
    hearing.hear()
    assert polls == [hearing.MOST] * old
    polls.clear()
    other = threading.Thread(target=hearing.hear)
    other.start()
    other.join()
    assert polls == []


def test_without_a_kernel_a_terminal_shows_a_progress_bar(widget, digits, monkeypatch):
    bars = []

    class Bar:
        def __init__(self, **options):
            self.options, self.n, self.closed = options, 0, False
            bars.append(self)

        def refresh(self):
            pass

        def close(self):
            self.closed = True

    monkeypatch.setattr(live_training, "tqdm", Bar)
    fit(widget, digits)
    (bar,) = bars
    assert bar.options == {"total": 8, "unit": "step", "disable": None}
    assert (bar.n, bar.closed) == (8, True)


@pytest.mark.parametrize("shown", [True, False])
def test_a_terminal_says_what_a_look_did(widget, monkeypatch, shown):
    written = []
    bar = types.SimpleNamespace(disable=not shown, write=written.append, refresh=lambda: None, close=lambda: None)
    monkeypatch.setattr(live_training, "tqdm", lambda **options: bar)
    live = widget._live_training
    live.began(2, 10, 0.1)
    live.look_began()
    live.look_ended(Look(0, 0, 0.1, None, None, None, False, "Kept 0.1.", 0), None)
    live.ended()
    assert written == ["Kept 0.1."] * shown


def retune(widget, digits, epochs=16, when="plateau", **actions):
    """Train for 48 batches per epoch, so that there may be looks, and return what has been seen of each batch."""
    seen = AtBatch(**actions)
    x, y = digits
    callbacks = [seen, widget.callback(retune=when)]
    widget.tuner.model.fit(x[:768], y[:768], batch_size=16, epochs=epochs, verbose=0, callbacks=callbacks)
    return seen


@pytest.mark.trains
def test_a_training_that_looks_again_shows_its_looks_and_keeps_a_record(widget, digits, tmp_path):
    widget.run()
    widget.pin_run()
    widget.tuner.tuned_optimizer.learning_rate = 1e-6
    states, watched = [], []
    widget._panel.observe(lambda change: states.append(change["new"]["state"]), names="training")
    seen = retune(widget, digits, batch1=lambda: watched.append(widget._panel.training))
    assert "looking" in states
    first, *later = widget.looks
    assert first.adopted
    assert seen.rates[0] == pytest.approx(first.proposed, rel=1e-5)
    # What the panel showed after the first look.
    (shown,) = watched
    assert shown["look"] == first.words
    assert shown["marks"] == [(0, first.proposed)]
    assert shown["state"] == "training"
    assert later, "it looked again"
    assert widget._panel.training["look"] == later[-1].words
    # The pinned curve stays, and that of the last look replaces that of the first.
    assert [pin["letter"] for pin in widget._panel.pins] == ["A", "B"]
    assert widget._panel.pins[1]["words"].startswith(f"look after {later[-1].epoch} epochs")
    # The record is saved with the run.
    widget.save(tmp_path / "run.json")
    assert TunerWidget.load(tmp_path / "run.json").looks == widget.looks
    widget.reset()
    widget.run()
    assert widget.looks[0] == first, "another run keeps the record"


@pytest.mark.trains
def test_a_named_curve_of_a_look_stays(widget, digits):
    def name():
        send(widget, type="name_run", letter="A", name="at first")

    retune(widget, digits, batch1=name)
    assert [pin["name"] for pin in widget._panel.pins] == ["at first", ""]


@pytest.mark.trains
def test_a_run_pauses_while_a_training_looks_again(widget, digits):
    measured, found = Retune._measured, []

    def and_run(*arguments):
        turn = widget._session.turn
        widget.start()
        widget._session.tick(turn)
        found.append((widget._session.turn - turn, len(widget.tuner)))
        return measured(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Retune, "_measured", and_run)
        retune(widget, digits, epochs=11)
    widget.stop()
    assert found == [(0, 0)]


def test_a_look_does_not_count_as_time_of_the_training(widget, monkeypatch):
    live = widget._live_training
    now = [0.0]
    monkeypatch.setattr(live_training.time, "monotonic", lambda: now[0])
    live.began(2, 10, 0.1)
    live.epoch_began(0)
    for batch in range(5):
        live.batch_ended(batch, 1.0)
        now[0] += 1
    live.look_began()
    now[0] += 1000
    live.looked(0.1)
    live.look_ended(Look(0, 5, 0.1, None, None, None, False, "Kept.", 0), None)
    live.looked(0.1)
    assert widget._panel.training["seconds"] == pytest.approx(5 / 4 * 15)
    live.ended()


@pytest.mark.parametrize("when", ["Plateau", 0, True])
def test_what_can_not_be_a_time_to_look_again(widget, when):
    with pytest.raises(ValueError, match="Argument `retune` must be"):
        widget.callback(retune=when)


def test_a_saved_run_without_a_model_can_not_look_again(widget, tmp_path):
    widget.run()
    widget.save(tmp_path / "run.json")
    loaded = TunerWidget.load(tmp_path / "run.json")
    with pytest.raises(ValueError, match="model"):
        loaded.callback(retune="plateau")
    assert loaded.callback() is not None, "it can show a training without looking again"


def test_a_log_that_fails_does_not_end_the_training():
    def fail(numbers):
        raise ConnectionError("no answer")

    watcher = LiveTraining(Panel(), on_epoch=fail)
    watcher.began(2, 10, 0.1)
    watcher.epoch_began(0)
    watcher.epoch_ended(0, 0.4, None)
    watcher.ended()
    assert watcher._panel.training["refusal"] == "ConnectionError: no answer"
