"""The settings as traits of a widget, and as the list from which the front end builds its controls."""

from __future__ import annotations

from typing import Any

import traitlets

from autolr_widget.engine.settings import DEFAULTS, SETTINGS

_TYPES = {"rate": traitlets.Float, "number": traitlets.Float, "integer": traitlets.Int}


def setting_traits(sync: bool = False) -> dict[str, traitlets.TraitType[Any, Any]]:
    """Return a trait for each setting, with its name and its default. Update the namespace of a class body with them.

    ``sync`` tells whether the traits are synchronized with the front end.
    """
    found = {}
    for name, setting in SETTINGS.items():
        trait = _TYPES.get(setting.kind, traitlets.Unicode)(DEFAULTS[name], help=setting.help)
        found[name] = trait.tag(sync=True) if sync else trait
    return found


def setting_controls(without: str = "") -> list[dict[str, Any]]:
    """Return what the front end needs to know about each setting, in order.

    ``without`` is a value of a choice that can't be chosen in this run.
    """
    return [
        {
            "name": name,
            "label": setting.label,
            "help": setting.help,
            "group": setting.group,
            "kind": setting.kind,
            "options": setting.options and {v: words for v, words in setting.options.items() if v != without},
            "least": setting.least,
            "most": setting.slider,
            "step": setting.step or (1 if setting.kind == "integer" else None),
            "measures": setting.measures,
        }
        for name, setting in SETTINGS.items()
    ]
