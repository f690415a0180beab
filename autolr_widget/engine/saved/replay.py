"""A saved run that takes the place of a tuner, so that it can be viewed without the model."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from autolr_widget.engine.reading import race
from autolr_widget.engine.reading.results import TuneResults
from autolr_widget.engine.saved.saved_run import SavedRun
from autolr_widget.engine.settings import Settings
from autolr_widget.engine.types import Floats, Round


class Replay:
    """The rounds of a saved run, with the same interface as an `LRTuner`, but without a model to measure more rounds.

    Parameters
    ----------
    saved_run
        The run to show.
    """

    can_measure = False
    is_complete = True
    model_has_changed = False
    data_arguments = "x, y"
    optimizer_attribute = "optimizer"
    plan = "A saved run: its rounds were measured before."
    unfinished = None
    steps_ahead = 0
    seconds_per_step = math.nan

    def __init__(self, saved_run: SavedRun) -> None:
        self._saved_run = saved_run
        self.settings = saved_run.settings
        self.optimizer = saved_run.optimizer
        self.num_observations = saved_run.num_observations
        self.own_batch_size = saved_run.own_batch_size
        self.subject = " · ".join(name for name in (saved_run.model, saved_run.optimizer) if name)
        self.read_at: int | None = None
        self.is_widened = False
        self.looks = [*saved_run.looks]
        # The screen shows what the losses were measured on.
        self.has_validation_data = saved_run.settings.evaluate_on == "validation"

    def __len__(self) -> int:
        """The number of rounds."""
        return len(self._saved_run.results)

    @property
    def saved_run(self) -> SavedRun:
        """The run, with the current settings."""
        return replace(self._saved_run, settings=self.settings)

    @property
    def results(self) -> TuneResults:
        """The results of the rounds."""
        return self._saved_run.results

    @property
    def rates(self) -> Floats:
        """The learning rates, shape ``(num_evals,)``."""
        return self.results.rates

    @property
    def deltas(self) -> Floats:
        """Loss differentials of the rounds, shape ``(rounds, num_evals)``; NaN where a rate diverged."""
        return self.results.deltas

    @property
    def rounds(self) -> tuple[Round, ...]:
        """The rounds."""
        return self._saved_run.rounds

    @property
    def racing(self) -> NDArray[np.bool_]:
        """Which rates another round would measure, as booleans of shape ``(num_evals,)``."""
        return race.racing(self.deltas, self.settings.pruner, self.settings.alpha)

    def steps_per_epoch(self, batch_size: int) -> None:
        """Return None: there are no data."""

    def first_batch(self, index: int) -> None:
        """Return None: a saved run contains no data."""

    def whole_updates(self, horizon: int) -> int:
        """Return ``horizon``: there is no optimizer that accumulates gradients."""
        return horizon

    def can_continue(self, settings: Settings) -> bool:
        """Return False: there is no model to measure."""
        return False

    def can_read_at(self, settings: Settings) -> bool:
        """Return False: the settings of a saved run are those that it was measured with."""
        return False

    def check_settings(self, settings: Settings) -> None:
        """Raise a `ValueError` if the settings would need other rounds."""
        if not settings.measure_alike(self.settings):
            raise ValueError(NO_MODEL)

    @property
    def model(self) -> NoReturn:
        """Raise a `ValueError`: there is no model."""
        raise ValueError(NO_MODEL)

    @property
    def tuned_optimizer(self) -> NoReturn:
        """Raise a `ValueError`: there is no model."""
        raise ValueError(NO_MODEL)

    def advance(self, seconds: float) -> NoReturn:
        """Raise a `ValueError`: there is no model to measure."""
        raise ValueError(NO_MODEL)

    workers = ""
    executor: Any = None

    def let_go(self) -> None:
        """Do nothing: a saved run reads no data."""

    def renewed(self, settings: Settings, continues: bool = False) -> NoReturn:
        """Raise a `ValueError`: there is no model to measure."""
        raise ValueError(NO_MODEL)


NO_MODEL = (
    "This is a saved run without a model to measure. Pass the model and the data to `TunerWidget.load`, or create a "
    "new `TunerWidget`."
)
