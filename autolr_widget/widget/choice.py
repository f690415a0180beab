"""The chosen rate: the choice of the rule, or the user's own choice while it is pinned."""

from __future__ import annotations

import math
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets

from autolr_widget.engine.rate_text import rate_text
from autolr_widget.engine.reading.choosing import Certainty, certainty, choose, edge
from autolr_widget.engine.reading.good_range import good_range
from autolr_widget.engine.reading.selection import way_out
from autolr_widget.engine.runs.run import Run
from autolr_widget.engine.settings import Settings
from autolr_widget.engine.types import Floats, Unfinished
from autolr_widget.widget.applied import meaning

if TYPE_CHECKING:
    Float = traitlets.Float[Any, Any]
else:
    # traitlets 5.7 has no generic types.
    Float = traitlets.Float


class Rate(Float):
    """A trait for a learning rate, which must be positive and finite, or None if ``allow_none`` is set."""

    def validate(self, obj: Any, value: Any) -> float | None:
        lr = super().validate(obj, value)
        if lr is not None and not (math.isfinite(lr) and lr > 0):
            raise ValueError(f"Argument `{self.name}` must be a positive number or None. Received: {self.name}={lr}")
        return None if lr is None else float(lr)


class Choice(traitlets.HasTraits):
    """The chosen rate, and the reason for it in words.

    Setting `selected_lr` to a rate pins that rate, and setting it to None unpins it. While no rate is pinned, `read`
    sets `selected_lr` to the choice of the rule.

    Parameters
    ----------
    run
        The run to choose from.
    settings
        The current settings, which name the rule.
    """

    selected_lr = Rate(None, allow_none=True)
    pinned = traitlets.Bool(False)
    edge = traitlets.Unicode("", help="The end of the grid at which the curve's lowest point lies, or empty")
    reason = traitlets.Unicode("", help="How the rate was chosen, and how certain the choice is")
    warning = traitlets.Unicode("", help="Why a pinned rate is a bad choice, or empty")
    interval: traitlets.List[float] = traitlets.List(
        help="The range around the rule's choice that the chart shades, or empty"
    )

    def __init__(self, run: Run, settings: Settings) -> None:
        super().__init__()
        self._choosing = False
        self._certainty: Certainty | None = None
        self._judged: tuple[Any, ...] = ()
        self.read(run, settings)

    @property
    def pinned_lr(self) -> float | None:
        """The user's own rate. None if the rule chooses."""
        return self.selected_lr if self.pinned else None

    def read(self, run: Run, settings: Settings) -> None:
        """Choose from the current rounds of ``run``."""
        if self._judged and run is not self._judged[0]:
            self._certainty, self._judged = None, ()
        self._run, self._settings = run, settings
        self._choose()

    def judge(self) -> None:
        """Estimate how certain the choice of the rule is. This takes longer than a quick round."""
        run, settings = self._run, self._settings
        judged = (run, len(run), run.read_at, settings.method, settings.alpha)
        if judged != self._judged:
            self._judged = judged
            self._certainty = certainty(settings.method, run.rates, run.deltas, settings.alpha)
            self._choose()

    def range(self) -> tuple[float, float]:
        """Return the range of rates to refine: it contains the choice, the lowest mean, and the intervals of both.

        If the rate is pinned, both ends are that rate.
        """
        assert self.selected_lr is not None
        low = high = self.selected_lr
        if self.pinned:
            return low, high
        rates, deltas = self._run.rates, self._run.deltas
        # Include the lowest mean: the rules read the curve around it, although not all of them choose it.
        for method in (self._settings.method, "mean"):
            found = choose(method, rates, deltas)
            sure = certainty(method, rates, deltas, self._settings.alpha) or Certainty(found, found, 1.0)
            low, high = min(low, sure.lower), max(high, sure.upper)
        return low, high

    @traitlets.observe("selected_lr")
    def _on_selected(self, _: Any) -> None:
        if not self._choosing:
            self.pinned = self.selected_lr is not None
            self._choose()

    @traitlets.observe("pinned")
    def _on_pinned(self, _: Any) -> None:
        self._choose()

    def _choose(self) -> None:
        meant = meaning(self._run.tuned_optimizer) if self._run.can_measure else ""
        if self.pinned:
            self.edge, self.reason, self.interval = "", "your own choice" + meant, []
            self.warning = self._warning()
            return
        self.warning = ""
        lr, reason = self._by_rule()
        rates, deltas = self._run.rates, self._run.deltas
        self.edge = edge("mean", rates, deltas) if lr and len(deltas) > 0 else ""
        self._choosing = True
        try:
            self.selected_lr = lr
        finally:
            self._choosing = False
        if lr is None or len(deltas) == 0:
            self.interval = []
        else:
            good, noise = self._good_range(lr), self._noise(lr)
            self.interval = [*(good or noise or ())]
            reason = reason or _how_sure(good, self._certainty)
        if self.edge:
            reason += f" · the lowest point is at the {self.edge} end of the grid"
        self.reason = reason + meant

    def _warning(self) -> str:
        """Return what was measured at the pinned rate if that speaks against it."""
        lr, rates, deltas = self.selected_lr, self._run.rates, self._run.deltas
        if lr is None or len(deltas) == 0:
            return ""
        # The screen rounds rates to three digits.
        if lr < 0.99 * rates[0] or lr > 1.01 * rates[-1]:
            return outside(self._run)
        scaled = np.log if self._run.settings.scale == "log" else np.asarray
        nearest = int(np.argmin(abs(scaled(rates) - scaled(lr))))
        what = against(self._run, nearest)
        exact = math.isclose(lr, rates[nearest], rel_tol=0.01)
        return f"{what} at this rate" if what and exact else at_nearest(what, rates[nearest])

    def _so_far(self, unfinished: Unfinished) -> tuple[float | None, str]:
        """Return the choice of the rule from the first round, which is not finished yet."""
        if np.isnan(unfinished.starts).all() and unfinished.steps.any():
            return None, "the choice comes at the end of the first round"
        steps = f"{unfinished.extent} of the first round"
        lr, _ = self._chosen(unfinished.deltas[np.newaxis])
        return lr, f"so far, {steps}" if lr else f"no choice yet, {steps}"

    def _chosen(self, deltas: Floats) -> tuple[float | None, str]:
        """Return the choice of the rule, or None and why it finds no rate."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                # The rule "max" returns 0.0 if no rate is safe.
                lr = choose(self._settings.method, self._run.rates, deltas) or None
        except ValueError as error:
            return None, str(error)
        return lr, "" if lr else "the rule finds no rate: every rate raised the loss in some round"

    def _by_rule(self) -> tuple[float | None, str]:
        """Return the choice of the rule and the reason. If it finds no rate, return None and what is missing."""
        deltas, unfinished = self._run.deltas, self._run.unfinished
        if len(deltas) == 0 and unfinished is not None:
            return self._so_far(unfinished)
        if len(deltas) == 0:
            # It also stands there while the model is prepared, which can take a minute.
            return None, "no choice yet, but you can type a rate"
        lr, why = self._chosen(deltas)
        if lr is None:
            return None, why
        if not (deltas.mean(axis=0) < 0).any():
            return lr, f"no rate lowers the loss. {way_out(self._run.rates, deltas).removesuffix('.')}"
        return lr, ""

    def _good_range(self, lr: float) -> tuple[float, float] | None:
        if self.edge or not (self._run.deltas.mean(axis=0) < 0).any():
            return None
        run = self._run
        read = replace(run.settings, method=self._settings.method, horizon=run.read_at or run.settings.horizon)
        return good_range(lr, read, run.num_observations, run.own_batch_size)

    def _noise(self, lr: float) -> tuple[float, float] | None:
        """Return the range of the choices on resampled rounds, but at least half a step of the grid on either side.

        The resampled runs all have the same grid, so they agree the more, the coarser it is.
        """
        sure, rates = self._certainty, self._run.rates
        if sure is None:
            return None
        if self._run.settings.scale == "log":
            half = (rates[-1] / rates[0]) ** (0.5 / (rates.size - 1))
            return min(sure.lower, lr / half), max(sure.upper, lr * half)
        half = (rates[-1] - rates[0]) / (rates.size - 1) / 2
        return max(0.0, min(sure.lower, lr - half)), max(sure.upper, lr + half)


def against(run: Run, index: int) -> str:
    """Return what was measured at a rate of the grid if that speaks against it, or nothing."""
    deltas = run.deltas
    changes = deltas[[bool(round.measured[index]) for round in run.rounds][: len(deltas)], index]
    if not np.isfinite(changes).all():
        return "training diverged"
    return "the loss rose" if changes.mean() > 0 else ""


def at_nearest(what: str, rate: float) -> str:
    """Return what `against` says of the measured rate that is nearest to a chosen one."""
    return what and f"{what} at {rate_text(rate)}, the nearest measured rate"


def outside(run: Run) -> str:
    """Return what speaks against a rate outside of the grid."""
    return f"only rates from {rate_text(run.rates[0])} to {rate_text(run.rates[-1])} were measured"


def _how_sure(good: tuple[float, float] | None, sure: Certainty | None) -> str:
    """Return where the best rate lies, and what other batches would have chosen, as far as each is known."""
    words = []
    if good is not None:
        low, high = map(rate_text, good)
        words.append(f"8 times out of 10, the best rate for training lies between {low} and {high}")
    if sure is not None:
        low, high = rate_text(sure.lower), rate_text(sure.upper)
        rates = "the same rate" if low == high else f"about {low} to {high}"
        words.append(f"other batches would choose {rates}")
    return " · ".join(words) or "too few rounds to say how sure it is"
