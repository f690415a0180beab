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


def measure(case: tuple[str, str]) -> None:
    """Train a task with an optimizer at all rates that are not in the file yet."""
    name, optimizer = case
    began = time.perf_counter()
    task, steps = TASKS[name](), CASES[name][1]
    # All pieces have the same length, so that the graph is traced once.
    piece = steps // PARTS[-1]
    model = compiled(task, optimizer, seed=0)
    run = trained(model, task)
    starts = [compiled(task, optimizer, seed) for seed in SEEDS]
    orders = [drawn(task, seed, steps) for seed in SEEDS]
    x, y = keras.tree.map_structure(tf.constant, (task.x_val, task.y_val))

    @tf.function
    def validation_loss() -> tf.Tensor:
        return model.compute_loss(x=x, y=y, y_pred=model(x, training=False))

    def losses(seed: int, rates: np.ndarray, parts: Sequence[int]) -> list[float]:
        """Train with the rate of each step, and return the validation loss after each of these parts."""
        restart(model, starts[seed])
        found, finite = [], True
        for part in range(parts[-1] + 1):
            if part:
                rows = slice((part - 1) * piece, part * piece)
                finite = finite and bool(np.isfinite(run(orders[seed][rows], rates[rows])).all())
            if part in parts:
                loss = float(validation_loss()) if finite else math.inf
                found.append(loss if math.isfinite(loss) else math.inf)
        return found

    def write(seed: int, rate: float, found: dict[tuple[str, int], float]) -> None:
        rows = [(name, optimizer, seed, kind, rate, part * piece, loss) for (kind, part), loss in found.items()]
        text = pd.DataFrame(rows, columns=COLUMNS).to_csv(header=False, index=False, float_format="%.5g")
        # One short write: no other process and no kill can come in between.
        with FILE.open("a") as file:
            file.write(text)

    for seed in {*SEEDS} - {*known(name, optimizer).query("rate == 0")["seed"]}:
        write(seed, 0, {("start", 0): losses(seed, np.zeros(0), [0])[0]})
    while lacking := missing(name, optimizer):
        for seed, k in lacking:
            rate = 10 ** (k / 3)
            constant = losses(seed, np.full(steps, rate), PARTS)
            found = {("constant", part): loss for part, loss in zip(PARTS, constant, strict=True)}
            for part in PARTS:
                decay = (1 + np.cos(np.pi * np.arange(part * piece) / (part * piece))) / 2
                found["cosine", part] = losses(seed, rate * decay, [part])[0]
            write(seed, rate, found)
    print(f"{name}, {optimizer}: {time.perf_counter() - began:.0f} s", flush=True)
    keras.backend.clear_session()


def main() -> None:
    if not FILE.exists():
        FILE.write_text(",".join(COLUMNS) + "\n")
    cases = [(name, optimizer) for name, (two, _) in CASES.items() for optimizer in two]
    # TensorFlow does not work after a fork.
    with ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("spawn"), one_thread) as pool:
        list(pool.map(measure, cases))


if __name__ == "__main__":
    main()
