"""The sliders and menus, each tied both ways to a trait of the widget."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ipywidgets as ipw
import traitlets

from autolr_widget.engine.grid import SCALES
from autolr_widget.engine.selection import RULES
from autolr_widget.widget.front_end import LRRange

if TYPE_CHECKING:
    from autolr_widget.widget.tuner_widget import TunerWidget

RULE_NAMES = {
    "mean": "lowest mean",
    "median": "lowest median",
    "variance": "smallest spread (nearly always the smallest rate)",
    "max": "largest that never raised the loss",
    "steady": "steadiest drop",
    "cautious": "lowest mean, divided by 2.5",
    "share": "smallest with 80 % of the best drop",
    "significant": "largest that lowers the loss for sure",
    "steepest": "where the curve falls steepest",
    "valley": "half way down the valley",
    "soft": "middle of the lowest part",
}

BAND_NAMES = {"normal": "normal", "Student's t": "t", "BCa bootstrap": "bootstrap", "to watch (any time)": "anytime"}
SEEN_NAMES = {"the steps' own batches": "own", "all batches of the steps": "same", "a held-out batch": "held-out"}


def grid_controls(widget: TunerWidget) -> ipw.VBox:
    """Ends, spacing and number of the learning rates."""
    ends = LRRange(layout={"width": "auto"})
    _tie(widget, "lr_min", ends, "lr_min")
    _tie(widget, "lr_max", ends, "lr_max")
    spacing = ipw.ToggleButtons(options=SCALES, description="Spacing", style={"button_width": "5em"})
    _tie(widget, "scale", spacing)
    return _group("Learning rates to try", ends, _slider(widget, "num_evals", "Rates", 2, 200), spacing)


def sampling_controls(widget: TunerWidget, num_observations: int | None) -> ipw.VBox:
    """Number, size and seed of the subsamples."""
    seed = ipw.BoundedIntText(min=0, max=2**31 - 1, description="Seed")
    _tie(widget, "seed", seed)
    return _group(
        "Subsamples to measure on",
        _slider(widget, "num_subsamples", "Rounds", 1, 500),
        _slider(widget, "batch_size", "Batch size", 1, min(512, num_observations or 512)),
        _slider(widget, "horizon", "Steps", 1, 100),
        _menu(widget, "evaluate_on", "Loss on", SEEN_NAMES),
        _menu(widget, "sampler", "Measure", {"all rates": "full", "only those that can still win": "racing"}),
        _menu(widget, "stop_rule", "Stop", {"after all rounds": "rounds", "once it is settled": "settled"}),
        seed,
    )


def reading_controls(widget: TunerWidget, axis: ipw.ToggleButtons) -> ipw.VBox:
    """How the measurements are read: the rule, the band's level and the axis. None of them needs a new run."""
    rule = _menu(widget, "method", "Rule", {RULE_NAMES.get(name, name): name for name in RULES})
    alpha = ipw.FloatSlider(min=0.01, max=0.5, step=0.01, description="Band's α")
    _tie(widget, "alpha", alpha)
    kind = _menu(widget, "band", "Band", BAND_NAMES)
    # What no rule can know, said where the rule is chosen.
    limits = ipw.Label(
        "A long training wants a smaller rate than a short one, and no rule knows how long yours will be: "
        "for many epochs go left within the shaded interval."
    )
    limits.add_class("autolr-help")
    return _group("How to read them", rule, kind, alpha, axis, limits)


def _menu(widget: TunerWidget, trait: str, description: str, options: dict[str, str]) -> ipw.Dropdown:
    menu = ipw.Dropdown(options=list(options.items()), description=description)
    _tie(widget, trait, menu)
    return menu


def _slider(widget: TunerWidget, trait: str, description: str, least: int, most: int) -> ipw.IntSlider:
    # Not on every pixel of a drag: the kernel would be told hundreds of times.
    slider = ipw.IntSlider(min=least, max=most, description=description, continuous_update=False)
    _tie(widget, trait, slider)
    return slider


def _tie(widget: TunerWidget, trait: str, control: ipw.Widget, name: str = "value") -> None:
    """Keep a trait and a control's value equal.

    `traitlets.link` won't do: a slider holds what it is given within its ends, and would hand that back to the trait.
    """

    def to_control(_: Any = None) -> None:
        value = getattr(widget, trait)
        if "min" in control.traits() and "max" in control.traits():
            control.min, control.max = min(control.min, value), max(control.max, value)
        setattr(control, name, value)

    def to_trait(change: dict[str, Any]) -> None:
        try:
            setattr(widget, trait, change["new"])
        except (ValueError, traitlets.TraitError):
            to_control()

    to_control()
    widget.observe(to_control, names=trait)
    control.observe(to_trait, names=name)


def _group(title: str, *controls: ipw.Widget) -> ipw.VBox:
    for control in controls:
        control.layout.width = "auto"
        control.layout.margin = "2px 0"
    heading = ipw.Label(title)
    heading.add_class("autolr-heading")
    box = ipw.VBox([heading, *controls], layout={"flex": "1 1 270px", "min_width": "0", "overflow": "visible"})
    box.add_class("autolr-group")
    return box
