"""The settings of a run. Their names, documentation, defaults and checks are defined only here."""

from __future__ import annotations

import math
import operator
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from autolr_widget.engine.grid import SCALES
from autolr_widget.engine.reading.selection import RULE_WORDS, RULES

#: The largest numbers of rates and of rounds. They are larger than anyone needs, and keep a typing error from taking
#: all memory.
MOST_RATES, MOST_ROUNDS = 10_000, 1_000_000
#: The largest number of observations in a round, for the same reason.
MOST_OBSERVATIONS = 10_000_000


#: The number of batches of the validation data on which a round measures its losses.
VALIDATION_BATCHES = 8


#: Both ends of the grid share one control on the screen.
ENDS_HELP = "The ends of the grid: start with a wide grid, then narrow it around the dip."


@dataclass(frozen=True, kw_only=True)
class Setting:
    """The description of one field of `Settings`.

    Parameters
    ----------
    kind
        ``"rate"``, ``"integer"``, ``"number"``, ``"choice"`` or ``"rule"``.
    group
        The group of controls on the screen: ``"grid"``, ``"sampling"`` or ``"more"``.
    label, help
        The name on the screen, and a sentence or two that explain the setting.
    details
        What the reference adds to ``help``.
    words
        The accepted values of a choice, and what the screen calls them.
    least, most
        The smallest and the largest accepted value. None if there is no such limit.
    slider, step
        The upper end of the slider and its step. A larger value extends the slider. None if there is no slider.
    measures
        Whether a change of the setting requires new rounds. If not, the setting only affects how the rounds are read,
        or when the run stops.
    """

    kind: str
    group: str
    label: str
    help: str
    details: str = ""
    words: Mapping[str, str] | None = None
    least: float | None = None
    most: float | None = None
    slider: float | None = None
    step: float | None = None
    measures: bool = True

    @property
    def options(self) -> dict[str, str] | None:
        """The accepted values and what the screen calls them. None if every number within the limits is accepted."""
        if self.kind == "rule":
            # This is read each time, because users may add rules of their own.
            return {name: RULE_WORDS.get(name, name) for name in RULES}
        return None if self.words is None else dict(self.words)

    def check(self, name: str, value: Any) -> Any:
        """Return ``value`` as a plain Python value. Raise a `ValueError` that names the argument if it is invalid."""
        options = self.options
        if options is not None:
            if value not in tuple(options):
                raise ValueError(f"Argument `{name}` must be one of {tuple(options)}. Received: {name}={value!r}")
            return value
        number = _integer(name, value, int(self.least or 0)) if self.kind == "integer" else _finite(name, value)
        if self.most is not None and number > self.most:
            raise ValueError(f"Argument `{name}` must be at most {self.most:,}. Received: {name}={value}")
        return number


def _setting(default: Any, kind: str, group: str, label: str, help: str, **more: Any) -> Any:
    setting = Setting(kind=kind, group=group, label=label, help=help, **more)
    return field(default=default, metadata={"setting": setting})


@dataclass(frozen=True)
class Settings:
    """The settings of a run.

    Parameters
    ----------
    **settings

    Raises
    ------
    ValueError
        If a value is out of range or has a wrong type. The message names the argument.
    """

    lr_min: float = _setting(1e-4, "rate", "grid", "Smallest rate", ENDS_HELP)
    lr_max: float = _setting(10.0, "rate", "grid", "Largest rate", ENDS_HELP)
    scale: str = _setting(
        "log",
        "choice",
        "grid",
        "Spacing",
        "Log suits most optimizers: their useful rates span decades.",
        words={scale: scale for scale in SCALES},
    )
    num_evals: int = _setting(
        9, "integer", "grid", "Rates", "More rates: a finer curve, but slower.", least=2, most=MOST_RATES, slider=200
    )
    num_subsamples: int = _setting(
        2,
        "integer",
        "sampling",
        "Rounds",
        "Two choose as well as ten. More rounds: a narrower band. You can change this at any time.",
        least=1,
        most=MOST_ROUNDS,
        slider=500,
        measures=False,
    )
    batch_size: int = _setting(
        32,
        "integer",
        "sampling",
        "Batch size",
        "Use the batch size of your training: a larger batch often needs a larger rate.",
        least=1,
        slider=512,
    )
    horizon: int = _setting(
        55,
        "integer",
        "sampling",
        "Steps",
        "Training steps at each rate, each on a new batch. Few steps favor rates that are too large. After a run, "
        "fewer steps read it again, and more steps continue it.",
        details="A horizon of 1 is autolrtuner's own algorithm. With gradient accumulation, the default is rounded up "
        "to whole updates of the weights.",
        least=1,
        slider=100,
    )
    evaluate_on: str = _setting(
        "progressive",
        "choice",
        "more",
        "Loss on",
        "The batches on which the losses before and after the steps are measured.",
        details="Progressive validation (Blum, Kalai & Langford 1999) takes the loss of each batch before the step on "
        "it, over the second half of the steps; with a horizon of 1 it is the same as train. Of the validation data, "
        f"{VALIDATION_BATCHES} batches per round are taken, with batch statistics and dropout as in `Model.evaluate`.",
        words={
            "progressive": "each batch before its step",
            "train": "all batches of the steps",
            "held-out": "a batch that no step sees",
            "validation": "the validation data",
        },
    )
    method: str = _setting(
        "half-minimum", "rule", "more", "Rule", "The rule that chooses a rate from the curve.", measures=False
    )
    alpha: float = _setting(
        0.05,
        "number",
        "more",
        "Band's α",
        "Significance level: 0.05 gives a 95 % band.",
        slider=0.5,
        step=0.01,
        measures=False,
    )
    band: str = _setting(
        "normal",
        "choice",
        "more",
        "Band",
        "The kind of the confidence band. The any-time band stays valid however often you look before you stop.",
        words={"normal": "normal", "t": "Student's t", "bootstrap": "BCa bootstrap", "anytime": "any-time"},
        measures=False,
    )
    pruner: str = _setting(
        "none",
        "choice",
        "more",
        "Measure",
        "Dropping the rates that have lost saves up to three quarters of the work of a run of many rounds.",
        details="Racing (Maron & Moore 1994) drops a rate once its mean can no longer be the lowest, see "
        "`autolr_widget.engine.reading.race.racing`. The two rates beside the lowest one stay.",
        words={"none": "all rates", "racing": "only rates that can still win"},
    )
    stop_rule: str = _setting(
        "rounds",
        "choice",
        "more",
        "Stop",
        "Settled: no rate can lower the loss much more than the curve's lowest point does. This takes many rounds.",
        details="See `autolr_widget.engine.reading.race.settled`.",
        words={"rounds": "after all rounds", "settled": "once the lowest point is settled"},
        measures=False,
    )
    seed: int = _setting(42, "integer", "more", "Seed", "The same seed draws the same batches.", least=0)

    def __post_init__(self) -> None:
        for name, setting in SETTINGS.items():
            object.__setattr__(self, name, setting.check(name, getattr(self, name)))
        if (self.horizon + self.held_out) * self.batch_size > MOST_OBSERVATIONS:
            raise ValueError(
                f"Arguments `horizon` and `batch_size` must require at most {MOST_OBSERVATIONS:,} observations. "
                f"Received: horizon={self.horizon}, batch_size={self.batch_size}"
            )
        if not 0 < self.alpha < 1:
            raise ValueError(f"Argument `alpha` must lie between 0 and 1. Received: alpha={self.alpha}")
        if self.scale == "log" and self.lr_min <= 0:
            raise ValueError(
                f"Argument `lr_min` must be positive on a log grid. Received: lr_min={self.lr_min}. "
                'Use a small positive rate such as 1e-6, or scale="linear".'
            )
        if self.lr_min < 0:
            raise ValueError(f"Argument `lr_min` must not be negative. Received: lr_min={self.lr_min}")
        if self.lr_min >= self.lr_max:
            raise ValueError(
                f"Argument `lr_min` must be smaller than `lr_max`. Received: lr_min={self.lr_min}, lr_max={self.lr_max}"
            )

    @property
    def seen(self) -> str:
        """The observations on which the losses are measured.

        This is `evaluate_on`, with one exception: progressive validation measures the loss before later steps. With a
        horizon of 1 there are no later steps, so ``"progressive"`` becomes ``"train"``.
        """
        return "train" if self.horizon == 1 and self.evaluate_on == "progressive" else self.evaluate_on

    @property
    def held_out(self) -> int:
        """The number of batches of the training data per round that no step sees: 0 or 1."""
        return int(self.evaluate_on == "held-out")

    def on_same_grid(self, other: Settings) -> bool:
        """Whether these settings have the grid of ``other``."""
        return self == self.on_grid_of(other)

    def on_grid_of(self, other: Settings) -> Settings:
        """Return these settings with the grid of ``other``."""
        names = ("lr_min", "lr_max", "num_evals", "scale")
        return replace(self, **{name: getattr(other, name) for name in names})

    def measure_alike(self, other: Settings) -> bool:
        """Whether rounds that were measured with the settings ``other`` are valid for these settings too."""
        names = [name for name, setting in SETTINGS.items() if setting.measures]
        if self.pruner == "racing":
            # The significance level affects which rates drop out of the race.
            names.append("alpha")
        return all(getattr(self, name) == getattr(other, name) for name in names)


#: The descriptions of the settings by name, in the order of the fields.
SETTINGS: dict[str, Setting] = {field.name: field.metadata["setting"] for field in fields(Settings)}
DEFAULTS: dict[str, Any] = {field.name: field.default for field in fields(Settings)}


def parameters(*without: str) -> str:
    """Return the settings as the "Parameters" of a docstring in NumPy style, except for those named in ``without``."""
    lines = []
    for name, setting in SETTINGS.items():
        if name in without:
            continue
        text = setting.help
        if setting.options is not None:
            values = [f'``"{value}"``' + f" ({words})" * (words != value) for value, words in setting.options.items()]
            text += f" One of {', '.join(values)}."
        text += f" {setting.details}" * bool(setting.details)
        lines += [f"    {name}", *textwrap.wrap(text, 120, initial_indent=" " * 8, subsequent_indent=" " * 8)]
    return "\n".join(lines)


Settings.__doc__ = (Settings.__doc__ or "").replace("    **settings", parameters())


def _integer(name: str, value: Any, least: int) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        number = least - 1
    if number < least or isinstance(value, bool):
        raise ValueError(f"Argument `{name}` must be an integer of at least {least}. Received: {name}={value!r}")
    return number


def _finite(name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"Argument `{name}` must be a finite number. Received: {name}={value!r}")
    return number
