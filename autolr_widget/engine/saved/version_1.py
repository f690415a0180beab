"""Conversion of saved runs of version 1, in which some settings and their values had other names."""

from __future__ import annotations

from typing import Any

#: For each setting with a new name or new values: the old name, the new name, and a dict from old to new values.
RENAMED: dict[str, tuple[str, dict[str, str]]] = {
    "sampler": ("pruner", {"full": "none"}),
    "evaluate_on": ("evaluate_on", {"own": "progressive", "same": "train"}),
    "method": ("method", {"cautious": "half-minimum"}),
}


def upgrade(settings: Any) -> Any:
    """Convert the ``settings`` of a file of version 1 to those of version 2. Return anything else unchanged."""
    if not isinstance(settings, dict):
        return settings
    upgraded = {}
    for old, value in settings.items():
        new, values = RENAMED.get(old, (old, {}))
        upgraded[new] = values.get(value, value) if isinstance(value, str) else value
    return upgraded
