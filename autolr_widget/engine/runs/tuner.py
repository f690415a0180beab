"""The tuner without the widget: it measures one round after the other."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from autolr_widget.engine.arguments import settings_from, takes_settings
from autolr_widget.engine.data.subsample import subsample
from autolr_widget.engine.grid import WIDER, grid
from autolr_widget.engine.live.look import Look
from autolr_widget.engine.reading import race
from autolr_widget.engine.reading.choosing import beyond
from autolr_widget.engine.reading.race import HEAT, settled
from autolr_widget.engine.reading.results import TuneResults
from autolr_widget.engine.saved import restore
from autolr_widget.engine.saved.saved_run import SavedRun
from autolr_widget.engine.settings import VALIDATION_BATCHES, Settings
from autolr_widget.engine.types import Round, Unfinished
from autolr_widget.engine.workers.comparison import Comparison
from autolr_widget.engine.workers.pool import Pool, pool_of

if TYPE_CHECKING:
    import keras

    from autolr_widget.engine.data.observations import Observations
    from autolr_widget.engine.data.stream import Stream
    from autolr_widget.engine.measuring.measurement import Measurement
    from autolr_widget.engine.measuring.paths import Ends, Paths
    from autolr_widget.engine.measuring.training import Training
    from autolr_widget.engine.types import Batch
    from autolr_widget.engine.workers.spread import Spread
    from autolr_widget.engine.workers.spread_round import SpreadRound

#: One call measures as many rounds as take about `BLOCK` seconds, but at most `MOST` rounds.
BLOCK, MOST = 0.06, 16
#: The length of a slice in seconds: Python hears an interrupt between two slices.
SLICE = 0.25


@takes_settings
class LRTuner:
    """Measure how much training lowers the loss at every learning rate of a grid.

    Iterate over a tuner, or call `step`, to run rounds.

    Parameters
    ----------
    model
        A compiled Keras model. The model and its optimizer are never written to.
    x, y, sample_weight, class_weight
        The training data, as for `Model.fit`: arrays, frames, tensors or anything else that can be indexed by row, or
        lists, tuples and dicts of these (see `Observations`); or ``x`` alone, as a `tf.data.Dataset`, a
        `keras.utils.PyDataset`, a generator, a torch ``DataLoader`` or a ``grain`` dataset (see `Stream`).
    validation_data
        As for `Model.fit`: ``(x, y)``, ``(x, y, sample_weight)`` or a stream. With ``evaluate_on="validation"``, the
        losses are measured on it.
    optimizer
        The name of the model's attribute that holds the optimizer to tune, such as ``"encoder_optimizer"``. Only needed
        if a `train_step` of your own uses several.
    loss
        The key of the loss in the dict that a `train_step` of your own returns. By default, the loss is what its
        gradients are taken of.
    executor
        Where the paths are measured: a Dask client, or anything with the interface of `concurrent.futures.Executor`;
        ``"processes"`` for a process per core of this machine, if that is faster. By default, they are measured in this
        process. The numbers are the same.
    **settings

    Raises
    ------
    ValueError
        If an argument can't be used. The message names it.

    Notes
    -----
    Each step is a call of the model's `train_step`, Keras's own or yours, on copies of all variables.

    If the lowest point of the first round is at an end of the default grid, the run widens the grid and measures that
    round again, so that `rates` and `settings` change. A grid with other ends or another number of rates stays.

    All rounds start from the state that the model and its optimizer have when the first round is measured. Later
    changes to the model do not affect the run.

    Examples
    --------
    >>> tuner = LRTuner(model, x, y)
    >>> for round in tuner:
    ...     print(round.index, f"{tuner.results.best_lr():.1f}")
    0 0.2
    1 0.2
    """

    #: Whether more rounds can be measured. False in `autolr_widget.engine.saved.replay.Replay`, which has no model.
    can_measure = True

    def __init__(
        self,
        model: keras.Model,
        x: Any,
        y: Any = None,
        *,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | None = None,
        validation_data: Any = None,
        optimizer: str | None = None,
        loss: str | None = None,
        executor: Any = None,
        **settings: Any,
    ) -> None:
        asked = settings_from(settings)
        # TensorFlow takes seconds to import. A user with a Keras model has imported it already.
        from autolr_widget.engine.data.observations import Observations
        from autolr_widget.engine.data.stream import Stream, is_stream
        from autolr_widget.engine.measuring.accumulation import whole_updates
        from autolr_widget.engine.measuring.validation import (
            check_called,
            check_has_targets,
            check_model,
            check_targets,
            observation_shapes,
            preprocesses,
        )

        check_model(model)
        if "horizon" not in settings:
            asked = replace(asked, horizon=whole_updates(model, asked.horizon, asked.seen))
        check_called(x=x, y=y, sample_weight=sample_weight)
        if class_weight is not None and preprocesses(model):
            raise ValueError(
                "Argument `class_weight` must be None for a model that preprocesses its data. Pass `sample_weight`."
            )
        if not is_stream(x):
            arrays = Observations(x, y, sample_weight, class_weight)
            if not preprocesses(model):
                check_has_targets(model, y)
                check_targets(model, y, arrays.weights)
            observations: Observations | Stream = arrays
        elif y is None and sample_weight is None:
            observations = Stream(x, observation_shapes(model), class_weight)
        else:
            raise ValueError(
                "Arguments `y` and `sample_weight` must be None if `x` is a stream, which yields them itself. "
                f"Received: x of type {type(x).__name__}"
            )
        validation = None
        if validation_data is not None:
            from autolr_widget.engine.runs.validation_data import validation_of

            validation = validation_of(model, validation_data)
        self._begin(model, observations, validation, asked, None, optimizer, loss, executor)

    def _begin(
        self,
        model: keras.Model,
        observations: Observations | Stream,
        validation: Observations | Stream | None,
        settings: Settings,
        training: Training | None,
        optimizer: str | None,
        loss: str | None,
        executor: Any,
    ) -> None:
        from autolr_widget.engine.measuring.preprocessing import Preprocessing

        self.model = model
        self.observations = observations
        #: The validation data, if there are any.
        self.validation = validation
        self._preprocessing = Preprocessing(model)
        self._optimizer_name, self._loss_name = optimizer, loss
        self._spread: Spread | None = None
        self._comparison: Comparison | None = None
        self.check_settings(settings)
        self.settings = settings
        self.rates = grid(settings.lr_min, settings.lr_max, settings.num_evals, settings.scale)
        #: Whether this run has widened its grid, and with it `settings` and `rates`.
        self.is_widened = False
        self._training = training
        self._measurement: Measurement | None = None
        self._fingerprint = ""
        self._began = ""
        self._rounds: list[Round] = []
        #: What was found when it looked again while the model trained, see `autolr_widget.engine.live.look.Look`.
        self.looks: list[Look] = []
        self._ahead: deque[Round] = deque()
        self._paths: Paths | SpreadRound | None = None
        self._block = 1
        #: Where the paths of the finished rounds have ended, and those that are to be continued from there, by round.
        self._ends: dict[int, Ends] = {}
        self._begins: dict[int, Ends] = {}
        #: The steps after which the rounds are read, if these are fewer than were measured, see `can_read_at`.
        self.read_at: int | None = None
        self.executor = executor

    def renewed(self, settings: Settings, continues: bool = False) -> LRTuner:
        """Return a tuner of the same model and data with other settings and without rounds.

        It measures the current state of the model, and reuses the traced graph if that is still valid. If it
        ``continues``, which needs `can_continue`, its rounds continue the paths of the finished rounds, as many as are
        kept in memory. The numbers are those of a run that starts over.
        """
        other = object.__new__(LRTuner)
        traced = self._training if self._training and self._training.is_current() else None
        if self._spread is not None:
            self._spread.close()
        names = self._optimizer_name, self._loss_name
        other._begin(self.model, self.observations, self.validation, settings, traced, *names, None)
        # The same object, which knows what workers have.
        other._executor, other._pool = self._executor, self._pool
        other.looks = self.looks
        if continues and self._measurement is not None:
            other._measurement = self._measurement.lengthened(settings)
            other._began, other._fingerprint = self._began, self._fingerprint
            # Only the first round of a longer horizon begins with the same batches of a stream.
            other._begins = {i: ends for i, ends in self._ends.items() if i == 0 or self.observations.any_order}
        return other

    def continue_only(self, rates: slice) -> None:
        """Leave the paths of all other rates where they are, as if they had diverged.

        This is for a tuner that `renewed` has returned, which ``continues`` the first round and has not begun yet.
        """
        ends = self._begins[0]
        some = np.zeros_like(ends.runs)
        some[:-1][rates] = True
        # The last one is the starting state.
        some[-1] = True
        self._begins[0] = ends._replace(runs=ends.runs & some)

    def restored(self, saved_run: SavedRun) -> LRTuner:
        """Return a tuner of the same model and data with the settings and the rounds of ``saved_run``.

        Its next rounds give the same numbers as an uninterrupted run, to the last bit on the same machine.

        Raises
        ------
        ValueError
            If the model, its optimizer or the data are not in the state in which ``saved_run`` began. This is checked
            with the fingerprint `SavedRun.start`, and with the losses of the first and the last round, which are
            measured again.
        """
        other = self.renewed(saved_run.settings)
        other.looks = [*saved_run.looks]
        count = len(saved_run.results)
        if count == 0:
            return other
        other.rates = saved_run.results.rates
        try:
            other._measure(other._batches(0))
            restore.check_start(saved_run, other.saved_run)
            # Only the loss before the steps is needed, so with several steps only one rate is measured.
            few = np.ones(other.rates.size, dtype=bool)
            few[1:] = other.settings.horizon == 1
            for index in sorted({0, count - 1}):
                batches = other._batches(index)
                again = other._measure(batches).whole(batches, index, few)
                saved = saved_run.rounds[index]
                # The losses of all batches of the round, if they are known.
                for then, now in zip([saved.loss, *saved.starts], [again.loss, *again.starts], strict=True):
                    restore.check_loss(index, float(then), float(now))
        finally:
            other.let_go()
        other._began = saved_run.began
        other._rounds = [*saved_run.rounds]
        return other

    def check_settings(self, settings: Settings) -> None:
        """Raise a `ValueError` if the data or the model do not allow the batch size or the losses of ``settings``."""
        if settings.evaluate_on == "validation" and self.validation is None:
            raise ValueError(
                'Argument `validation_data` must be given with evaluate_on="validation". Received: None. Pass '
                "validation_data=(x_val, y_val), as for `fit`."
            )
        from autolr_widget.engine.measuring.accumulation import check_accumulation
        from autolr_widget.engine.measuring.validation import check_batch_size

        check_accumulation(self.model, settings)
        self.observations.check_batch_size(settings.batch_size, settings.held_out)
        # A stream has batches of its own, which are checked when it is read.
        if self.observations.any_order:
            check_batch_size(self.model, settings.batch_size)

    @property
    def executor(self) -> Any:
        """Where the paths are measured, see `LRTuner`. None for this process. A change starts the round over."""
        return self._executor

    @executor.setter
    def executor(self, executor: Any) -> None:
        self._pool = None if executor is None else pool_of(executor)
        self._executor = executor
        if self._spread is not None:
            self._spread.close()
        self._spread = self._comparison = self._paths = None
        if executor is not None:
            # Workers can't continue paths.
            self._ends.clear()
            self._begins.clear()

    @property
    def optimizer(self) -> str:
        """The name of the class of the optimizer that is tuned."""
        return type(self.tuned_optimizer).__name__

    @property
    def tuned_optimizer(self) -> keras.Optimizer:
        """The model's optimizer whose learning rate is tuned."""
        tuned: keras.Optimizer = getattr(self.model, self.optimizer_attribute)
        return tuned

    @property
    def optimizer_attribute(self) -> str:
        """The name of the model's attribute that holds this optimizer."""
        return (self._optimizer_name if self._training is None else self._training.step.tuned) or "optimizer"

    @property
    def num_observations(self) -> int | None:
        """The number of observations. None if it is not known, because a stream has not ended yet."""
        return self.observations.size

    def steps_per_epoch(self, batch_size: int) -> int | None:
        """Return the number of batches in an epoch of `fit`. None if it is unknown or infinite."""
        return self.observations.steps_per_epoch(batch_size)

    @property
    def own_batch_size(self) -> int | None:
        """The size of a stream's first batch. Then the setting ``batch_size`` has no effect. None for other data."""
        return self.observations.batch_size

    @property
    def subject(self) -> str:
        """What is measured, in words: the model, its optimizer, and for how many steps it has been trained before."""
        words = [self.model.name, self.optimizer]
        steps = int(self.tuned_optimizer.iterations) if self.tuned_optimizer.built else 0
        return " · ".join(words + [f"trained for {steps:,} steps before"] * (steps > 0))

    @property
    def data_arguments(self) -> str:
        """The arguments that pass the same data to a call, as Python source with the usual names: ``"x, y"``."""
        given = {"optimizer": self._optimizer_name, "loss": self._loss_name}
        named = ["validation_data=validation_data"] if self.has_validation_data else []
        named += [f"{name}={value!r}" for name, value in given.items() if value is not None]
        return ", ".join([self.observations.arguments, *named])

    @property
    def has_validation_data(self) -> bool:
        """Whether losses can be measured on validation data."""
        return self.validation is not None

    def first_batch(self, index: int) -> NDArray[np.int64] | None:
        """Return the row numbers of the first batch of round ``index``, shape ``(batch_size,)``; None for a stream."""
        rows = self._rows(index)
        return None if rows is None else rows[0]

    def _rows(self, index: int) -> NDArray[np.int64] | None:
        """Return the row numbers of the batches of round ``index``, shape ``(batches, batch_size)``."""
        settings, size = self.settings, self.observations.size
        if size is None or not self.observations.any_order:
            return None
        rows = subsample(size, settings.batch_size, settings.seed, index, settings.horizon, settings.held_out)
        return rows.reshape(-1, settings.batch_size)

    @property
    def plan(self) -> str:
        """How rounds are measured, in words. It is not known before the first round."""
        if self._measurement is None:
            return "Not known before the first round."
        where = f" Workers of {self._pool.name} measure the paths." if self._spread and self._pool else ""
        compared = "" if self._comparison is None else f" {self._comparison.words}"
        return self._measurement.plan + where + compared

    @property
    def model_has_changed(self) -> bool:
        """Whether the model's weights have changed since the run began, or the model has been compiled again."""
        if self._measurement is None:
            return False
        if not self._measurement.training.is_current():
            return True
        pairs = zip(self._measurement.start.state.trainable, self.model.trainable_variables, strict=True)
        return any(not np.array_equal(then.numpy(), now.numpy()) for then, now in pairs)

    @property
    def rounds(self) -> tuple[Round, ...]:
        """The finished rounds."""
        return tuple(self._rounds)

    @property
    def deltas(self) -> NDArray[np.float64]:
        """Loss differentials of the finished rounds, shape ``(rounds, num_evals)``; NaN where a rate diverged."""
        if self.read_at is not None:
            return self.results.deltas
        return np.array([round.deltas for round in self._rounds]).reshape(-1, self.rates.size)

    @property
    def results(self) -> TuneResults:
        """The results of the rounds finished so far, after `read_at` steps."""
        results = self._results([*self._rounds])
        return results if self.read_at is None or len(results) == 0 else results.at(self.read_at)

    def whole_updates(self, horizon: int) -> int:
        """Return ``horizon``, or the next larger one that the optimizer allows if it accumulates gradients."""
        from autolr_widget.engine.measuring.accumulation import whole_updates

        return whole_updates(self.model, horizon, self.settings.seen)

    def can_read_at(self, settings: Settings) -> bool:
        """Whether the rounds tell what a run with these settings would have measured, which has a shorter horizon."""
        measured = self.settings
        if len(self) == 0 or not 2 <= settings.horizon < measured.horizon or measured.seen != "progressive":
            return False
        alike = replace(settings, horizon=measured.horizon).measure_alike(measured)
        return alike and settings.pruner == "none" and all(np.isfinite(round.starts).all() for round in self._rounds)

    def can_continue(self, settings: Settings) -> bool:
        """Whether a run with these settings, which have a longer horizon, can continue the paths of this one."""
        measured = self.settings
        if settings.horizon <= measured.horizon or settings.pruner != "none" or 0 not in self._ends:
            return False
        # If a stream is too short for the longer horizon, a held-out batch changes the order of the others.
        if measured.held_out and not self.observations.any_order:
            return False
        return replace(settings, horizon=measured.horizon).measure_alike(measured) and not self.model_has_changed

    @property
    def steps_ahead(self) -> int:
        """The number of training steps that rounds after the current one have taken: with a shorter horizon, or because
        workers measure several rounds at once.
        """
        by_workers = 0 if self._spread is None else self._spread.steps_ahead(len(self))
        return by_workers + sum(int(ends.steps[:-1].sum()) for ends in self._begins.values())

    def _results(self, rounds: Sequence[Round]) -> TuneResults:
        shape = len(rounds), self.rates.size
        deltas = np.array([round.deltas for round in rounds]).reshape(shape)
        measured = np.array([round.measured for round in rounds], bool).reshape(shape)
        curves = np.array([round.curves for round in rounds]).reshape(*shape, self.settings.horizon)
        starts = np.array([round.starts for round in rounds]).reshape(len(rounds), self.settings.horizon)
        if rounds and np.isnan(curves).all():
            # A continued run of version 1.
            return TuneResults(self.rates, deltas, self.settings.scale, measured)
        return TuneResults(self.rates, deltas, self.settings.scale, measured, curves, starts)

    @property
    def saved_run(self) -> SavedRun:
        """The run so far, as it can be saved. The first access computes the fingerprint, which takes longer."""
        # A copy: another thread may add a round meanwhile.
        rounds = [*self._rounds]
        known = {}
        if self._measurement is not None:
            from autolr_widget.engine.saved.fingerprint import fingerprint, versions

            state, tuned = self._measurement.start.state, self._measurement.training.step.optimizer
            self._fingerprint = self._fingerprint or fingerprint(state, tuned, *self._data())
            known = versions() | {
                "start": self._fingerprint,
                "began": self._began,
                "model": self.model.name,
                "optimizer": type(tuned).__name__,
            }
        return SavedRun(
            self.settings,
            self._results(rounds),
            np.array([round.loss for round in rounds]),
            **known,
            looks=tuple(self.looks),
            num_observations=self.num_observations,
            own_batch_size=self.own_batch_size,
        )

    @property
    def is_complete(self) -> bool:
        """Whether the run has all its rounds, or is settled and its ``stop_rule`` lets it end early."""
        if self.settings.stop_rule == "settled" and settled(self.deltas, self.settings.alpha):
            return True
        return len(self) >= self.settings.num_subsamples

    def __len__(self) -> int:
        """The number of finished rounds."""
        return len(self._rounds)

    def measure(self, index: int) -> Round:
        """Measure round ``index`` and return it, without adding it to the results.

        The result depends only on the state in which the run began, not on earlier rounds. All rates are measured, in a
        race too.

        Raises
        ------
        ValueError
            If the loss before the steps is not finite, or the model or the data can't be measured.
        """
        batches = self._batches(index)
        round = self._measure(batches).whole(batches, index, np.ones(self.rates.size, dtype=bool))
        self._check(round)
        return round

    def step(self) -> Round:
        """Measure the rest of the current round, add it to the results, and return it.

        If it raises, the finished rounds are kept, and the current round starts over.

        Raises
        ------
        ValueError
            If the loss before the steps is not finite, or the model or the data can't be measured.
        MemoryError
            If TensorFlow runs out of memory.
        """
        while True:
            round = self._slice(SLICE)
            if round is not None:
                return round

    def advance(self, seconds: float) -> Round | None:
        """Measure for about ``seconds``, at least one slice, and at most to the end of the current round.

        A slice is some steps at some of the rates. `unfinished` is the current round. The numbers do not depend on how
        a round is cut into slices. It raises like `step`.

        Returns
        -------
        Round or None
            The round, if it is finished now.
        """
        deadline = time.perf_counter() + seconds
        while True:
            round = self._slice(min(SLICE, max(0.0, deadline - time.perf_counter())))
            if round is not None or time.perf_counter() >= deadline:
                break
        if self.is_complete:
            self.let_go()
        return round

    def let_go(self) -> None:
        """Close what reading a stream has opened: iterators with their threads and files, the lock of a cache.

        Paths that no worker has begun with are taken back.

        Call it after `step`, before the stream is used otherwise, by `fit` say. The next round opens it again. A loop
        over the tuner does this at its end.
        """
        if self._spread is not None:
            self._spread.let_go()
        for data in (self.observations, self.validation):
            if data is not None:
                data.let_go()

    @property
    def unfinished(self) -> Unfinished | None:
        """What has been measured of the current round. None between two rounds."""
        paths, measurement = self._paths, self._measurement
        if paths is None or measurement is None:
            return None
        racing = self.racing
        curves = np.full((self.rates.size, self.settings.horizon), np.nan)
        steps = np.zeros(self.rates.size, dtype=np.int64)
        curves[racing], steps[racing] = paths.curves[:-1], paths.steps[:-1]
        starts = paths.curves[-1].copy()
        return Unfinished(len(self), curves, starts, steps, paths.common_steps, self.seconds_per_step)

    @property
    def seconds_per_step(self) -> float:
        """The time that a training step at one rate takes. NaN before it is known."""
        if self._spread is not None:
            return self._spread.seconds_per_step
        return np.nan if self._training is None else self._training.seconds_per_step

    @property
    def workers(self) -> str:
        """The workers that measure the paths, in words: ``"2 workers of Dask"``. Empty if there are none."""
        if self._comparison is not None and not self._comparison.helps:
            return f"{self._comparison.processes} processes would not be faster"
        return "" if self._spread is None else self._spread.words

    def _slice(self, seconds: float) -> Round | None:
        """Measure a slice of about ``seconds``. Return the round if it is finished now."""
        from autolr_widget.engine.measuring.distributed import check_scope

        check_scope()
        if not self._ahead:
            index, racing = len(self._rounds), self.racing
            if self._paths is None:
                batches = self._batches(index)
                measurement = self._measure(batches)
                # The ends of the last round needed no memory of their own until now.
                if not measurement.fits(len(self._ends) + len(self._begins)):
                    self._ends.pop(index - 1, None)
                if not self._along_a_line(measurement, batches, index, racing):
                    if self._pool is None:
                        self._paths = measurement.paths(batches, index, racing, self._begins.pop(index, None))
                    else:
                        self._paths = self._spread_over(self._pool, measurement, index, racing)
            if self._paths is not None and self._measurement is not None:
                try:
                    if self._paths.advance(seconds):
                        self._leave_if_slower()
                        return None
                    self._ahead.append(self._measurement.finished(self._paths, index, racing))
                    if self._paths.ends is not None:
                        self._ends[index] = self._paths.ends
                except BaseException:
                    self._paths = None
                    raise
                self._paths = None
        round = self._ahead.popleft()
        try:
            self._check(round)
        except BaseException:
            self._ahead.clear()
            if self._spread is not None:
                self._spread.close()
            self._spread = None
            raise
        if self._widen_if_too_short(round):
            return None
        self._rounds.append(round)
        return self._rounds[-1]

    def _widen_if_too_short(self, round: Round) -> bool:
        """Widen the default grid, see `WIDER`, if the first round says that a better rate may lie beyond it.

        Return whether the grid is wider now: then the round does not count, and is measured again.
        """
        settings = self.settings
        if round.index > 0 or settings.scale != "log" or self._measurement is None:
            return False
        known = WIDER.get((settings.lr_min, settings.lr_max, settings.num_evals), {})
        wider = known.get(beyond(self.rates, round.deltas))
        if wider is None:
            return False
        low, high, count = wider
        self.settings = replace(settings, lr_min=low, lr_max=high, num_evals=count)
        self.rates = grid(low, high, count)
        self._measurement = self._measurement.widened(self.settings, self.rates)
        if self._spread is not None:
            self._spread.close()
        self._spread = None
        self.is_widened = True
        self._ahead.clear()
        self._ends.clear()
        self._begins.clear()
        return True

    @property
    def racing(self) -> NDArray[np.bool_]:
        """Which rates the next round measures, as booleans of shape ``(num_evals,)``. Without a race, all of them."""
        if self.settings.pruner == "none":
            return np.ones(self.rates.size, dtype=bool)
        return race.racing(self.deltas, self.settings.pruner, self.settings.alpha)

    def _batches(self, index: int) -> Callable[[int], Batch]:
        """Return the function that returns the batches of round ``index``, by the number of the step."""
        settings = self.settings
        drawn = settings.batch_size, settings.seed, index
        batch = self.observations.draw(*drawn, settings.horizon, settings.held_out)
        if settings.evaluate_on != "validation" or self.validation is None:
            return lambda step: self._preprocessing(batch(step))
        from autolr_widget.engine.runs.validation_data import sample

        seen = sample(self.validation, *drawn)
        return lambda step: self._preprocessing(
            batch(step) if step < settings.horizon else seen(step - settings.horizon)
        )

    @property
    def _reads_rows(self) -> bool:
        """Whether batches are nothing but rows of the training data."""
        from autolr_widget.engine.measuring.validation import preprocesses

        return self.settings.evaluate_on != "validation" and not preprocesses(self.model)

    def _data(self) -> list[Observations | Stream]:
        """Return the training data, and the validation data if the losses are measured on them."""
        seen = self.validation if self.settings.evaluate_on == "validation" else None
        return [self.observations] if seen is None else [self.observations, seen]

    def _check(self, round: Round) -> None:
        settings = self.settings
        drawn = settings.batch_size, settings.seed, round.index, settings.horizon, settings.held_out

        def not_finite() -> str:
            found = self.observations.not_finite(*drawn)
            if found or self.validation is None or settings.evaluate_on != "validation":
                return found
            found = self.validation.not_finite(*drawn[:3], VALIDATION_BATCHES)
            return found and f"in `validation_data`, {found}"

        check_round(round, not_finite)

    def _measure(self, batches: Callable[[int], Batch]) -> Measurement:
        """Return the object that measures rounds. The first call reads the model's state, and the first batch."""
        if self._measurement is None:
            batch = batches(0)
            from autolr_widget.engine.measuring.measurement import Measurement
            from autolr_widget.engine.measuring.training import Training

            if self._training is None:
                self._training = Training(self.model, batch, self._optimizer_name, self._loss_name)
            self._measurement = Measurement(self._training, self.settings, self.rates, batch)
            self._began = datetime.now(timezone.utc).isoformat(timespec="seconds")
        return self._measurement

    def _spread_over(self, pool: Pool, measurement: Measurement, index: int, racing: NDArray[np.bool_]) -> SpreadRound:
        """Return the paths of round ``index``, which workers measure. While they do, they begin with later rounds."""
        from autolr_widget.engine.workers.source import sent_source
        from autolr_widget.engine.workers.spread import Spread

        if self._spread is None:
            source = sent_source(self.observations) if self._reads_rows else None
            self._spread = Spread(pool, measurement, self.settings, source)
        left = self.settings.num_subsamples - index
        if self.settings.pruner == "racing":
            left = min(left, HEAT - index % HEAT)
        return self._spread.round(index, index + max(1, left) - 1, self.rates[racing], self._batches, self._rows)

    def _leave_if_slower(self) -> None:
        """Measure the rest in this process, if processes on this machine turn out to be slower."""
        if self._spread is None or self._spread.comparison is None or self._comparison is not None:
            return
        self._comparison = self._spread.comparison
        if not self._comparison.helps:
            self._spread.close()
            self._spread = self._pool = self._paths = None

    def _along_a_line(
        self, measurement: Measurement, batches_of_first: Callable[[int], Batch], index: int, racing: NDArray[np.bool_]
    ) -> bool:
        """Measure the next rounds in one call, if only one step is taken, and its weights lie on a line."""
        if not measurement.may_be_on_line(index):
            return False
        # Those of a stream are not measured in one call: it is not read further than the current round needs.
        left = self.settings.num_subsamples - index if self.observations.any_order else 1
        if self.settings.pruner == "racing":
            left = min(left, HEAT - index % HEAT)
        began = time.perf_counter()
        batches = [batches_of_first(0)]
        for following in range(index + 1, index + min(self._block, left)):
            try:
                batches.append(self._batches(following)(0))
            except Exception:  # It is raised again when its round is measured.
                break
        found = measurement.on_line(batches, index, racing)
        self._ahead += found
        self._block = max(1, min(MOST, int(BLOCK * len(batches) / (time.perf_counter() - began))))
        return bool(found)

    def __iter__(self) -> Iterator[Round]:
        """Run the remaining rounds, and yield each of them."""
        try:
            while not self.is_complete:
                yield self.step()
        finally:
            self.let_go()


def check_round(round: Round, not_finite: Callable[[], str]) -> None:
    """Raise a `ValueError` if a round tells nothing, because its loss or its data are not finite.

    Parameters
    ----------
    round
        The round.
    not_finite
        Tells where its data are not finite. Data that do no harm are not looked at: a loss may leave out NaN.
    """
    if math.isfinite(round.loss) and np.isfinite(round.deltas).any():
        return
    found = not_finite()
    if not math.isfinite(round.loss):
        raise ValueError(
            f"The loss is {round.loss} before the first step, "
            + (
                f"and {found}. Replace these values, or remove these rows."
                if found
                else "although weights and data are finite. Look for a logarithm or a division in the model or its "
                "loss, for labels that the loss is not defined for, or scale the data."
            )
        )
    if found:
        raise ValueError(
            f"All rates diverged, and {found}. A ReLU can hide that from the loss, but the step makes all weights NaN. "
            "Replace these values, or remove these rows."
        )
