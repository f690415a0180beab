"""The settings as keyword arguments of a constructor."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, TypeVar

from autolr_widget.engine.settings import DEFAULTS, Settings, parameters

#: The two settings that are passed as one argument, ``lr_space``.
ENDS = ("lr_min", "lr_max")
ARGUMENTS = {"lr_space": tuple(DEFAULTS[end] for end in ENDS)} | {
    name: default for name, default in DEFAULTS.items() if name not in ENDS
}

T = TypeVar("T")


def takes_settings(cls: type[T]) -> type[T]:
    """Put every setting into the signature and the docstring of a class whose ``__init__`` takes ``**settings``.

    Then `help` and Shift-Tab in Jupyter list all arguments with their defaults, although only `Settings` defines them.
    """
    init = cls.__init__
    signature = inspect.signature(init)
    shown = []
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            shown += [inspect.Parameter(n, parameter.KEYWORD_ONLY, default=value) for n, value in ARGUMENTS.items()]
        else:
            shown.append(parameter)
    # The settings take the place of ``**settings``. Keyword-only parameters may be in any order.
    init.__signature__ = signature.replace(parameters=shown)  # type: ignore[attr-defined]  # functions take attributes
    lr_space = "    lr_space\n        The two ends of the grid, ``(lr_min, lr_max)``."
    cls.__doc__ = (cls.__doc__ or "").replace("    **settings", f"{lr_space}\n{parameters(*ENDS)}")
    return cls


def settings_from(arguments: Mapping[str, Any]) -> Settings:
    """Return the settings for these keyword arguments. Settings that are not among them get their defaults.

    Raises
    ------
    TypeError
        If an argument does not exist.
    ValueError
        If a value can't be used. The message names the argument.
    """
    values = dict(arguments)
    for name in values:
        if name not in ARGUMENTS:
            raise TypeError(f"unexpected keyword argument {name!r}. The settings are {', '.join(ARGUMENTS)}.")
    if "lr_space" in values:
        values.update(zip(ENDS, lr_space_ends(values.pop("lr_space")), strict=True))
    return Settings(**values)


def lr_space_ends(lr_space: Any) -> tuple[Any, Any]:
    """Return the two ends of ``lr_space``. Raise a `ValueError` if it is not a pair."""
    try:
        lr_min, lr_max = lr_space
    except (TypeError, ValueError):
        raise ValueError(
            f"Argument `lr_space` must be a pair (lr_min, lr_max). Received: lr_space={lr_space!r}"
        ) from None
    return lr_min, lr_max
