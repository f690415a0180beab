"""Saved runs of version 1, in the words of version 2: settings and their values had other names."""

from __future__ import annotations

from typing import Any

#: The old name of a setting, its new name, and the old values that have new ones.
RENAMED: dict[str, tuple[str, dict[str, str]]] = {
    "sampler": ("pruner", {"full": "none"}),
    "evaluate_on": ("evaluate_on", {"own": "progressive", "same": "train"}),
    "method": ("method", {"cautious": "half-minimum"}),
}


def upgrade(settings: Any) -> Any:
    """The ``settings`` of a file of version 1 as version 2 writes them; what is not such settings stays as it is."""
    if not isinstance(settings, dict):
        return settings
    upgraded = {}
    for old, value in settings.items():
        new, values = RENAMED.get(old, (old, {}))
        upgraded[new] = values.get(value, value) if isinstance(value, str) else value
    return upgraded
