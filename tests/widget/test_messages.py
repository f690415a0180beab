"""For any message of a front end, only known commands run and only valid values are accepted."""

import contextlib
import threading
from dataclasses import fields

import pytest
import traitlets
from hypothesis import given, settings
from hypothesis import strategies as st

from autolr_widget import TunerWidget
from autolr_widget.engine.settings import Settings
from autolr_widget.widget.panel import Panel
from autolr_widget.widget.session import STATUSES
from tests.widget.front_end import send

pytestmark = pytest.mark.trains


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just(10**400) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
SYNCED = sorted(name for name in Panel.class_traits(sync=True) if not name.startswith("_") and name != "layout")


def make():
    import keras
    import numpy as np

    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    tuner = TunerWidget(model, np.ones((80, 3)), np.zeros(80), num_evals=4, num_subsamples=3, horizon=2, batch_size=8)
    tuner.run()
    tuner.pin_run()
    return tuner


def messages(widget):
    """Commands with any arguments, extra fields or values, and any other JSON."""
    table = {name: command.fields for name, command in widget._commands.items()}
    command = st.sampled_from(sorted(table)).flatmap(
        lambda name: st.fixed_dictionaries({"type": st.just(name), **dict.fromkeys(table[name], JSON)})
    )
    return (
        JSON
        | command
        | st.builds(lambda command, more: {**command, **more}, command, st.dictionaries(st.text(), JSON, max_size=2))
        | st.builds(
            lambda command, values: {**command, "values": values}, command, JSON | st.dictionaries(st.text(), JSON)
        )
    )


def check(widget):
    assert widget.status in STATUSES
    assert len(widget.results) == widget.round
    Settings(**{field.name: getattr(widget, field.name) for field in fields(Settings)})
    assert widget.selected_lr is None or widget.selected_lr > 0


def test_any_message_leaves_a_valid_state():
    widget = make()

    @given(messages(widget))
    @settings(max_examples=300)
    def receive(message):
        widget._on_message(None, message, [])
        check(widget)

    receive()


def test_any_value_of_any_trait_leaves_a_valid_state():
    widget = make()

    @given(st.dictionaries(st.sampled_from(SYNCED), JSON, min_size=1, max_size=3))
    @settings(max_examples=300)
    def receive(state):
        # Traits refuse values of a wrong type and integers too large for a float; ipywidgets logs the error.
        with contextlib.suppress(traitlets.TraitError, OverflowError):
            widget._panel.set_state(state)
        check(widget)

    receive()


def test_a_repeated_tick_does_not_run_a_round_twice():
    widget = make()
    widget.reset()
    widget.start()
    before = widget._panel.turn
    for seen in (before + 1, 10**30, -1):
        widget._on_message(None, {"type": "tick", "turn": seen}, [])
    assert (widget._panel.turn, widget.round) == (before, 0)
    while widget.status == "running":
        turn = widget._panel.turn
        for _ in range(3):
            widget._on_message(None, {"type": "tick", "turn": turn}, [])
        assert widget._panel.turn == turn + 1
    assert [round.index for round in widget.tuner.rounds] == [0, 1, 2]


def test_a_command_sets_the_values_that_come_with_it():
    """While the kernel is busy, ipywidgets holds back the values of a front end but not its messages."""
    widget = make()
    values = {"selected_lr": 0.25, "pinned": True, "batch_size": 16, "status": "running", "num_evals": "x"}
    widget._on_message(None, {"type": "apply", "values": values}, [])
    assert float(widget.tuner.model.optimizer.learning_rate) == pytest.approx(0.25)
    assert (widget.selected_lr, widget.pinned, widget.batch_size, widget.status) == (0.25, True, 16, "done")
    assert widget.num_evals == 4
    widget._on_message(None, {"type": "start", "values": {"batch_size": 4}}, [])
    # The values that were held back arrive later and change nothing.
    widget._panel.set_state({"batch_size": 4})
    assert (widget.status, widget.tuner.settings.batch_size, widget._panel.stale) == ("running", 4, False)


def test_a_command_waits_for_its_values_if_another_thread_takes_them_over(widget, monkeypatch):
    configure, arrived, go = widget._session.configure, threading.Event(), threading.Event()

    def slow(settings):
        arrived.set()
        go.wait(10)
        configure(settings)

    monkeypatch.setattr(widget._session, "configure", slow)
    values = threading.Thread(target=widget._panel.set_state, args=[{"batch_size": 16}])
    values.start()
    arrived.wait(10)
    command = threading.Thread(target=send, args=[widget], kwargs={"type": "start", "values": {"batch_size": 16}})
    command.start()
    command.join(0.3)
    assert widget.status == "idle"
    go.set()
    for thread in (values, command):
        thread.join(10)
    assert (widget.status, widget.tuner.settings.batch_size, widget._panel.stale) == ("running", 16, False)
    widget.stop()
