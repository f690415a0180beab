"""The paths of a round: each learning rate trains from the same start on the same batches, some steps at a time."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from autolr_widget.engine.measuring.loop import LOOKED_AT, Shadows
from autolr_widget.engine.measuring.path_losses import PathLosses
from autolr_widget.engine.measuring.path_variables import PathVariables
from autolr_widget.engine.measuring.traced import Traced
from autolr_widget.engine.measuring.training import out_of_memory
from autolr_widget.engine.measuring.training_step import leaves_of
from autolr_widget.engine.types import Batch, Floats

#: The memory in bytes for the states of the paths that advance together. If they are larger, one path is measured
#: after the other.
STATES = 2**30
#: The learning rate of a step that is only taken for its loss. A `train_step` may update the weights before its loss is
#: complete, as one that updates them for one caption after the other. It is not 0, by which Ftrl divides.
STILL = 1e-12
#: The memory in bytes for the batches of a slice.
BATCHES = 2**25


class Ends(NamedTuple):
    """Where the paths of a round have ended, for a longer horizon to continue them.

    Attributes
    ----------
    curves, steps
        As in `Paths`.
    runs
        Which paths continue, shape ``(rates + 1,)``.
    values
        The values of the variables of each path, by the `id` of the variable that each stands for.
    """

    curves: Floats
    steps: NDArray[np.int64]
    runs: NDArray[np.bool_]
    values: Mapping[int, Mapping[int, tf.Tensor]]


class Paths(PathLosses):
    """The paths of one round, measured in this process. The losses do not depend on the slices, to the last bit.

    A path for each rate trains on the same batches. One more, the last, does not: it computes the losses of the
    starting state on them, with the same random numbers.

    Parameters
    ----------
    training, variables
        The model in training, and the variables of its paths.
    rates
        The learning rates to measure, shape ``(rates,)``.
    batch
        Returns the batch of each step, and behind them those that only the loss is measured on.
    round_index
        The index of the round, from 0: seeds depend on it.
    horizon, evaluate_on
        See `Settings`. ``evaluate_on`` is what `Settings.seen` returns.
    begin
        Where the paths have ended with a shorter horizon. The default is the starting state.
    only
        The number of the path to measure. The default is all of them.

    Attributes
    ----------
    ends : Ends or None
        Where the paths have ended. None before that, and if their states do not fit into memory together.
    """

    def __init__(
        self,
        training: Traced,
        variables: PathVariables,
        rates: Floats,
        batch: Callable[[int], Batch],
        round_index: int,
        horizon: int,
        evaluate_on: str,
        begin: Ends | None = None,
        only: int | None = None,
    ) -> None:
        super().__init__(rates.size, horizon, evaluate_on)
        self._training = training
        self._variables = variables
        self._rates = rates
        self._batch = batch
        self._round = round_index
        self._begin = begin
        self._only = only
        self.ends: Ends | None = None
        if begin is not None:
            self.curves[:, : begin.curves.shape[1]] = begin.curves
            self.steps[:], self.runs[:] = begin.steps, begin.runs
        self._together = True
        self._seconds = 0.0
        self._slices = self._all_slices()

    def advance(self, seconds: float) -> bool:
        """Measure a slice of about ``seconds``, at least one step. Return False if there is none left."""
        self._seconds = seconds
        with out_of_memory():
            return next(self._slices, None) is not None

    @property
    def common_steps(self) -> int:
        """The number of steps that all paths have taken that can be compared now, see `Unfinished`."""
        running = self.steps[:-1][self.runs[:-1]]
        if not self._together or running.size == 0:
            return self.horizon
        return int(running.min())

    def _all_slices(self) -> Iterator[bool]:
        # Trace the step first, so that the variables are known.
        self._training.function("step", self._batch(0))
        if self.evaluate_on == "validation":
            self._training.function("validation", self._batch(self.horizon))
        # The starting state first: the losses of the others are compared with its losses.
        paths = np.roll(np.arange(len(self.curves)), 1) if self._only is None else np.array([self._only])
        self._together = self._variables.bytes_per_path * paths.size <= STATES
        shadows = [self._variables.shadows() for _ in (paths if self._together else paths[:1])]
        for group in [paths] if self._together else np.split(paths, paths.size):
            yield from self._slices_of(dict(zip(group.tolist(), shadows, strict=True)))
        self._variables.release(shadows)

    def _slices_of(self, shadows: dict[int, Shadows]) -> Iterator[bool]:
        """Measure the paths that these variables are for, from the start to the end."""
        self._variables.load([*shadows.values()], self._round)
        kinds = {path: "step" if path < self._rates.size else "loss" for path in shadows}
        for path, kind in kinds.items():
            self._variables.set_rate(shadows[path], float(self._rates[path]) if kind == "step" else STILL)
        if self.evaluate_on != "progressive":
            kinds.pop(self._rates.size, None)
        begin = 0
        if self._begin is not None:
            begin = self._begin.curves.shape[1]
            for path, values in self._begin.values.items():
                self._variables.write(shadows[path], values)
            # The variables have them now, and change them without a copy.
            self._begin = None
        for first, window in self._windows(begin, self.horizon, "step"):
            yield from self._slices_on(kinds, shadows, first, window, self.curves)
        if self._together:
            # With a longer horizon, the weights are not looked at here.
            unseen = np.isfinite(self.curves).all(axis=1) & (self.horizon % LOOKED_AT != 0)
            values = {path: self._variables.read(shadows[path]) for path in kinds}
            self.ends = Ends(self.curves, self.steps, self.runs | unseen, values)
        if self.evaluate_on == "progressive":
            return
        # The losses before and after the steps are those with the random numbers and the states of the start. The
        # validation loss depends on the batch statistics that the steps have gathered.
        kind = "validation" if self.evaluate_on == "validation" else "loss"
        self._variables.load([*shadows.values()], self._round, weights=False, others=kind == "loss")
        for path in shadows:
            self._variables.set_rate(shadows[path], STILL)
        begin = self.horizon if self.evaluate_on in ("held-out", "validation") else 0
        for first, window in self._windows(begin, begin + self.after.shape[1], kind):
            yield from self._slices_on(dict.fromkeys(shadows, kind), shadows, first - begin, window, self.after)

    def _windows(self, begin: int, end: int, kind: str) -> Iterator[tuple[int, list[Batch]]]:
        """Yield batches that follow one another and have the same shapes."""
        while begin < end:
            batches = [self._batch(begin)]
            size = sum(leaf.nbytes for leaf in leaves_of(batches[0]))
            each = self._training.seconds_per_step
            threads = self._training.threads(batches[0], "step" if kind == "loss" else kind)
            steps = 1 if np.isnan(each) else int(self._seconds / each / threads)
            for index in range(begin + 1, begin + max(1, min(end - begin, steps, BATCHES // max(1, size)))):
                following = self._batch(index)
                if [leaf.shape for leaf in leaves_of(following)] != [leaf.shape for leaf in leaves_of(batches[0])]:
                    break
                batches.append(following)
            yield begin, batches
            begin += len(batches)

    def _slices_on(
        self, kinds: dict[int, str], shadows: dict[int, Shadows], first: int, window: list[Batch], losses: Floats
    ) -> Iterator[bool]:
        """Measure paths on a window, and write their losses into ``losses`` from column ``first`` on.

        ``kinds`` tells for each path which function of `Training.function` is called.
        """
        batch = window[0]
        # Arrays of shape ``(steps, batch_size, …)``.
        leaves = [tf.convert_to_tensor(np.stack(leaf)) for leaf in zip(*map(leaves_of, window), strict=True)]
        threads = self._training.threads(batch, "validation" if "validation" in kinds.values() else "step")
        paths = [path for path in kinds if self.runs[path]]
        # As many as fit into the time, in groups that keep all threads at work.
        each = self._training.seconds_per_step * leaves[0].shape[0] * threads
        width = threads if np.isnan(each) else threads * max(1, int(self._seconds / each))
        for some in (paths[i : i + width] for i in range(0, len(paths), width)):
            loops = [
                self._training.loop(kinds[path], batch, shadows[path], index % threads)
                for index, path in enumerate(some)
            ]
            all_have_run = all(loop.has_run for loop in loops)
            run = [
                functools.partial(loop, shadows[path], first, self.horizon, leaves)
                for loop, path in zip(loops, some, strict=True)
            ]
            began = time.perf_counter()
            found = _at_once(run, threads)
            seconds = time.perf_counter() - began
            taken = 0
            for path, (measured, runs) in zip(some, found, strict=True):
                losses[path, first : first + len(measured)] = np.where(np.isfinite(measured), measured, np.nan)
                self.runs[path] = runs
                if kinds[path] == "step":
                    self.steps[path] += len(measured)
                    taken += len(measured)
            if taken and all_have_run:
                self._training.seconds_per_step = seconds / taken
            yield True


def _at_once(functions: Sequence[Callable[[], tuple[Floats, bool]]], threads: int) -> list[tuple[Floats, bool]]:
    """Call functions in so many threads, and return their results in order. TensorFlow does not hold Python's lock.

    The functions at every ``threads``-th place are called by the same thread, one after the other.
    """

    def call(share: Sequence[Callable[[], tuple[Floats, bool]]]) -> list[tuple[Floats, bool]]:
        return [function() for function in share]

    first, *others = (functions[thread::threads] for thread in range(min(threads, len(functions))))
    if not others:
        return call(first)
    with ThreadPoolExecutor(len(others)) as pool:
        running = [pool.submit(call, share) for share in others]
        found = [call(first), *(share.result() for share in running)]
    return [found[index % threads][index // threads] for index in range(len(functions))]
