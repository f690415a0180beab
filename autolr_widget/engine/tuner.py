"""The engine on its own: rounds, one after the other."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from autolr_widget.engine import race, resume
from autolr_widget.engine.grid import grid
from autolr_widget.engine.race import HEAT, settled
from autolr_widget.engine.record import Record
from autolr_widget.engine.results import TuneResults
from autolr_widget.engine.settings import Settings, lr_space_ends

if TYPE_CHECKING:
    import keras

    from autolr_widget.engine.differential import LossDifferential
    from autolr_widget.engine.loss import Batch
    from autolr_widget.engine.observations import Observations
    from autolr_widget.engine.path import State
    from autolr_widget.engine.stream import Stream

#: Seconds of rounds that are measured in one call, and rounds at most.
BLOCK, MOST = 0.06, 16


@dataclass(frozen=True)
class Round:
    """One finished round.

    ``loss`` is the loss of its subsample before the step; ``deltas``, shape ``(num_evals,)``, what the steps at
    each learning rate change it by, NaN where the rate diverged, and where it is not ``measured``.
    """

    index: int
    loss: float
    deltas: NDArray[np.float64]
    measured: NDArray[np.bool_]


class LRTuner:
    """Measures how much one optimizer step lowers the loss, at every learning rate of a grid.

    Parameters
    ----------
    model
        A compiled Keras model. Neither it nor its optimizer is ever written to.
    x, y, sample_weight, class_weight
        The data to draw subsamples from, as for `Model.fit`: arrays, frames, tensors or anything else whose rows can be
        had by index, or lists, tuples and dicts of them, see `Observations`. Or ``x`` alone, as a `tf.data.Dataset`, a
        `keras.utils.PyDataset`, a generator or a torch ``DataLoader``, see `Stream`.
    lr_space
        The two ends of the grid.
    scale, num_evals, num_subsamples, batch_size, horizon, evaluate_on, method, alpha, band, sampler, stop, seed
        See `Settings`.

    Raises
    ------
    ValueError
        If an argument can't be used; the message names it.

    Notes
    -----
    A run measures the state that model and optimizer are in at its first round, whatever happens to them after.

    Examples
    --------
    >>> tuner = LRTuner(model, x, y)  # doctest: +SKIP
    >>> for round in tuner:  # doctest: +SKIP
    ...     print(round.index, tuner.results.best_lr())
    """

    def __init__(
        self,
        model: keras.Model,
        x: Any,
        y: Any = None,
        *,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | None = None,
        lr_space: tuple[float, float] = (1e-4, 10.0),
        scale: str = "log",
        num_evals: int = 9,
        num_subsamples: int = 10,
        batch_size: int = 32,
        horizon: int = 55,
        evaluate_on: str = "own",
        method: str = "cautious",
        alpha: float = 0.05,
        band: str = "normal",
        sampler: str = "full",
        stop: str = "rounds",
        seed: int = 42,
    ) -> None:
        lr_min, lr_max = lr_space_ends(lr_space)
        settings = Settings(
            lr_min=lr_min,
            lr_max=lr_max,
            scale=scale,
            num_evals=num_evals,
            num_subsamples=num_subsamples,
            batch_size=batch_size,
            horizon=horizon,
            evaluate_on=evaluate_on,
            method=method,
            alpha=alpha,
            band=band,
            sampler=sampler,
            stop_rule=stop,
            seed=seed,
        )
        # TensorFlow takes seconds to import; whoever has a Keras model has paid for it already.
        from autolr_widget.engine.observations import Observations
        from autolr_widget.engine.stream import Stream, is_stream
        from autolr_widget.engine.usable import check_model, check_targets, observation_shapes

        check_model(model)
        if not is_stream(x):
            observations: Observations | Stream = Observations(x, y, sample_weight, class_weight)
            check_targets(model, y)
        elif y is None and sample_weight is None:
            observations = Stream(x, observation_shapes(model), class_weight)
        else:
            raise ValueError(
                "Arguments `y` and `sample_weight` must be None where `x` yields them itself. "
                f"Received: x of type {type(x).__name__}"
            )
        self._begin(model, observations, settings, None)

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
        """A tuner of the same model and data with these settings and no rounds.

        It measures the model as it is by then, and shares the traced graph where that still holds.
        """
        other = object.__new__(LRTuner)
        traced = self._differential if self._differential and self._differential.is_current() else None
        other._begin(self.model, self.observations, settings, traced)
        return other

    def resumed(self, record: Record) -> LRTuner:
        """A tuner of the same model and data with the settings of ``record``, and its rounds in place.

        Its next round has the numbers that it would have had without the break, to the last bit on the same machine.

        Raises
        ------
        ValueError
            If the model, its optimizer or the data are not as the rounds of ``record`` found them, as far as its
            `start` and the losses of its first and last round tell.
        """
        other = self.renewed(record.settings)
        count = len(record.results)
        if count == 0:
            return other
        other.rates = record.results.rates
        other._prepare(other._draw(0))
        resume.check_start(record, other.record)
        # On paths, each rate costs as much as the loss before them.
        few = np.ones(other.rates.size, dtype=bool)
        few[1:] = other.settings.horizon == 1
        for index in sorted({0, count - 1}):
            (again,) = other._measure(range(index, index + 1), few)
            resume.check_loss(index, float(record.losses[index]), again.loss)
        other._began = record.began
        measured = record.results.measured
        assert measured is not None
        columns = range(count), record.losses.tolist(), record.results.deltas, measured
        other._rounds = [Round(*round) for round in zip(*columns, strict=True)]
        return other

    def check_settings(self, settings: Settings) -> None:
        """Refuse a batch size that the data or the model can't give."""
        from autolr_widget.engine.usable import check_batch_size

        self.observations.check_batch_size(settings.batch_size, settings.held_out)
        check_batch_size(self.model, settings.batch_size)

    @property
    def plan(self) -> str:
        """How rounds are measured, in words. Known once one has been."""
        return "Not known before the first round." if self._differential is None else self._differential.plan

    @property
    def model_has_changed(self) -> bool:
        """Whether the model has other weights by now than the run measures, or was compiled anew."""
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
        """The rounds finished so far."""
        return self._results([*self._rounds])

    def _results(self, rounds: Sequence[Round]) -> TuneResults:
        shape = len(rounds), self.rates.size
        deltas = np.array([round.deltas for round in rounds]).reshape(shape)
        measured = np.array([round.measured for round in rounds], bool).reshape(shape)
        return TuneResults(self.rates, deltas, self.settings.scale, measured)

    @property
    def record(self) -> Record:
        """The run so far, as it can be kept in a file.

        The first one of a run takes longer: it makes the fingerprint of the state that the run began in.
        """
        # As they are now: another thread may be adding one.
        rounds = [*self._rounds]
        known = {}
        if self._differential is not None and self._state is not None:
            from autolr_widget.engine.fingerprint import fingerprint, versions

            self._start = self._start or fingerprint(self._state, self._differential.optimizer, self.observations)
            known = versions() | {
                "start": self._start,
                "began": self._began,
                "model": self.model.name,
                "optimizer": type(self._differential.optimizer).__name__,
            }
        losses = np.array([round.loss for round in rounds])
        return Record(self.settings, self._results(rounds), losses, **known)

    @property
    def is_complete(self) -> bool:
        """Whether no round is left: all have been run, or the choice is settled and the run may end there."""
        if self.settings.stop_rule == "settled" and settled(self.deltas, self.settings.alpha):
            return True
        return len(self) >= self.settings.num_subsamples

    def __len__(self) -> int:
        """Rounds finished."""
        return len(self._rounds)

    def measure(self, index: int) -> Round:
        """Measure round ``index`` and return it: a pure function of the run's start, whatever came before.

        All rates take part, in a race too.
        """
        (round,) = self._measure(range(index, index + 1), np.ones(self.rates.size, dtype=bool))
        check_loss(round.loss)
        return round

    def step(self) -> Round:
        """Run one more round, add it to the results, and return it. An error leaves the finished rounds alone."""
        if not self._ahead:
            index = len(self._rounds)
            # Quick rounds are measured a few ahead, in one call. No more of a stream is read than its rounds see.
            left = self.settings.num_subsamples - index if self.observations.any_order else 1
            if self.settings.sampler == "racing":
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
        """The rates that the next round measures, shape ``(num_evals,)``: all, but in a race."""
        return race.racing(self.deltas, self.settings.sampler, self.settings.alpha)

    def _draw(self, index: int) -> Batch:
        settings = self.settings
        return self.observations.draw(settings.batch_size, settings.seed, index, settings.horizon, settings.held_out)

    def _prepare(self, batch: Batch) -> tuple[LossDifferential, State]:
        """What measures rounds of batches like this one, and the state that they start from."""
        if self._differential is None:
            from autolr_widget.engine.differential import LossDifferential

            self._differential = LossDifferential(self.model, batch)
        if self._state is None:
            self._state = self._differential.state()
            self._began = datetime.now(timezone.utc).isoformat(timespec="seconds")
        return self._differential, self._state

    def _measure(self, indices: range, racing: NDArray[np.bool_]) -> list[Round]:
        """These rounds at the rates that are ``racing``, or the ones before the first whose data can't be had."""
        settings = self.settings
        batches: list[Batch] = []
        for index in indices:
            try:
                batches.append(self._draw(index))
            except Exception:
                if not batches:
                    raise
                break
        differential, state = self._prepare(batches[0])
        some = None if settings.sampler == "full" and racing.all() else racing
        losses, deltas = differential(state, self.rates, some, batches, indices[0], settings.horizon, settings.seen)
        return [Round(*round, racing) for round in zip(indices, losses.tolist(), deltas, strict=False)]

    def __iter__(self) -> Iterator[Round]:
        """Run all the rounds that are left."""
        while not self.is_complete:
            yield self.step()


def check_loss(loss: float) -> None:
    """Refuse a loss that no step can be judged by."""
    if not math.isfinite(loss):
        raise ValueError(
            f"The loss is {loss} before any step, though weights and data are finite. Look for a logarithm or a "
            "division in the model or its loss, or scale the data."
        )
