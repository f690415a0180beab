"""A saved run in a tuner's place, to look at without the model."""

from __future__ import annotations

from dataclasses import replace
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from autolr_widget.engine import race
from autolr_widget.engine.record import Record
from autolr_widget.engine.results import TuneResults
from autolr_widget.engine.settings import Settings


class Recorded:
    """The rounds of a record, read as those of an `LRTuner` are, with none left to run.

    Parameters
    ----------
    record
        The run.
    """

    #: There is nothing to measure.
    model = None
    observations = None
    is_complete = True
    model_has_changed = False

    def __init__(self, record: Record) -> None:
        self._record = record
        self.settings = record.settings

    def __len__(self) -> int:
        """Rounds of the run."""
        return len(self._record.results)

    @property
    def record(self) -> Record:
        """The run, with the settings that it is read with now."""
        return replace(self._record, settings=self.settings)

    @property
    def results(self) -> TuneResults:
        """The rounds."""
        return self._record.results

    @property
    def rates(self) -> NDArray[np.float64]:
        """The learning rates."""
        return self.results.rates

    @property
    def deltas(self) -> NDArray[np.float64]:
        """Loss differentials of the rounds, shape ``(rounds, num_evals)``."""
        return self.results.deltas

    @property
    def racing(self) -> NDArray[np.bool_]:
        """The rates that one more round would measure, shape ``(num_evals,)``."""
        return race.racing(self.deltas, self.settings.sampler, self.settings.alpha)

    @property
    def plan(self) -> str:
        """Where the rounds come from, in words."""
        return "A saved run: its rounds were measured before."

    def check_settings(self, settings: Settings) -> None:
        """Refuse settings that would ask for other rounds."""
        if not settings.measure_alike(self.settings):
            raise ValueError(NO_MODEL)

    def step(self) -> NoReturn:
        """Refused: there is no model."""
        raise ValueError(NO_MODEL)

    def renewed(self, settings: Settings) -> NoReturn:
        """Refused: there is no model."""
        raise ValueError(NO_MODEL)


NO_MODEL = (
    "This is a saved run: there is no model to measure. Pass model and data to `TunerWidget.load`, or make a new "
    "TunerWidget."
)
