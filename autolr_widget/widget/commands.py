"""The commands that the front end may send."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from traitlets import TraitError

from autolr_widget.engine.settings import SETTINGS


@dataclass(frozen=True)
class Command:
    """A command that the front end can send as a message.

    Parameters
    ----------
    call
        The function to call with the fields of the message. It returns the notice to show, or None.
    fields
        The names and the exact types of the fields.
    answers
        Whether to show the notice. If False, as for a tick, the last notice stays.
    """

    call: Callable[..., str | None]
    fields: Mapping[str, type] = field(default_factory=dict)
    answers: bool = True


def in_words(error: Exception) -> str:
    """Return an error as the screen shows it. The messages of some errors are written for users, and say it all."""
    return str(error) if isinstance(error, ValueError | TraitError) else f"{type(error).__name__}: {error}"


def at_field(error: Exception) -> str:
    """Return an error as it stands at a field: it calls settings what the screen calls them, not as in Python."""
    words = re.sub(r"^Arguments? ", "", re.sub(r"\.? Received: .*?(?=\. |$)", "", in_words(error)))
    words = re.sub(r"such as \w+=", "such as ", words).replace("`selected_lr`", "The learning rate")

    def on_screen(match: re.Match[str]) -> str:
        name, value = match["name"] or match["argument"], match["value"]
        if name not in SETTINGS:
            return match[0]
        setting = SETTINGS[name]
        words = (setting.options or {}).get(value)
        return f"{setting.label} “{words}”" if words else f"{setting.label} {value or ''}".strip()

    words = re.sub(r"`(?P<name>\w+)`|\b(?P<argument>\w+)=\"?(?P<value>[\w-]+)\"?", on_screen, words)
    return words if words.endswith(".") else words + "."


def parse(content: Any, commands: Mapping[str, Command]) -> tuple[Command, dict[str, Any], dict[str, Any]] | None:
    """Return the command that a message names, its arguments, and the values of traits that come with it.

    The values are in the field ``values``. The front end can't set the traits before it sends the command: while the
    kernel is busy, ipywidgets delays changes of traits, but not messages.

    Parameters
    ----------
    content
        The content of the message. It may be anything, because a front end may send anything.
    commands
        The commands by name.

    Returns
    -------
    tuple or None
        None if the message is not one of these commands, or its fields have other names or types.
    """
    fields = dict(content) if isinstance(content, dict) else {}
    name, values = fields.pop("type", None), fields.pop("values", {})
    command = commands.get(name) if isinstance(name, str) else None
    if command is None or not isinstance(values, dict) or fields.keys() != command.fields.keys():
        return None
    if any(type(fields[name]) is not kind for name, kind in command.fields.items()):
        return None
    return command, fields, values
