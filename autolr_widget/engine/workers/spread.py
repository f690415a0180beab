"""The paths of a run, spread over the workers of an executor."""

from __future__ import annotations

import math
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Future
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from autolr_widget.engine.measuring.measurement import Measurement
from autolr_widget.engine.measuring.paths import Paths
from autolr_widget.engine.measuring.training import cores, out_of_memory
from autolr_widget.engine.rate_text import rate_text
from autolr_widget.engine.saved.fingerprint import versions
from autolr_widget.engine.settings import Settings
from autolr_widget.engine.types import Batch, Floats
from autolr_widget.engine.workers.comparison import Comparison
from autolr_widget.engine.workers.pool import ANOTHER, Pool
from autolr_widget.engine.workers.sent import SentBatches, SentLoop, SentModel, sent_loop, sent_model
from autolr_widget.engine.workers.source import SentRows, SentSource
from autolr_widget.engine.workers.spread_round import SpreadRound
from autolr_widget.engine.workers.worker import CantRead, Failed, Lacks, Measured, Piece

#: The seconds of a slice that is timed in this process.
SLICE = 0.25
#: The bytes of batches that may be held, before another round is read ahead.
HELD = 2**28
#: How often a path is tried whose worker dies or is out of memory.
TRIES = 3


class Spread:
    """Lets the workers of an executor measure the paths of a run.

    The workers get the traced graphs and the values of the variables: they need neither the classes of the model nor
    Keras's archive of it. The numbers are those of `Paths`, to the last bit on the same kind of machine.

    Parameters
    ----------
    pool
        The workers.
    measurement
        The rounds of the run.
    settings
        The settings of the run.
    source
        The data, if workers may open them.
    """

    def __init__(
        self, pool: Pool, measurement: Measurement, settings: Settings, source: SentSource | None = None
    ) -> None:
        self.source = source
        self._pool = pool
        self._measurement = measurement
        self._settings = settings
        self._model: SentModel | None = None
        self._loops: dict[int, SentLoop] = {}
        self._rounds: dict[int, SpreadRound] = {}
        self._following: Iterator[SpreadRound] = iter(())
        self._running: dict[Future[Any], tuple[SpreadRound, int]] = {}
        #: Set when a worker has answered.
        self._ended = threading.Event()
        self._closed = False
        #: What workers have said that they lack.
        self._lacking: dict[tuple[int, int], set[str]] = {}
        #: The number of paths that could be measured at once when some were last submitted.
        self._size: int | None = None
        self._workers: set[str] = set()
        #: The seconds of a step in each worker, and those in this process.
        self._seconds: dict[str, float] = {}
        self._here = math.nan
        self._lock = threading.RLock()

    @property
    def words(self) -> str:
        """The workers, in words."""
        size = self._size
        if size == 0:
            return f"waiting for a worker of {self._pool.name}"
        if not self._workers:
            return f"starting the workers of {self._pool.name}"
        count = size or len(self._workers)
        return f"{count} path{'s' * (count != 1)} at once on {self._pool.name}"

    @property
    def seconds_per_step(self) -> float:
        """The time that a step takes, if all workers are at work. NaN before it is known."""
        if not self._seconds:
            return math.nan
        return statistics.fmean(self._seconds.values()) / (self._size or len(self._seconds))

    @property
    def comparison(self) -> Comparison | None:
        """Whether the workers help, if they take the cores of this process. None before each has measured a path."""
        count = len(self._seconds)
        if not self._pool.is_here or count == 0 or count < (self._size or 0):
            return None
        return Comparison(self._here, statistics.fmean(self._seconds.values()), count)

    def steps_ahead(self, index: int) -> int:
        """Return the number of training steps that have been taken for rounds after round ``index``."""
        return sum(int(some.steps[:-1].sum()) for some in [*self._rounds.values()] if some.index > index)

    def round(
        self,
        index: int,
        last: int,
        rates: Floats,
        batches: Callable[[int], Callable[[int], Batch]],
        rows: Callable[[int], NDArray[np.int64] | None] = lambda index: None,
    ) -> SpreadRound:
        """Return the paths of round ``index``, of which some may have been measured already.

        Parameters
        ----------
        index
            The index of the round, from 0.
        last
            The index of the last round that may be measured ahead.
        rates
            The learning rates to measure, shape ``(rates,)``.
        batches, rows
            Return the batches of a round and their row numbers, by its index.
        """

        def following(first: int) -> Iterator[SpreadRound]:
            for number in range(first, last + 1):
                yield SpreadRound(self, number, rates, batches(number), rows(number), self._settings)

        with self._lock:
            known = {number: some for number, some in self._rounds.items() if index <= number <= last}
            self._rounds = {number: some for number, some in known.items() if some.rates.tolist() == rates.tolist()}
            self._following = following(max([index, *(number + 1 for number in self._rounds)]))
            if index not in self._rounds:
                self._rounds[index] = next(self._following)
        if self._pool.is_here and math.isnan(self._here):
            self._here = self._time_here(rates, batches(index), index)
        return self._rounds[index]

    def _time_here(self, rates: Floats, batch: Callable[[int], Batch], index: int) -> float:
        """Return the seconds of a step in this process."""
        training, settings = self._measurement.training, self._settings
        how = settings.horizon, settings.seen
        # One path for each thread, with that of the starting state, so that a slice measures all of them.
        few = rates[: max(1, training.threads(batch(0)) - 1)]
        paths = Paths(training, self._measurement.variables, few, batch, index, *how)
        # The first two slices have one step, and are slow.
        for _ in range(4):
            paths.advance(SLICE)
        return training.seconds_per_step

    def advance(self, round: SpreadRound, seconds: float) -> bool:
        """Submit paths, and wait for about ``seconds`` until some are measured.

        Return False if ``round`` is complete.
        """
        deadline = time.monotonic() + seconds
        with out_of_memory(), self._lock:
            self._submit(deadline)
        if not round.is_complete:
            # Workers may come while it waits.
            self._ended.wait(min(max(0.0, deadline - time.monotonic()), 0.25))
        self._ended.clear()
        with self._lock:
            for future in [future for future in self._running if future.done()]:
                self._take(future)
        return not round.is_complete

    def let_go(self) -> None:
        """Take back the paths that no worker has begun with. Those that workers measure at the moment are kept."""
        with self._lock:
            begun = self._pool.begun(self._running)
            for future, (round, path) in [*self._running.items()]:
                if future not in begun and future.cancel():
                    del self._running[future]
                    round.todo.appendleft(path)

    def close(self) -> None:
        """Submit nothing any more, and take back the paths that no worker has begun with."""
        with self._lock:
            self._closed = True
            self.let_go()
            for round in self._rounds.values():
                self._pool.release(round.batches_key)

    def packed(
        self, round: SpreadRound, sent: SentBatches | SentRows, batches: list[Batch]
    ) -> tuple[dict[str, Any], Callable[[int], Piece]]:
        """Return all that the paths of a round need, by key, and the function that returns the piece for a path."""
        training, variables = self._measurement.training, self._measurement.variables
        # Most batches are alike. All functions are traced before the variables of a path are made.
        called = {}
        for step, batch in enumerate(batches):
            for kind in round.kinds(step):
                function = training.function(kind, batch)
                called[kind, id(function)] = kind, batch, function.specs
        path = variables.shadows()
        loops: dict[str, SentLoop] = {}
        for kind, batch, specs in called.values():
            loop = training.loop(kind, batch, path)
            if id(loop) not in self._loops:
                self._loops[id(loop)] = sent_loop(loop, kind, specs)
            loops[self._loops[id(loop)].key] = self._loops[id(loop)]
        variables.release([path])
        if self._model is None or len(self._model.variables) < len(training.variables):
            self._model = sent_model(training, self._measurement.start)
        model = self._model
        source = [self.source] if isinstance(sent, SentRows) and self.source is not None else []
        threads = tf.config.threading.get_intra_op_parallelism_threads() or cores()
        needed = {"tensorflow": tf.__version__, "autolr_widget": versions()["autolr_widget"]}

        def piece(path: int) -> Piece:
            settings = self._settings
            at = round.rates, round.index, settings.horizon, settings.seen
            keys = model.key, tuple(loops), sent.key, source[0].key if source else ""
            return Piece(*keys, path, *at, needed, threads)

        return {model.key: model, **loops, **{some.key: some for some in source}, sent.key: sent}, piece

    def _submit(self, deadline: float) -> None:
        if self._closed:
            return
        size = self._size = self._pool.size
        # Some are under way, so that a worker need not wait for the next one.
        most = 2 * (max(2, len(self._workers)) if size is None else size)
        while len(self._running) < most:
            round = self._next_round()
            if round is None or not self._read(round, deadline) or round.piece is None:
                break
            path = round.todo.popleft()
            carried = {key for key in round.needed if self._pool.sent[key] < (size or 0)}
            carried |= self._lacking.pop((round.index, path), set()) & round.needed.keys()
            self._pool.sent.update(carried)
            try:
                future = self._pool.submit(self._name(round, path), round.piece(path), round.needed, carried)
            except BaseException as error:
                round.todo.appendleft(path)
                if isinstance(error, BrokenExecutor):
                    raise RuntimeError(
                        f"{self._pool.name} is broken, because a worker has ended. The system ends workers that need "
                        f"too much memory. {ANOTHER}"
                    ) from error
                if isinstance(error, RuntimeError) and "shutdown" in str(error):
                    raise RuntimeError(f"{self._pool.name} has been shut down. {ANOTHER}") from error
                raise
            self._running[future] = round, path
            future.add_done_callback(lambda _: self._ended.set())

    def _next_round(self) -> SpreadRound | None:
        """Return the first round with paths to measure, or begin another one, if there is memory for its batches."""
        for round in self._rounds.values():
            if round.todo:
                return round
        if sum(round.bytes for round in self._rounds.values()) > HELD:
            return None
        try:
            following = next(self._following, None)
        except Exception:
            self._following = iter(())
            return None
        if following is not None:
            self._rounds[following.index] = following
        return following

    def _read(self, round: SpreadRound, deadline: float) -> bool:
        try:
            return round.read(deadline)
        except Exception:
            if round.index == min(self._rounds):
                raise
            # It is raised again when this is the current round.
            self._following = iter(())
            del self._rounds[round.index]
            return False

    def _name(self, round: SpreadRound, path: int) -> str:
        # The rate first: Dask's dashboard shows up to 15 letters.
        what = "start" if path == round.rates.size else f"rate {rate_text(float(round.rates[path]))}"
        return f"{what}, round {round.index + 1}"

    def _take(self, future: Future[Any]) -> None:
        round, path = self._running.pop(future)
        try:
            found = future.result()
        except BaseException as error:
            # That of a worker, which may have been interrupted with this process.
            self._again(round, path, f"{type(error).__name__}: {error}")
            return
        self._workers.add(found.worker)
        if isinstance(found, Measured):
            round.take(path, found)
            if round.is_complete:
                self._pool.release(round.batches_key)
            if found.seconds_per_step > 0:
                self._seconds[found.worker] = found.seconds_per_step
        elif isinstance(found, Lacks):
            self._lacking[round.index, path] = {*found.keys}
            round.todo.appendleft(path)
        elif isinstance(found, CantRead):
            self.source = None
            for some in self._rounds.values():
                some.send_batches()
            round.todo.appendleft(path)
        elif isinstance(found, Failed):
            reason = f"Worker {found.worker}: {found.reason}"
            if not found.may_succeed:
                round.todo.appendleft(path)
                raise RuntimeError(f"A worker can't measure the paths. {reason}")
            self._again(round, path, reason)

    def _again(self, round: SpreadRound, path: int, reason: str) -> None:
        """Put a path back. Raise a `RuntimeError` if it has failed too often."""
        round.todo.appendleft(path)
        round.tries[path] += 1
        if round.tries[path] < TRIES:
            return
        round.tries[path] = 0
        raise RuntimeError(f"A path ({self._name(round, path)}) failed {TRIES} times on {self._pool.name}. {reason}")
