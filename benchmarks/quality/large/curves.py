"""What the selectors see: the loss along the paths of each case, measured by our engine, and fastai's range test.

``python -m benchmarks.quality.large.curves`` makes `curves.npz`. It continues from the cases that are already there.
A case has these arrays, for each of two seeds:

- ``curves``, shape ``(ROUNDS, RATES.size, HORIZON)``: the loss that each step starts from, and ``starts``, shape
  ``(ROUNDS, HORIZON)``: the loss of the starting state on the same batches. From round `ALL` on, only the rates of
  the default grid are measured, and the others are NaN.
- ``swept``, shape ``(STEPS,)``: the losses of the range test.

The default grid is every second of the rates. A selector that spends fewer gradients sees fewer rounds, rates or steps
of the same paths: what a path measures does not depend on the others.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from autolr_widget import LRTuner
from benchmarks.quality.baselines import SWEPT, drawn, restart, trained
from benchmarks.quality.large.tasks import CASES, TASKS, compiled
from benchmarks.quality.large.truth import SEEDS
from benchmarks.quality.recommend import one_thread
from benchmarks.quality.tasks import BATCH

FILE = Path(__file__).with_name("curves.npz")
HORIZON = 55
#: Two steps of this grid are one of the default grid, which has 9 rates from 1e-4 to 10.
RATES = np.logspace(1 - 24 * 5 / 16, 1, 25)
DEFAULT = slice(8, None, 2)
ROUNDS = 10
#: The rounds in which all rates are measured.
ALL = 3


def measure(case: tuple[str, str]) -> dict[str, np.ndarray]:
    """Return the arrays of a case, named ``task,optimizer,seed,array``."""
    name, optimizer = case
    began = time.perf_counter()
    task = TASKS[name]()
    model = compiled(task, optimizer, seed=0)
    run = trained(model, task)
    tuner = LRTuner(model, task.x, task.y, batch_size=BATCH, horizon=HORIZON, lr_space=(RATES[0], RATES[-1]))
    found = {}
    for seed in SEEDS:
        start = compiled(task, optimizer, seed)
        curves = np.full((ROUNDS, RATES.size, HORIZON), np.nan, dtype="float32")
        starts = np.full((ROUNDS, HORIZON), np.nan, dtype="float32")
        for rates, rounds in ((RATES, range(ALL)), (RATES[DEFAULT], range(ALL, ROUNDS))):
            restart(model, start)
            settings = {"lr_min": rates[0], "lr_max": rates[-1], "num_evals": rates.size, "seed": seed}
            tuner = tuner.renewed(replace(tuner.settings, **settings))
            np.testing.assert_allclose(tuner.rates, rates)
            for index in rounds:
                round = tuner.measure(index)
                curves[index, slice(None) if rates is RATES else DEFAULT] = round.curves
                starts[index] = round.starts
        restart(model, start)
        swept = run(drawn(task, seed, len(SWEPT)), SWEPT)
        arrays = {"curves": curves, "starts": starts, "swept": swept.astype("float32")}
        found |= {f"{name},{optimizer},{seed},{kind}": array for kind, array in arrays.items()}
    print(f"{name}, {optimizer}: {time.perf_counter() - began:.0f} s", flush=True)
    keras.backend.clear_session()
    return found


def main() -> None:
    found = dict(np.load(FILE)) if FILE.exists() else {}
    cases = [(name, optimizer) for name, (two, _) in CASES.items() for optimizer in two]
    cases = [case for case in cases if f"{','.join(case)},0,curves" not in found]
    # TensorFlow does not work after a fork.
    with ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("spawn"), one_thread) as pool:
        for arrays in pool.map(measure, cases):
            found |= arrays
            np.savez_compressed(FILE, **found)


if __name__ == "__main__":
    main()
