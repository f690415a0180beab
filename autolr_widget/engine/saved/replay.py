"""A saved run in a tuner's place, to look at without the model."""

from __future__ import annotations

from dataclasses import replace
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from autolr_widget.engine.reading.results import TuneResults
from autolr_widget.engine.runs import race
from autolr_widget.engine.saved.saved_run import SavedRun
from autolr_widget.engine.settings import Settings
from autolr_widget.engine.types import Floats, Round


class Replay:
    """The rounds of a saved run, read like those of an `LRTuner`; there is no model to measure more of them."""

    can_measure = False
    is_complete = True
    model_has_changed = False
    num_observations = None
    data_arguments = "x, y"
    plan = "A saved run: its rounds were measured before."

    def __init__(self, saved_run: SavedRun) -> None:
        self._saved_run = saved_run
        self.settings = saved_run.settings
        self.optimizer = saved_run.optimizer

    def __len__(self) -> int:
        """The number of rounds."""
        return len(self._saved_run.results)

    @property
    def saved_run(self) -> SavedRun:
        """The run, with the settings that it is read with now."""
        return replace(self._saved_run, settings=self.settings)

    @property
    def results(self) -> TuneResults:
        """The rounds."""
        return self._saved_run.results

    @property
    def rates(self) -> Floats:
        """The learning rates."""
        return self.results.rates

    @property
    def deltas(self) -> Floats:
        """Loss differentials of the rounds, shape ``(rounds, num_evals)``."""
        return self.results.deltas

    @property
    def rounds(self) -> tuple[Round, ...]:
        """The rounds, one by one."""
        return self._saved_run.rounds

    @property
    def racing(self) -> NDArray[np.bool_]:
        """The rates that another round would measure, shape ``(num_evals,)``."""
        return race.racing(self.deltas, self.settings.pruner, self.settings.alpha)

    def first_batch(self, index: int) -> None:
        """Not known: a saved run holds no data."""

    def check_settings(self, settings: Settings) -> None:
        """Refuse settings that would need other rounds."""
        if not settings.measure_alike(self.settings):
            raise ValueError(NO_MODEL)

    @property
    def model(self) -> NoReturn:
        """Refused: there is none."""
        raise ValueError(NO_MODEL)

    def step(self) -> NoReturn:
        """Refused: there is no model."""
        raise ValueError(NO_MODEL)

    def renewed(self, settings: Settings) -> NoReturn:
        """Refused: there is no model."""
        raise ValueError(NO_MODEL)


NO_MODEL = (
    "This is a saved run without a model to measure. Pass the model and the data to `TunerWidget.load`, or make a new "
    "TunerWidget."
)
