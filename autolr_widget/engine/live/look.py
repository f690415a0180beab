"""What the tuner found when it looked again during a training."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from autolr_widget.engine.strict_json import fields, of_type


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


_TYPES: dict[Any, tuple[type, ...]] = {
    "int": (int,),
    "float": (int, float),
    "float | None": (int, float, type(None)),
    "bool": (bool,),
    "str": (str,),
}


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
    types = {field.name: _TYPES[field.type] for field in dataclasses.fields(Look)}
    written = [fields("look", each, types) for each in of_type("looks", content, list)]
    return tuple(Look(**{name: of_type(name, each[name], *types[name]) for name in types}) for each in written)
