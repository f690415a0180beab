import pytest

from autolr_widget.widget.commands import Command, parse
from tests.widget.front_end import send, tick

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
