"""The widgets that must be closed together with a widget.

Closing a box does not close the widgets in it, and ipywidgets keeps every open widget alive.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import ipywidgets as ipw


def owned_widgets(widget: ipw.Widget) -> list[ipw.Widget]:
    """Return all widgets that ``widget`` refers to, directly or through others.

    These are children, layouts, and the marks, axes and scales of a chart.
    """
    found = {id(widget): widget}
    waiting = [widget]
    while waiting:
        one = waiting.pop()
        for name in one.keys:
            for part in _widgets_in(getattr(one, name)):
                if id(part) not in found:
                    found[id(part)] = part
                    waiting.append(part)
    del found[id(widget)]
    return list(found.values())


def _widgets_in(value: Any) -> Iterator[ipw.Widget]:
    if isinstance(value, ipw.Widget):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _widgets_in(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _widgets_in(inner)
