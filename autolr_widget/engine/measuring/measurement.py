"""Measures the rounds of one run, each from the same state of the model."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from autolr_widget.engine.measuring.accumulation import check_accumulation
from autolr_widget.engine.measuring.one_step import OneStep
from autolr_widget.engine.measuring.path_losses import PathLosses
from autolr_widget.engine.measuring.path_variables import PathVariables
from autolr_widget.engine.measuring.paths import Ends, Paths
from autolr_widget.engine.measuring.start import Start
from autolr_widget.engine.measuring.training import Training, out_of_memory
from autolr_widget.engine.measuring.training_step import specs_of
from autolr_widget.engine.measuring.validation import check_test_step, has_own_step
from autolr_widget.engine.settings import Settings
from autolr_widget.engine.types import Batch, Floats, Round

#: The length of a slice in seconds: Python hears an interrupt between two slices.
SLICE = 0.25
#: The memory in bytes for the ends of paths, from which a longer horizon can continue.
ENDS = 2**27


class Measurement:
    """The rounds of one run.

    The state of the model when this object is made is the one that all rounds start from.

    Parameters
    ----------
    training
        The model in training.
    settings
        The settings of the run.
    rates
        Its grid, shape ``(num_evals,)``.
    batch
        The first batch that the model is trained on.

    Raises
    ------
    ValueError
        If the model can't be measured, or its weights are not finite.
    """

    def __init__(self, training: Training, settings: Settings, rates: Floats, batch: Batch) -> None:
        self.training = training
        self._settings = settings
        self._rates = rates
        self._one_step: OneStep | None = None
        check_accumulation(training.model, settings)
        if settings.evaluate_on == "validation":
            check_test_step(training.model)
        with out_of_memory():
            own = has_own_step(training.model) or training.model.run_eagerly
            dense = all(isinstance(spec, tf.TensorSpec) for spec in specs_of(batch))
            if settings.horizon == 1 and settings.seen == "train" and not own and dense:
                # One for all runs, because tracing takes longer than a run.
                training.one_step = training.one_step or OneStep(training)
                self._one_step = training.one_step
            else:
                # It holds copies of all variables.
                training.one_step = None
                # This may build optimizers, and so must come before the state is read.
                training.function("step", batch)
            self.start = Start(training)
            #: Those of its paths.
            self.variables = PathVariables(training, self.start.value, self.start.kept)
        #: The rounds whose step is not along a line.
        self._bent: set[int] = set()

    @property
    def plan(self) -> str:
        """How rounds are measured, in words."""
        if self._one_step is not None and not self._bent:
            return self._one_step.plan
        steps = "a step" if self._settings.horizon == 1 else f"{self._settings.horizon} steps"
        return f"The model's own training step takes {steps} at each rate, on copies of all variables."

    def may_be_on_line(self, index: int) -> bool:
        """Whether round ``index`` may be measured along a line, see `OneStep`."""
        return self._one_step is not None and index not in self._bent

    def on_line(self, batches: Sequence[Batch], first: int, racing: NDArray[np.bool_]) -> list[Round]:
        """Measure the rounds from ``first`` on, one per batch, in one call.

        The rounds from the first on whose step is not along a line are left out: they need `paths`.
        """
        assert self._one_step is not None
        some = None if self._settings.pruner == "none" and racing.all() else racing
        with out_of_memory():
            losses, straight = self._one_step.measure(self.start, self._rates, some, batches, first)
        rounds = []
        for index, row, is_straight in zip(range(first, first + len(batches)), losses, straight, strict=True):
            if not is_straight:
                self._bent.add(index)
                break
            deltas = np.where(np.isfinite(row[1:]), row[1:] - row[0], np.nan)
            curves = np.full((len(deltas), 1), row[0])
            rounds.append(self._round(index, racing, float(row[0]), deltas, curves, row[:1]))
        return rounds

    def lengthened(self, settings: Settings) -> Measurement:
        """Return the object that measures rounds with a longer horizon, from the same state."""
        other = copy.copy(self)
        other._settings = settings
        return other

    def widened(self, settings: Settings, rates: Floats) -> Measurement:
        """Return the object that measures rounds on a longer grid, from the same state."""
        other = self.lengthened(settings)
        other._rates = rates
        return other

    def fits(self, rounds: int) -> bool:
        """Whether the ends of the paths of so many rounds may be kept, while another round is measured."""
        return self.variables.bytes_per_path * (self._rates.size + 1) * rounds <= ENDS

    def paths(
        self, batch: Callable[[int], Batch], index: int, racing: NDArray[np.bool_], begin: Ends | None = None
    ) -> Paths:
        """Return the paths of round ``index``, to be measured slice by slice.

        Parameters
        ----------
        batch
            Returns the batch of each step, and behind them those that only the loss is measured on.
        index
            The index of the round, from 0.
        racing
            Which rates to measure, shape ``(num_evals,)``.
        begin
            Where the paths have ended with a shorter horizon.
        """
        rates, settings = self._rates[racing], self._settings
        return Paths(self.training, self.variables, rates, batch, index, settings.horizon, settings.seen, begin)

    def finished(self, paths: PathLosses, index: int, racing: NDArray[np.bool_]) -> Round:
        """Return the round whose ``paths`` have been measured."""
        return self._round(index, racing, *paths.result(), paths.curves[:-1], paths.curves[-1])

    def whole(self, batch: Callable[[int], Batch], index: int, racing: NDArray[np.bool_]) -> Round:
        """Measure a whole round. The parameters are those of `paths`."""
        if self.may_be_on_line(index):
            found = self.on_line([batch(0)], index, racing)
            if found:
                return found[0]
        paths = self.paths(batch, index, racing)
        while paths.advance(SLICE):
            pass
        return self.finished(paths, index, racing)

    def _round(
        self, index: int, racing: NDArray[np.bool_], loss: float, deltas: Floats, curves: Floats, starts: Floats
    ) -> Round:
        all_deltas = np.full(self._rates.size, np.nan)
        all_curves = np.full((self._rates.size, self._settings.horizon), np.nan)
        all_deltas[racing], all_curves[racing] = deltas, curves
        return Round(index, loss, all_deltas, racing, all_curves, starts)
