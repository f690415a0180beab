"""The chosen learning rate: shown, typed, pinned, and written into the model."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as ipw


class Choice(ipw.HBox):
    """The chosen rate as a number that can be typed, who chose it, and the buttons that act on it.

    Parameters
    ----------
    on_type
        Called with the rate that was typed; a `ValueError` refuses it.
    on_follow, on_refine, on_apply
        Called when their buttons are pressed; ``on_apply`` returns what to say about it.
    """

    def __init__(
        self,
        on_type: Callable[[float], None],
        on_follow: Callable[[], None],
        on_refine: Callable[[], None],
        on_apply: Callable[[], str],
    ) -> None:
        self._number = ipw.Text(
            description="Learning rate",
            continuous_update=False,
            placeholder="none yet",
            style={"description_width": "auto"},
        )
        self._number.add_class("autolr-chosen")
        self._follow = ipw.Button(description="Follow the rule", tooltip="Give up your own choice")
        self._apply = ipw.Button(description="Apply", tooltip="Write this rate into the model's optimizer")
        self._refine = ipw.Button(description="Refine", tooltip="Measure a finer grid around this rate")
        self._says = ipw.Label()
        self._says.add_class("autolr-says")
        super().__init__([self._number, self._apply, self._refine, self._follow, self._says])
        self.layout.flex_flow = "row wrap"
        self.layout.align_items = "center"
        self._number.layout.width = "230px"
        for button in (self._follow, self._refine, self._apply):
            button.layout.width = "auto"
        self._shown = ""
        self._on_type = on_type
        self._number.observe(self._typed, names="value")
        self._follow.on_click(lambda _: on_follow())
        self._refine.on_click(lambda _: on_refine())
        self._apply.on_click(lambda _: self.say(on_apply()))

    def show(self, rate: float | None, pinned: bool, refinable: bool, says: str) -> None:
        """Show ``rate``, and ``says`` about it."""
        self._shown = "" if rate is None else f"{rate:.4g}"
        self._number.value = self._shown
        self._follow.disabled = not pinned
        self._apply.disabled = rate is None
        self._refine.disabled = not refinable
        self.say(says)

    def say(self, text: str) -> None:
        """Show a sentence beside the rate. A `Label` never takes it for markup."""
        self._says.value = text

    def _typed(self, change: dict[str, str]) -> None:
        text = change["new"].strip()
        if text == self._shown:
            return
        try:
            self._on_type(float(text))
        except ValueError:
            self._number.value = self._shown
            self.say("Not a learning rate: type a positive number, such as 0.001 or 1e-3")
