"""The commands that the front end may send."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Command:
    """What a message calls.

    Parameters
    ----------
    call
        Called with the message's fields; returns the notice to show, or None for none.
    fields
        The names and the exact types of the fields.
    answers
        Whether the notice is shown. A tick shows none and leaves the last one in place.
    """

    call: Callable[..., str | None]
    fields: Mapping[str, type] = field(default_factory=dict)
    answers: bool = True


def parse(content: Any, commands: Mapping[str, Command]) -> tuple[Command, dict[str, Any], dict[str, Any]] | None:
    """The command that a message asks for, its arguments, and the values of traits that it brings.

    A front end can't send values before a command while the kernel is busy, so that they come in its field ``values``.
    Anything may come from a front end: None where it is not one of ``commands``.
    """
    fields = dict(content) if isinstance(content, dict) else {}
    name, values = fields.pop("type", None), fields.pop("values", {})
    command = commands.get(name) if isinstance(name, str) else None
    if command is None or not isinstance(values, dict) or fields.keys() != command.fields.keys():
        return None
    if any(type(fields[name]) is not kind for name, kind in command.fields.items()):
        return None
    return command, fields, values
