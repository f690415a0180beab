"""What a user may ask of a run, checked in one place."""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass
from typing import Any

from autolr_widget.engine.band import BANDS
from autolr_widget.engine.grid import SCALES
from autolr_widget.engine.selection import RULES

#: What the losses before and after the steps may be measured on, which rates are measured, and when a run ends.
EVALUATE_ON = ("same", "held-out", "own")
SAMPLERS = ("full", "racing")
STOP_RULES = ("rounds", "settled")

#: More rates than anybody can look at, and rounds than anybody waits for; a slip of the finger would take all memory.
MOST_RATES, MOST_ROUNDS = 10_000, 1_000_000
#: And so would observations in a round.
MOST_OBSERVATIONS = 10_000_000


@dataclass(frozen=True)
class Settings:
    """The settings of a run.

    Parameters
    ----------
    lr_min, lr_max
        Ends of the learning-rate grid, both included. On a log grid ``lr_min`` is positive.
    scale
        ``"log"`` or ``"linear"``: how the grid's points are spaced.
    num_evals
        Points of the grid, at least 2.
    num_subsamples
        Rounds of the run.
    batch_size
        Observations in each round's subsample.
    horizon
        Optimizer steps between the two losses, each on a fresh batch; 1 is the reference's.
    evaluate_on
        What the two losses are measured on, one of `EVALUATE_ON`: ``"same"``, the batches of the steps; ``"held-out"``,
        a batch that no step sees; ``"own"``, each step's batch as the step finds it, over the second half of the steps
        (with a horizon of 1, as the only step leaves it: ``"same"``).
    method
        Selection rule, a key of `autolr_widget.engine.selection.RULES`.
    alpha
        Significance level of the confidence band, between 0 and 1.
    band
        Kind of the band, a key of `autolr_widget.engine.band.BANDS`.
    sampler
        ``"full"`` measures every rate in every round; ``"racing"`` no longer those that can't have the lowest mean any
        more, see `autolr_widget.engine.race.contenders`.
    stop_rule
        ``"rounds"`` ends a run after ``num_subsamples`` rounds; ``"settled"`` before, once no rate can be much better
        than the one of the lowest mean, see `autolr_widget.engine.race.settled`.
    seed
        Seed of the subsamples, a non-negative integer.

    Raises
    ------
    ValueError
        If a value is out of its range or of a wrong type; the message names the argument.
    """

    lr_min: float = 1e-4
    lr_max: float = 10.0
    scale: str = "log"
    num_evals: int = 9
    num_subsamples: int = 10
    batch_size: int = 32
    horizon: int = 55
    evaluate_on: str = "own"
    method: str = "cautious"
    alpha: float = 0.05
    band: str = "normal"
    sampler: str = "full"
    stop_rule: str = "rounds"
    seed: int = 42

    def __post_init__(self) -> None:
        for name, least in (("num_evals", 2), ("num_subsamples", 1), ("batch_size", 1), ("horizon", 1), ("seed", 0)):
            self._set(name, _integer(name, getattr(self, name), least))
        for name in ("lr_min", "lr_max", "alpha"):
            self._set(name, _finite(name, getattr(self, name)))
        _one_of("scale", self.scale, SCALES)
        _one_of("method", self.method, tuple(RULES))
        _one_of("band", self.band, tuple(BANDS))
        _one_of("sampler", self.sampler, SAMPLERS)
        _one_of("stop", self.stop_rule, STOP_RULES)
        _one_of("evaluate_on", self.evaluate_on, EVALUATE_ON)
        for name, most in (("num_evals", MOST_RATES), ("num_subsamples", MOST_ROUNDS)):
            if getattr(self, name) > most:
                raise ValueError(f"Argument `{name}` must be at most {most:,}. Received: {name}={getattr(self, name)}")
        if (self.horizon + self.held_out) * self.batch_size > MOST_OBSERVATIONS:
            raise ValueError(
                f"Arguments `horizon` and `batch_size` must ask for at most {MOST_OBSERVATIONS:,} observations. "
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

    def _set(self, name: str, value: float) -> None:
        object.__setattr__(self, name, value)

    @property
    def seen(self) -> str:
        """What the losses are measured on: `evaluate_on`, but with a horizon of 1 no later step looks back."""
        return "same" if self.horizon == 1 and self.evaluate_on == "own" else self.evaluate_on

    @property
    def held_out(self) -> int:
        """Batches of a round that no step sees."""
        return int(self.evaluate_on == "held-out")

    def measure_alike(self, other: Settings) -> bool:
        """Whether rounds measured under ``other`` are also rounds of these settings.

        The rule and the band only read the measurements, and the number of rounds only says when to stop.
        """
        names = ["lr_min", "lr_max", "scale", "num_evals", "batch_size", "horizon", "evaluate_on", "sampler", "seed"]
        if self.sampler == "racing":
            # The level decides who drops out.
            names.append("alpha")
        return all(getattr(self, name) == getattr(other, name) for name in names)


def lr_space_ends(lr_space: Any) -> tuple[Any, Any]:
    """The two ends of ``lr_space``, or a `ValueError` that names it."""
    try:
        lr_min, lr_max = lr_space
    except (TypeError, ValueError):
        raise ValueError(
            f"Argument `lr_space` must be a pair (lr_min, lr_max). Received: lr_space={lr_space!r}"
        ) from None
    return lr_min, lr_max


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


def _one_of(name: str, value: Any, accepted: tuple[str, ...]) -> None:
    if value not in accepted:
        raise ValueError(f"Argument `{name}` must be one of {accepted}. Received: {name}={value!r}")
