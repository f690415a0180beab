"""A parameter-free optimizer on the larger tasks: Prodigy, trained like the truth.

``python -m benchmarks.quality.large.prodigy`` makes `prodigy.csv`, with the columns of `truth.csv`. A rate of 1 is what
its authors advise. It continues from the cases that are already there.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import multiprocessing
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import keras
import pandas as pd
import tensorflow as tf

from benchmarks.quality.large.tasks import CASES, OPTIMIZERS
from benchmarks.quality.large.truth import COLUMNS, SEEDS, Training
from benchmarks.quality.recommend import one_thread

FILE = Path(__file__).with_name("prodigy.csv")


class Prodigy(keras.optimizers.Optimizer):
    """Adam with an estimate of the distance to the solution as its rate (Mishchenko & Defazio 2023, algorithm 4).

    All its variables are zero before the first step, as `restart` makes them.
    """

    FIRST, BETA_1, BETA_2, EPSILON = 1e-6, 0.9, 0.999, 1e-8

    def __init__(self, learning_rate: float = 1.0) -> None:
        super().__init__(learning_rate, name="prodigy")

    def build(self, variables: Sequence[Any]) -> None:
        if not self.built:
            super().build(variables)
            kinds = ("momentum", "square", "sum", "moved")
            self._slots = [[self.add_variable_from_reference(v, name=kind) for v in variables] for kind in kinds]
            self._beyond = self.add_variable((), name="beyond")
            self._gained = self.add_variable((), name="gained")

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Any] | None = None) -> None:
        variables = self._trainable_variables if trainable_variables is None else trainable_variables
        distance, rate, root = self._beyond + self.FIRST, self.learning_rate, self.BETA_2**0.5
        weight = (1 - root) * rate * distance**2
        gained, size, moves = root * self._gained, 0.0, []
        for grad, momentum, square, summed, moved in zip(grads, *self._slots, strict=True):
            g = tf.convert_to_tensor(grad)
            momentum.assign(self.BETA_1 * momentum + (1 - self.BETA_1) * distance * g)
            square.assign(self.BETA_2 * square + (1 - self.BETA_2) * distance**2 * g**2)
            summed.assign(root * summed + weight * g)
            gained -= weight * tf.reduce_sum(g * moved)
            size += tf.reduce_sum(tf.abs(summed))
            moves.append(-rate * distance * momentum / (tf.sqrt(square) + distance * self.EPSILON))
        self._gained.assign(gained)
        self._beyond.assign(tf.maximum(self._beyond, tf.math.divide_no_nan(gained, size) - self.FIRST))
        for variable, moved, move in zip(variables, self._slots[-1], moves, strict=True):
            moved.assign_add(move)
            variable.assign_add(move)
        self.iterations.assign_add(1)


OPTIMIZERS["prodigy"] = Prodigy


def measure(name: str) -> pd.DataFrame:
    began = time.perf_counter()
    training = Training(name, "prodigy")
    rows = [
        (name, "prodigy", seed, kind, 1, part * training.piece, loss)
        for seed in SEEDS
        for (kind, part), loss in training.both_kinds(seed, 1.0).items()
    ]
    print(f"{name}: {time.perf_counter() - began:.0f} s", flush=True)
    keras.backend.clear_session()
    return pd.DataFrame(rows, columns=COLUMNS)


def main() -> None:
    found = pd.read_csv(FILE) if FILE.exists() else pd.DataFrame(columns=COLUMNS)
    # TensorFlow does not work after a fork.
    with ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("spawn"), one_thread) as pool:
        for rows in pool.map(measure, [name for name in CASES if name not in {*found["task"]}]):
            found = pd.concat([found, rows]) if len(found) else rows
            found.to_csv(FILE, index=False, float_format="%.5g")


if __name__ == "__main__":
    main()
