"""What the tuner found when it looked again during a training."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from autolr_widget.engine.strict_json import fields, numbers, of_type


@dataclass(frozen=True)
class Look:
    """What the tuner found when it looked again during a training, and what it did.

    Parameters
    ----------
    epoch, step
        How many epochs and training steps had ended in this training.
    rate
        The learning rate that the training had then.
    proposed
        The rate that was compared with it. None if nothing could be compared.
    gain
        The loss at the end of the path of ``rate``, minus that of ``proposed``. None if these were not compared, or if
        the path of ``rate`` diverged.
    uncertainty
        A gain that is not larger than this may be chance. None if ``gain`` is.
    adopted
        Whether the training went on with ``proposed``.
    words
        What was done, and why.
    gradients
        How many training steps the look took, at all rates together.
    """

    epoch: int
    step: int
    rate: float
    proposed: float | None
    gain: float | None
    uncertainty: float | None
    adopted: bool
    words: str
    gradients: int


_TYPES: dict[Any, type] = {"int": int, "bool": bool, "str": str}


def content_of(looks: tuple[Look, ...]) -> list[dict[str, Any]]:
    """Return looks in a form that can be written as JSON."""
    return [dataclasses.asdict(look) for look in looks]


def looks_of(content: Any) -> tuple[Look, ...]:
    """Return the looks that `content_of` was called with.

    Raises
    ------
    ValueError
        If ``content`` is not of this form.
    """
    return tuple(_look(each) for each in of_type("looks", content, list))


def _look(content: Any) -> Look:
    types = {field.name: field.type for field in dataclasses.fields(Look)}
    written = fields("look", content, types)

    def value(name: str) -> Any:
        if types[name] in _TYPES:
            return of_type(name, written[name], _TYPES[types[name]])
        if types[name] == "float | None" and written[name] is None:
            return None
        return float(numbers(name, [written[name]])[0])

    return Look(**{name: value(name) for name in types})
