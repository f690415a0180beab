from dataclasses import replace

import keras
import pytest

from autolr_widget import LRTuner
from autolr_widget.widget import export
from autolr_widget.widget.commands import Command, at_field, parse
from autolr_widget.widget.snapshot import Snapshot
from tests.widget.front_end import from_front_end, one_round, send, tick


def fail(error):
    raise error


COMMANDS = {"tick": Command(lambda turn: None, {"turn": int}), "start": Command(lambda: None)}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"type": "tick", "turn": 3}, (COMMANDS["tick"], {"turn": 3}, {})),
        ({"type": "start", "values": {"seed": 7}}, (COMMANDS["start"], {}, {"seed": 7})),
        ({"type": "start", "values": [1]}, None),
        ({"type": "tick", "turn": True}, None),
        ({"type": "tick", "turn": "3"}, None),
        ({"type": "tick"}, None),
        ({"type": "tick", "turn": 3, "x": 1}, None),
        ({"type": "stop"}, None),
        ({"type": ["start"]}, None),
        (["tick", 3], None),
        (None, None),
    ],
)
def test_parse_accepts_known_commands_with_arguments_of_their_types(content, expected):
    assert parse(content, COMMANDS) == expected


@pytest.mark.parametrize(
    "content",
    [None, 3, "tick", [], {}, {"type": "tick"}, {"type": "tick", "turn": None}, {"type": "tick", "turn": 10**30},
     {"type": "download"}, {"type": "download", "format": 3}, {"type": "unpin_run", "index": "0"}, {"type": "choose"},
     {"type": "__init__"}, {"type": "close"}, {"type": "start", "round": 1}, {"type": ["start"]}, {"type": "run"}],
)  # fmt: skip
def test_unknown_messages_are_ignored(widget, content):
    widget._on_message(None, content, [])
    assert (widget.status, widget.round) == ("idle", 0)


def test_messages_of_the_buttons(widget):
    send(widget, type="start")
    assert widget.status == "running"
    send(widget, type="pause")
    assert widget.status == "paused"
    send(widget, type="step")
    while widget.status == "running":
        tick(widget)
    assert (widget.status, widget.round) == ("paused", 1)
    send(widget, type="reset")
    assert (widget.status, widget.round) == ("idle", 0)


ARGUMENTS = {
    "tick": {"turn": 0},
    "unpin_run": {"index": 0},
    "name_run": {"letter": "A", "name": "x"},
    "forget_refusal": {"name": "horizon"},
    "download": {"format": "json"},
}


def test_the_error_of_every_command_is_shown(widget):
    for name, command in widget._commands.items():
        arguments = ARGUMENTS.get(name, {})
        widget._commands[name] = replace(command, call=lambda error=name, **_: fail(RuntimeError(error)))
        send(widget, type=name, **arguments)
        assert widget._panel.notice == f"RuntimeError: {name}"


def test_apply_and_undo_show_any_error(widget, monkeypatch):
    widget.selected_lr = 0.1
    send(widget, type="apply")
    with monkeypatch.context() as broken:
        stubborn = property(lambda _: 0.2, lambda *_: fail(RuntimeError("not now")))
        broken.setattr(keras.optimizers.Adam, "learning_rate", stubborn)
        for name in ("apply", "undo"):
            send(widget, type=name)
            assert widget._panel.notice == "RuntimeError: not now"
    # The rate that failed to come back can be brought back later.
    assert widget._panel.undoable
    assert widget.undo() == pytest.approx(0.001)


def test_refine_shows_any_error(widget, monkeypatch):
    widget.run()
    monkeypatch.setattr(LRTuner, "renewed", lambda *_: fail(OSError("the data are gone")))
    send(widget, type="refine")
    assert widget._panel.notice == "OSError: the data are gone"


def test_a_picture_that_cannot_be_drawn_is_told_of(widget, monkeypatch):
    monkeypatch.setattr(export, "picture", lambda *_: fail(ImportError("No module named matplotlib")))
    send(widget, type="download", format="png")
    assert widget._panel.refusals == {"download": {"words": "ImportError: No module named matplotlib"}}
    send(widget, type="download", format="csv")
    assert widget._panel.refusals == {}


def test_an_error_at_the_end_of_a_turn_is_shown(widget, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr(Snapshot, "update", lambda *_: fail(OSError("no space left")))
        one_round(widget)
    assert widget._panel.notice == "OSError: no space left"


@pytest.mark.parametrize(
    ("name", "value"), [("horizon", 3), ("view", [1e-3, 1.0]), ("probed", 0), ("stage", 2), ("pinned", True)]
)
def test_the_error_of_an_observer_of_what_the_front_end_sets_is_shown(widget, name, value):
    widget._panel.observe(lambda _: fail(RuntimeError("seen")), names=name)
    from_front_end(widget, **{name: value})
    assert widget._panel.notice == "RuntimeError: seen"


def test_the_error_of_an_observer_of_a_setting_gives_the_front_end_the_former_value(widget, monkeypatch):
    monkeypatch.setattr(widget._session, "configure", lambda _: fail(RuntimeError("not now")))
    send(widget, type="use_rule", values={"horizon": 3})
    assert widget._panel.horizon == widget.horizon


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            "Argument `num_evals` must be at most 10,000. Received: num_evals=1000000",
            "Rates must be at most 10,000.",
        ),
        (
            'Argument `lr_min` must be positive. Received: lr_min=0.0. Use a rate such as 1e-6, or scale="linear".',
            "Smallest rate must be positive. Use a rate such as 1e-6, or Spacing “linear”.",
        ),
        (
            "Argument `horizon` must be whole, such as horizon=60, because of `steps`. Received: horizon=55",
            "Steps must be whole, such as 60, because of `steps`.",
        ),
        (
            'Argument `batch_size` must be at most half with evaluate_on="held-out". Received: batch_size=9, len(x)=9',
            "Batch size must be at most half with Loss on “a batch that no step sees”.",
        ),
    ],
)
def test_an_error_at_a_field_is_in_the_words_of_the_screen(error, words):
    assert at_field(ValueError(error)) == words
