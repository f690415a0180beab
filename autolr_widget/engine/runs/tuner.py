"""The tuner without the widget: it measures one round after the other."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from autolr_widget.engine.arguments import settings_from, takes_settings
from autolr_widget.engine.data.subsample import subsample
from autolr_widget.engine.grid import grid
from autolr_widget.engine.reading import race
from autolr_widget.engine.reading.race import HEAT, settled
from autolr_widget.engine.reading.results import TuneResults
from autolr_widget.engine.saved import restore
from autolr_widget.engine.saved.saved_run import SavedRun
from autolr_widget.engine.settings import Settings
from autolr_widget.engine.types import Round

if TYPE_CHECKING:
    import keras

    from autolr_widget.engine.data.observations import Observations
    from autolr_widget.engine.data.stream import Stream
    from autolr_widget.engine.measuring.differential import LossDifferential
    from autolr_widget.engine.types import Batch, State

#: One call measures as many rounds as take about `BLOCK` seconds, but at most `MOST` rounds.
BLOCK, MOST = 0.06, 16


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
        `keras.utils.PyDataset`, a generator or a torch ``DataLoader`` (see `Stream`).
    **settings

    Raises
    ------
    ValueError
        If an argument can't be used. The message names it.

    Notes
    -----
    All rounds start from the state that the model and its optimizer have when the first round is measured. Later
    changes to the model do not affect the run.

    Examples
    --------
    >>> tuner = LRTuner(model, x, y)  # doctest: +SKIP
    >>> for round in tuner:  # doctest: +SKIP
    ...     print(round.index, tuner.results.best_lr())
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
        **settings: Any,
    ) -> None:
        asked = settings_from(settings)
        # TensorFlow takes seconds to import. A user with a Keras model has imported it already.
        from autolr_widget.engine.data.observations import Observations
        from autolr_widget.engine.data.stream import Stream, is_stream
        from autolr_widget.engine.measuring.validation import check_model, check_targets, observation_shapes

        check_model(model)
        if not is_stream(x):
            observations: Observations | Stream = Observations(x, y, sample_weight, class_weight)
            check_targets(model, y)
        elif y is None and sample_weight is None:
            observations = Stream(x, observation_shapes(model), class_weight)
        else:
            raise ValueError(
                "Arguments `y` and `sample_weight` must be None if `x` is a stream, which yields them itself. "
                f"Received: x of type {type(x).__name__}"
            )
        self._begin(model, observations, asked, None)

    def _begin(
        self,
        model: keras.Model,
        observations: Observations | Stream,
        settings: Settings,
        differential: LossDifferential | None,
    ) -> None:
        self.model = model
        self.observations = observations
        self.check_settings(settings)
        self.settings = settings
        self.rates = grid(settings.lr_min, settings.lr_max, settings.num_evals, settings.scale)
        self._differential = differential
        self._state: State | None = None
        self._start = ""
        self._began = ""
        self._rounds: list[Round] = []
        self._ahead: deque[Round] = deque()
        self._block = 1

    def renewed(self, settings: Settings) -> LRTuner:
        """Return a tuner of the same model and data with other settings and without rounds.

        It measures the current state of the model, and reuses the traced graph if that is still valid.
        """
        other = object.__new__(LRTuner)
        traced = self._differential if self._differential and self._differential.is_current() else None
        other._begin(self.model, self.observations, settings, traced)
        return other

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
        count = len(saved_run.results)
        if count == 0:
            return other
        other.rates = saved_run.results.rates
        other._prepare(other._sample(0))
        restore.check_start(saved_run, other.saved_run)
        # Only the loss before the steps is needed. With several steps, each rate takes as long to measure as that loss,
        # so only one rate is measured.
        few = np.ones(other.rates.size, dtype=bool)
        few[1:] = other.settings.horizon == 1
        for index in sorted({0, count - 1}):
            (again,) = other._measure(range(index, index + 1), few)
            restore.check_loss(index, float(saved_run.losses[index]), again.loss)
        other._began = saved_run.began
        other._rounds = [*saved_run.rounds]
        return other

    def check_settings(self, settings: Settings) -> None:
        """Raise a `ValueError` if the data or the model do not allow the batch size of ``settings``."""
        from autolr_widget.engine.measuring.validation import check_batch_size

        self.observations.check_batch_size(settings.batch_size, settings.held_out)
        check_batch_size(self.model, settings.batch_size)

    @property
    def optimizer(self) -> str:
        """The name of the class of the model's optimizer."""
        return type(self.model.optimizer).__name__

    @property
    def num_observations(self) -> int | None:
        """The number of observations. None if it is not known, because a stream has not ended yet."""
        return self.observations.size

    @property
    def data_arguments(self) -> str:
        """The arguments that pass the same data to a call, as Python source with the usual names: ``"x, y"``."""
        return self.observations.arguments

    def first_batch(self, index: int) -> NDArray[np.int64] | None:
        """Return the row numbers of the first batch of round ``index``, shape ``(batch_size,)``; None for a stream."""
        settings, size = self.settings, self.observations.size
        if size is None or not self.observations.any_order:
            return None
        rows = subsample(size, settings.batch_size, settings.seed, index, settings.horizon, settings.held_out)
        return rows[: settings.batch_size]

    @property
    def plan(self) -> str:
        """How rounds are measured, in words. It is not known before the first round."""
        return "Not known before the first round." if self._differential is None else self._differential.plan

    @property
    def model_has_changed(self) -> bool:
        """Whether the model's weights have changed since the run began, or the model has been compiled again."""
        if self._differential is None or self._state is None:
            return False
        pairs = zip(self._state.trainable, self.model.trainable_variables, strict=True)
        return not self._differential.is_current() or any(
            not np.array_equal(then.numpy(), now.numpy()) for then, now in pairs
        )

    @property
    def rounds(self) -> tuple[Round, ...]:
        """The finished rounds."""
        return tuple(self._rounds)

    @property
    def deltas(self) -> NDArray[np.float64]:
        """Loss differentials of the finished rounds, shape ``(rounds, num_evals)``; NaN where a rate diverged."""
        return np.array([round.deltas for round in self._rounds]).reshape(-1, self.rates.size)

    @property
    def results(self) -> TuneResults:
        """The results of the rounds finished so far."""
        return self._results([*self._rounds])

    def _results(self, rounds: Sequence[Round]) -> TuneResults:
        shape = len(rounds), self.rates.size
        deltas = np.array([round.deltas for round in rounds]).reshape(shape)
        measured = np.array([round.measured for round in rounds], bool).reshape(shape)
        return TuneResults(self.rates, deltas, self.settings.scale, measured)

    @property
    def saved_run(self) -> SavedRun:
        """The run so far, as it can be saved. The first access computes the fingerprint, which takes longer."""
        # A copy: another thread may add a round meanwhile.
        rounds = [*self._rounds]
        known = {}
        if self._differential is not None and self._state is not None:
            from autolr_widget.engine.saved.fingerprint import fingerprint, versions

            self._start = self._start or fingerprint(self._state, self._differential.optimizer, self.observations)
            known = versions() | {
                "start": self._start,
                "began": self._began,
                "model": self.model.name,
                "optimizer": type(self._differential.optimizer).__name__,
            }
        losses = np.array([round.loss for round in rounds])
        return SavedRun(self.settings, self._results(rounds), losses, **known)

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
        (round,) = self._measure(range(index, index + 1), np.ones(self.rates.size, dtype=bool))
        check_loss(round.loss)
        return round

    def step(self) -> Round:
        """Run one more round, add it to the results, and return it. If it raises, the finished rounds are kept.

        Raises
        ------
        ValueError
            If the loss before the steps is not finite, or the model or the data can't be measured.
        MemoryError
            If TensorFlow runs out of memory.
        """
        if not self._ahead:
            index = len(self._rounds)
            # Quick rounds are measured several at a time, in one call. Those of a stream are not: it is never read
            # further than the current round needs.
            left = self.settings.num_subsamples - index if self.observations.any_order else 1
            if self.settings.pruner == "racing":
                left = min(left, HEAT - index % HEAT)
            racing = self.racing
            began = time.perf_counter()
            self._ahead += self._measure(range(index, index + max(1, min(self._block, left))), racing)
            each = (time.perf_counter() - began) / len(self._ahead)
            self._block = max(1, min(MOST, int(BLOCK / each)))
        check_loss(self._ahead[0].loss)
        self._rounds.append(self._ahead.popleft())
        return self._rounds[-1]

    @property
    def racing(self) -> NDArray[np.bool_]:
        """Which rates the next round measures, as booleans of shape ``(num_evals,)``. Without a race, all of them."""
        return race.racing(self.deltas, self.settings.pruner, self.settings.alpha)

    def _sample(self, index: int) -> Batch:
        settings = self.settings
        return self.observations.sample(settings.batch_size, settings.seed, index, settings.horizon, settings.held_out)

    def _prepare(self, batch: Batch) -> tuple[LossDifferential, State]:
        """Return the object that measures rounds with batches like this one, and the state from which they start."""
        if self._differential is None:
            from autolr_widget.engine.measuring.differential import LossDifferential

            self._differential = LossDifferential(self.model, batch)
        if self._state is None:
            self._state = self._differential.state()
            self._began = datetime.now(timezone.utc).isoformat(timespec="seconds")
        return self._differential, self._state

    def _measure(self, indices: range, racing: NDArray[np.bool_]) -> list[Round]:
        """Measure these rounds at the rates ``racing``, as far as their data can be read. Raise if there are none."""
        settings = self.settings
        batches: list[Batch] = []
        for index in indices:
            try:
                batches.append(self._sample(index))
            except Exception:
                if not batches:
                    raise
                break
        differential, state = self._prepare(batches[0])
        some = None if settings.pruner == "none" and racing.all() else racing
        losses, deltas = differential(state, self.rates, some, batches, indices[0], settings.horizon, settings.seen)
        return [Round(*round, racing) for round in zip(indices, losses.tolist(), deltas, strict=False)]

    def __iter__(self) -> Iterator[Round]:
        """Run the remaining rounds, and yield each of them."""
        while not self.is_complete:
            yield self.step()


def check_loss(loss: float) -> None:
    """Raise a `ValueError` if the loss before the steps is not finite, because nothing can be compared with it."""
    if not math.isfinite(loss):
        raise ValueError(
            f"The loss is {loss} before the first step, although weights and data are finite. Look for a logarithm or "
            "a division in the model or its loss, or scale the data."
        )
