"""A training that looks again: it measures from where the model is, and takes over a better learning rate."""

from __future__ import annotations

import contextlib
import math
import operator
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from autolr_widget.engine.live.look import Look
from autolr_widget.engine.live.plan import SHARE, Plan
from autolr_widget.engine.live.verdict import LEAST_FURTHER, Verdict, verdict
from autolr_widget.engine.measuring.accumulation import whole_updates
from autolr_widget.engine.rate_text import rate_text
from autolr_widget.engine.reading.results import TuneResults
from autolr_widget.engine.runs.tuner import SLICE, LRTuner
from autolr_widget.engine.settings import Settings
from autolr_widget.engine.types import Floats, Round

if TYPE_CHECKING:
    import keras

#: What is found if the training, or the user, ends a look.
ENDED = Verdict(None, None, None, False, "the look was ended")


class Retune:
    """Looks again during a training, when a `Plan` says so.

    Parameters
    ----------
    tuner
        The tuner of the model that trains. A look measures its data, with its batch size and seed. The looks are added
        to `LRTuner.looks`.
    when
        ``"plateau"``, or a number of epochs, see `Plan`.
    alone
        Returns a context manager in which nothing else measures with the same tuner.

    Raises
    ------
    ValueError
        If ``when`` is neither.

    References
    ----------
    Jin et al., "AutoLRS: Automatic Learning-Rate Schedule by Bayesian Optimization on the Fly", ICLR 2021, also try
    rates for some steps from the present state. Unlike this, they search in each stage of the training, and take the
    best rate that they find.
    """

    def __init__(
        self,
        tuner: LRTuner,
        when: str | int,
        alone: Callable[[], AbstractContextManager[object]] = contextlib.nullcontext,
    ) -> None:
        self._tuner = tuner
        self._when = _checked(when)
        self._alone = alone
        #: Of the training that has begun.
        self.plan = Plan(self._when, 0, None)
        #: What the last look has measured, to be shown.
        self.results: TuneResults | None = None
        #: The number of steps of the last look.
        self._gradients = 0

    def check_model(self, model: keras.Model) -> None:
        """Raise a `ValueError` if another model trains than that of the tuner."""
        if model is not self._tuner.model:
            raise ValueError(
                "Argument `retune` must be None if another model trains than that of the tuner. "
                f"Received: retune={self._when!r}, a tuner of {self._tuner.model.name!r}, and {model.name!r} trains"
            )

    def begin(self, epochs: int, steps: int | None) -> None:
        """A training of so many epochs begins. ``steps`` is the number of steps of an epoch, if it is known."""
        self.plan = Plan(self._when, epochs, steps, whole_updates(self._tuner.model, 1, "train"))

    def look(
        self,
        rate: float,
        adopt: Callable[[float], object],
        rises: bool = False,
        goes_on: Callable[[], bool] = lambda: True,
    ) -> Look:
        """Look, which must be due, and return what was found.

        Parameters
        ----------
        rate
            The present learning rate.
        adopt
            Is called with a better rate. It may raise a `ValueError`, which is recorded.
        rises
            Whether a schedule is going to raise the rate by itself. Then it is not raised.
        goes_on
            Is called after each slice, and may wait. If it returns False, the look ends without a result.
        """
        plan = self.plan
        may_lower, is_first = plan.may_lower, plan.is_first
        chosen = plan.look()
        self.results = None
        if not 0 < rate < math.inf:
            return self._record(0.0, Verdict(None, None, None, False, f"not looked. The present rate is {rate}"), 0)
        if chosen is None:
            few = f"not looked. {SHARE:.0%} of the steps of this training are too few for it"
            return self._record(rate, Verdict(None, None, None, False, few), 0)
        grid, horizon = chosen
        self._gradients = grid.size * horizon
        try:
            with self._alone():
                found = self._measured(rate * grid, int((grid == 1).argmax()), horizon, is_first, goes_on)
        except Exception as error:
            # The training need not end because the look can't measure it.
            found = Verdict(None, None, None, False, f"nothing was measured. {error}")
        higher = found.proposed is not None and found.proposed > rate
        if found.better and not higher and not may_lower:
            but = "a lower rate also slows down the training, whose loss still improves"
            found = replace(found, better=False, words=f"{found.words}, but {but}")
        if found.better and higher and rises:
            found = replace(found, better=False, words=f"{found.words}, but the schedule raises the rate by itself")
        if found.better and found.proposed is not None:
            try:
                adopt(found.proposed)
            except ValueError as error:
                found = replace(found, better=False, words=f"{found.words}, but it can't be set. {error}")
        return self._record(rate, found, self._gradients)

    def _measured(
        self, rates: Floats, present: int, horizon: int, is_first: bool, goes_on: Callable[[], bool]
    ) -> Verdict:
        tuner = self._tuner
        settings = replace(
            tuner.settings,
            lr_min=float(rates[0]),
            lr_max=float(rates[-1]),
            num_evals=rates.size,
            horizon=horizon,
            # Each look sees other batches.
            seed=tuner.settings.seed + len(tuner.looks),
            scale="log",
            evaluate_on="progressive",
            num_subsamples=1,
            pruner="none",
            stop_rule="rounds",
        )
        run = tuner.renewed(settings)
        # The training waits in this process.
        run.executor = None
        try:
            round = _round(run, goes_on)
            if round is None:
                return ENDED
            found = verdict(run.rates, present, round)
            self.results = run.results
            higher = found.better and found.proposed is not None and found.proposed > rates[present]
            if not is_first or (found.better and not higher):
                return found
            some = slice(present, None) if higher else slice(0, present + 1)
            longer = self._going_on(run, settings, some)
            if longer is None:
                return found
            run, horizon = longer, longer.settings.horizon
            round = _round(run, goes_on)
            if round is None:
                return ENDED
            few = replace(round, deltas=round.deltas[some], measured=round.measured[some], curves=round.curves[some])
            after = verdict(run.rates[some], present - some.start, few, None if higher else LEAST_FURTHER)
            if not higher and not after.better:
                return replace(found, words=f"{found.words}, and no lower rate is better after {horizon} steps")
            self.results = run.results
            return after
        finally:
            run.let_go()
            # It has traced the training step, but need not keep the state that it started from.
            self._tuner = run.renewed(tuner.settings)

    def _going_on(self, run: LRTuner, settings: Settings, some: slice) -> LRTuner | None:
        """Return the run that continues the paths of some rates of a finished one. None if it may or can not."""
        if not run.can_continue(replace(settings, horizon=settings.horizon + 1)):
            return None
        count = len(run.rates[some])
        horizon = self.plan.further(settings.horizon, count)
        if horizon is None:
            return None
        self._gradients += count * (horizon - settings.horizon)
        longer = run.renewed(replace(settings, horizon=horizon), continues=True)
        longer.continue_only(some)
        return longer

    def _record(self, rate: float, found: Verdict, gradients: int) -> Look:
        did = f"Changed {rate_text(rate)} to {rate_text(found.proposed)}: " if found.better and found.proposed else ""
        words = (did or f"Kept {rate_text(rate)}: ") + found.words
        look = Look(
            self.plan.epoch,
            self.plan.step,
            rate,
            found.proposed,
            found.gain,
            found.uncertainty,
            found.better,
            words + "." * (not words.endswith(".")),
            gradients,
        )
        self._tuner.looks.append(look)
        return look


def _round(run: LRTuner, goes_on: Callable[[], bool]) -> Round | None:
    """Measure a round. Return None if it is not to go on."""
    while goes_on():
        round = run.advance(SLICE)
        if round is not None:
            return round
    return None


def _checked(when: Any) -> str | int:
    if isinstance(when, str) and when == "plateau":
        return when
    try:
        number = operator.index(when)
    except TypeError:
        number = 0
    if number < 1 or isinstance(when, bool):
        raise ValueError(
            f'Argument `retune` must be None, "plateau" or a number of epochs of at least 1. Received: retune={when!r}'
        )
    return number
