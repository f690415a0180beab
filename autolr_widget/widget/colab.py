"""Permission to load custom widgets in Colab."""

from __future__ import annotations

import sys
from functools import cache
from types import ModuleType


def allow_front_ends() -> None:
    """Let Colab load the front ends of bqplot and anywidget. Outside of Colab, do nothing.

    anywidget enables them itself, but bqplot does not, and the chart must not depend on anywidget being loaded.
    """
    # Colab's kernel imports this module before the first cell. If it is not imported, this is not Colab.
    output = sys.modules.get("google.colab.output")
    if output is not None:
        _enable(output)


@cache
def _enable(output: ModuleType) -> None:
    output.enable_custom_widget_manager()
