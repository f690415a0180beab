"""Colab's leave to load front ends that are not its own."""

from __future__ import annotations

import sys
from functools import cache
from types import ModuleType


def allow_front_ends() -> None:
    """Let Colab load the front ends of bqplot and anywidget. Elsewhere nothing happens.

    anywidget asks for it as well, bqplot does not: the chart must not depend on what stands beside it.
    """
    # Colab's kernel has loaded it before the first cell. Where it is not loaded, this is not Colab.
    output = sys.modules.get("google.colab.output")
    if output is not None:
        _enable(output)


@cache
def _enable(output: ModuleType) -> None:
    output.enable_custom_widget_manager()
