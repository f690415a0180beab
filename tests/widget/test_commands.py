import pytest

from autolr_widget.widget.commands import Command, parse

COMMANDS = {"tick": Command(lambda round: None, {"round": int}), "start": Command(lambda: None)}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"type": "tick", "round": 3}, (COMMANDS["tick"], {"round": 3}, {})),
        ({"type": "start", "values": {"seed": 7}}, (COMMANDS["start"], {}, {"seed": 7})),
        ({"type": "start", "values": [1]}, None),
        ({"type": "tick", "round": True}, None),
        ({"type": "tick", "round": "3"}, None),
        ({"type": "tick"}, None),
        ({"type": "tick", "round": 3, "x": 1}, None),
        ({"type": "stop"}, None),
        ({"type": ["start"]}, None),
        (["tick", 3], None),
        (None, None),
    ],
)
def test_only_commands_of_the_table_with_arguments_of_their_types_are_taken(content, expected):
    assert parse(content, COMMANDS) == expected
