"""What the user enters in the fields of the panel."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import traitlets

from autolr_widget.engine.settings import SETTINGS
from autolr_widget.widget.commands import at_field, in_words
from autolr_widget.widget.panel import Panel

#: Traits of the panel without a field that could show a refused value.
NO_FIELD = ("method", "pinned")


class Fields:
    """Takes over what the user enters.

    A value that is refused stays in its field, beside the reason. It is tried again when a setting has changed, because
    it may be valid with that.

    Parameters
    ----------
    panel
        The panel with the fields.
    widget
        Has the same traits, and checks their values.
    """

    def __init__(self, panel: Panel, widget: traitlets.HasTraits) -> None:
        self._panel, self._widget = panel, widget
        panel.observe(self._on_change, names=[*SETTINGS, "selected_lr", "pinned"])

    def refuse(self, name: str, refusal: dict[str, Any] | None = None) -> None:
        """Show at a field why its value was refused, or take the last refusal back."""
        others = {field: words for field, words in self._panel.refusals.items() if field != name}
        self._panel.refusals = others | ({name: refusal} if refusal else {})

    def _on_change(self, change: dict[str, Any]) -> None:
        name, value = change["name"], change["new"]
        if value == getattr(self._widget, name):
            return
        with self._panel.hold_sync():
            try:
                setattr(self._widget, name, value)
                self._panel.notice = ""
                self.refuse(name)
            except Exception as error:
                # If the widget has the value, it is valid, and an observer has raised the error.
                if name in NO_FIELD or getattr(self._widget, name) == value:
                    self._panel.notice = in_words(error)
                else:
                    self.refuse(name, {"value": value, "words": at_field(error)})
                setattr(self._panel, name, getattr(self._widget, name))
            else:
                if name in SETTINGS:
                    self._try_again()

    def _try_again(self) -> None:
        for name, refusal in [*self._panel.refusals.items()]:
            with suppress(Exception):
                if name in SETTINGS:
                    setattr(self._widget, name, refusal["value"])
                    self.refuse(name)
