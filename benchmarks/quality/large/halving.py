"""Successive halving over the rates of our default grid, by Optuna: what a careful user would do without a tuner.

``python -m benchmarks.quality.large.halving`` makes `halving.csv`: for each case and each `LEAST`, the gradients that
Optuna's pruner spent and the rate that it chose. Each rate is a trial, which trains from the same initial weights and
is judged by the whole validation data, which the gradients do not count. It continues from the cases that are already
there.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import keras
import numpy as np
import optuna
import pandas as pd

from benchmarks.quality.large.curves import DEFAULT, RATES
from benchmarks.quality.large.tasks import CASES
from benchmarks.quality.large.truth import SEEDS, Training
from benchmarks.quality.recommend import one_thread

FILE = Path(__file__).with_name("halving.csv")
COLUMNS = ["task", "optimizer", "seed", "least", "gradients", "rate"]
#: The steps after which a trial is judged for the first time. It is judged again after 3 and 9 times as many. So nine
#: rates spend about as many gradients as one round and ten rounds of ours.
LEAST = (17, 170)
FACTOR, RUNGS = 3, 3


def chosen(training: Training, seed: int, least: int) -> tuple[int, float]:
    """Return the gradients that were spent, and the rate that was chosen."""
    spent = 0

    def objective(trial: optuna.Trial) -> float:
        nonlocal spent
        rate = trial.suggest_categorical("rate", RATES[DEFAULT].tolist())
        training.begin(seed)
        done = 0
        for rung in range(RUNGS):
            steps = least * FACTOR**rung - done
            training.train(np.full(steps, rate))
            done, spent = done + steps, spent + steps
            # Optuna does not take an infinite loss.
            loss = min(training.loss(), 1e30)
            trial.report(loss, done)
            if rung < RUNGS - 1 and trial.should_prune():
                raise optuna.TrialPruned
        return loss

    study = optuna.create_study(
        sampler=optuna.samplers.GridSampler({"rate": RATES[DEFAULT].tolist()}, seed=seed),
        pruner=optuna.pruners.SuccessiveHalvingPruner(min_resource=least, reduction_factor=FACTOR),
    )
    study.optimize(objective)
    return spent, study.best_params["rate"]


def measure(case: tuple[str, str]) -> pd.DataFrame:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    began = time.perf_counter()
    training = Training(*case)
    rows = [(*case, seed, least, *chosen(training, seed, least)) for seed in SEEDS for least in LEAST]
    print(f"{', '.join(case)}: {time.perf_counter() - began:.0f} s", flush=True)
    keras.backend.clear_session()
    return pd.DataFrame(rows, columns=COLUMNS)


def main() -> None:
    found = pd.read_csv(FILE) if FILE.exists() else pd.DataFrame(columns=COLUMNS)
    done = {*zip(found["task"], found["optimizer"], strict=True)}
    cases = [(name, optimizer) for name, (two, _) in CASES.items() for optimizer in two]
    # TensorFlow does not work after a fork.
    with ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("spawn"), one_thread) as pool:
        for rows in pool.map(measure, [case for case in cases if case not in done]):
            found = pd.concat([found, rows]) if len(found) else rows
            found.to_csv(FILE, index=False, float_format="%.5g")


if __name__ == "__main__":
    main()
