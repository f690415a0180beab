"""How good each learning rate really is on the larger tasks: they are trained with it, by Keras's own training step.

``python -m benchmarks.quality.large.truth`` makes `truth.csv`: the validation loss of each task with its two
optimizers, from two seeds, after each of five budgets. Under ``kind`` "constant", the rate stays as it is, so one
training serves all budgets. Under "cosine", the rate is the peak of a decay to zero at the end of the budget, so each
budget is a training of its own. A training stops when its loss is not finite, and its loss is then infinite. Kind
"start" is the loss before training.

The rates have three per decade. They begin with four on either side of a usual rate of the optimizer. While the best
rate of a budget and kind, by the mean of both seeds, has fewer than two rates on a side, the rates are extended on that
side, up to the limits, or until the loss diverges there.

It continues from the rates that are already in the file. By the time of a step, two processes with a thread each need
about 75 minutes on two cores that do nothing else.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import itertools
import math
import multiprocessing
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from benchmarks.quality.baselines import drawn, restart, trained
from benchmarks.quality.large.tasks import CASES, TASKS, compiled
from benchmarks.quality.recommend import one_thread

FILE = Path(__file__).with_name("truth.csv")
COLUMNS = ["task", "optimizer", "seed", "kind", "rate", "steps", "loss"]
SEEDS = (0, 1)
#: The budgets, in parts of the whole training.
PARTS = (1, 2, 4, 8, 16)
#: A rate is ``10 ** (k / 3)``. The limits of ``k``, and where the rates of an optimizer begin.
LOWEST, HIGHEST = -21, 6
CENTRES = {"adam": -9, "adamw": -9, "rmsprop": -9, "momentum": -5}
AROUND = 4
#: The best rate has at least so many rates on either side.
MARGIN = 2


def known(name: str, optimizer: str) -> pd.DataFrame:
    """Return the rows of a case that are in the file, with ``k``."""
    table = pd.read_csv(FILE).query("task == @name and optimizer == @optimizer")
    return table.assign(k=(3 * np.log10(table["rate"].where(table["rate"] > 0))).round())


def missing(name: str, optimizer: str) -> list[tuple[int, int]]:
    """Return the seed and the ``k`` of each training that the rows of a case, as they are now, ask for."""
    rows = known(name, optimizer)
    rows = rows[rows["rate"] > 0]
    centre = CENTRES[optimizer]
    wanted = {*range(centre - AROUND, centre + AROUND + 1), *rows["k"].astype(int)}
    done = {*zip(rows["seed"], rows["k"], strict=True)}
    lacking = [(seed, k) for k in sorted(wanted) for seed in SEEDS if (seed, k) not in done]
    if lacking:
        return lacking
    losses = rows.pivot_table("loss", ["kind", "steps"], "k")
    best, end = losses.idxmin(axis=1), max(wanted)
    more = [*range(int(best.min()) - MARGIN, min(wanted))]
    if np.isfinite(losses[end]).any():
        more += range(end + 1, int(best.max()) + MARGIN + 1)
    return [(seed, k) for k in more for seed in SEEDS if LOWEST <= k <= HIGHEST]


class Training:
    """Trains a task with an optimizer, by Keras's own training step.

    Parameters
    ----------
    name, optimizer
        A key of `TASKS`, and one of `OPTIMIZERS`.
    seeds
        The seeds that trainings may begin from.
    """

    def __init__(self, name: str, optimizer: str, seeds: Sequence[int] = SEEDS) -> None:
        self.task, self.steps = TASKS[name](), CASES[name][1]
        #: All pieces of a training have the same length, so that the graph is traced once.
        self.piece = self.steps // PARTS[-1]
        self.model = compiled(self.task, optimizer, seed=0)
        self._run = trained(self.model, self.task)
        self._starts = {seed: compiled(self.task, optimizer, seed) for seed in seeds}
        # A search may train at a rate for longer than the truth does.
        self._orders = {seed: drawn(self.task, seed, 2 * self.steps) for seed in seeds}
        x, y = keras.tree.map_structure(tf.constant, (self.task.x_val, self.task.y_val))
        model = self.model
        self._validation = tf.function(lambda: model.compute_loss(x=x, y=y, y_pred=model(x, training=False)))

    def begin(self, seed: int) -> None:
        """Go back to the state before the first step of the training from this seed."""
        restart(self.model, self._starts[seed])
        self._order, self._finite = iter(self._orders[seed]), True

    def train(self, rates: np.ndarray) -> None:
        """Take one more step with each of these rates. Do nothing if the training has diverged."""
        rows = np.array([*itertools.islice(self._order, len(rates))])
        self._finite = self._finite and bool(np.isfinite(self._run(rows, rates)).all())

    def loss(self) -> float:
        """Return the validation loss. It is infinite if the training has diverged."""
        loss = float(self._validation()) if self._finite else math.inf
        return loss if math.isfinite(loss) else math.inf

    def losses(self, seed: int, rates: np.ndarray, parts: Sequence[int]) -> list[float]:
        """Train with the rate of each step, and return the validation loss after each of these parts."""
        self.begin(seed)
        found = []
        for part in range(parts[-1] + 1):
            if part:
                self.train(rates[(part - 1) * self.piece : part * self.piece])
            if part in parts:
                found.append(self.loss())
        return found

    def both_kinds(self, seed: int, rate: float) -> dict[tuple[str, int], float]:
        """Return the losses by kind and part: with a constant rate, and with one that decays to zero."""
        constant = self.losses(seed, np.full(self.steps, rate), PARTS)
        found = {("constant", part): loss for part, loss in zip(PARTS, constant, strict=True)}
        for part in PARTS:
            decay = (1 + np.cos(np.pi * np.arange(part * self.piece) / (part * self.piece))) / 2
            found["cosine", part] = self.losses(seed, rate * decay, [part])[0]
        return found


def measure(case: tuple[str, str]) -> None:
    """Train a task with an optimizer at all rates that are not in the file yet."""
    name, optimizer = case
    began = time.perf_counter()
    training = Training(name, optimizer)

    def write(seed: int, rate: float, found: dict[tuple[str, int], float]) -> None:
        rows = [
            (name, optimizer, seed, kind, rate, part * training.piece, loss) for (kind, part), loss in found.items()
        ]
        text = pd.DataFrame(rows, columns=COLUMNS).to_csv(header=False, index=False, float_format="%.5g")
        # One short write: no other process and no kill can come in between.
        with FILE.open("a") as file:
            file.write(text)

    for seed in {*SEEDS} - {*known(name, optimizer).query("rate == 0")["seed"]}:
        write(seed, 0, {("start", 0): training.losses(seed, np.zeros(0), [0])[0]})
    while lacking := missing(name, optimizer):
        for seed, k in lacking:
            rate = 10 ** (k / 3)
            write(seed, rate, training.both_kinds(seed, rate))
    print(f"{name}, {optimizer}: {time.perf_counter() - began:.0f} s", flush=True)
    keras.backend.clear_session()


def main() -> None:
    if not FILE.exists():
        FILE.write_text(",".join(COLUMNS) + "\n")
    cases = [(name, optimizer) for name, (two, _) in CASES.items() for optimizer in two]
    cases = [case for case in cases if len(known(*case)) == 0 or missing(*case)]
    # TensorFlow does not work after a fork.
    with ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("spawn"), one_thread) as pool:
        list(pool.map(measure, cases))


if __name__ == "__main__":
    main()
