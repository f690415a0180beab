"""What our selectors see on the small tasks: the loss differentials of the default run, on a longer grid.

``python -m benchmarks.quality.rounds`` makes `rounds.npz` if it is not there, which takes some minutes. A case is a
task with an optimizer and the seed of the initial weights. Its array has the shape ``(len(STEPS), ROUNDS,
RATES.size)``: by how much each rate changes the loss, after each of these numbers of steps.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import itertools
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from autolr_widget import LRTuner
from autolr_widget.engine.types import progressive
from benchmarks.quality.baselines import restart
from benchmarks.quality.recommend import one_thread
from benchmarks.quality.tasks import BATCH, OPTIMIZERS, SEEDS, compiled, tasks

FILE = Path(__file__).with_name("rounds.npz")
STEPS = (5, 10, 20, 36, 55)
ROUNDS = 10
#: The default grid, four of its steps below it and two above.
DEFAULT = slice(4, 13)
RATES = np.logspace(-4 - 4 * 5 / 8, 1 + 2 * 5 / 8, 15)


def measure(case: tuple[str, str]) -> dict[str, np.ndarray]:
    """Return the arrays of a case, named ``task,optimizer,seed``."""
    name, optimizer = case
    task = tasks()[name]
    model = compiled(task, optimizer, seed=0)
    grid = {"lr_space": (RATES[0], RATES[-1]), "num_evals": RATES.size}
    tuner = LRTuner(model, task.x, task.y, batch_size=BATCH, horizon=STEPS[-1], **grid)
    found = {}
    for seed in SEEDS:
        restart(model, compiled(task, optimizer, seed))
        tuner = tuner.renewed(replace(tuner.settings, seed=seed))
        np.testing.assert_allclose(tuner.rates, RATES)
        rounds = [tuner.measure(index) for index in range(ROUNDS)]
        deltas = [[progressive(each.curves, each.starts, steps) for each in rounds] for steps in STEPS]
        found[f"{name},{optimizer},{seed}"] = np.array(deltas, dtype="float32")
    keras.backend.clear_session()
    return found


def main() -> None:
    if FILE.exists():
        return
    found: dict[str, np.ndarray] = {}
    # TensorFlow does not work after a fork.
    with ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("spawn"), one_thread) as pool:
        for arrays in pool.map(measure, itertools.product(tasks(), OPTIMIZERS)):
            found |= arrays
            print(len(found), flush=True)
    np.savez_compressed(FILE, **found)


if __name__ == "__main__":
    main()
