"""How good each learning rate really is: every task is trained with every rate, by Keras's own training step.

``python -m benchmarks.quality.truth`` makes `truth.csv`: the validation loss of 12 tasks × 4 optimizers × 3 seeds × 19
rates after 5 and after 20 epochs. It continues from the cases that are already in the file. It does not use our
package.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import math
import time
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from benchmarks.quality.tasks import BATCH, EPOCHS, OPTIMIZERS, SEEDS, Task, compiled, tasks

FILE = Path(__file__).with_name("truth.csv")
RATES = np.geomspace(1e-5, 10, 19)


def batches(size: int, epochs: int, seed: int) -> np.ndarray:
    """Return the rows of each step, shape ``(steps, BATCH)``. Each pass through the data has a new order."""
    generator = np.random.default_rng(seed)
    steps = size // BATCH
    passes = [generator.permutation(size)[: steps * BATCH] for _ in range(epochs)]
    return np.concatenate(passes).reshape(-1, BATCH)


def measure(name: str, task: Task, optimizer: str) -> pd.DataFrame:
    """Return the validation losses. Rate 0 and epoch 0 stand for the loss before training."""
    model = compiled(task, optimizer, seed=0)
    model.optimizer.build(model.trainable_variables)
    x, y = tf.constant(task.x), tf.constant(task.y)

    # Run many steps in one graph, because `fit` spends more time between the batches than on them.
    @tf.function
    def train(rows: tf.Tensor) -> None:
        for index in tf.range(tf.shape(rows)[0]):
            model.train_step((tf.gather(x, rows[index]), tf.gather(y, rows[index])))

    def validate() -> float:
        loss = float(model.evaluate(task.x_val, task.y_val, batch_size=len(task.x_val), verbose=0))
        return loss if math.isfinite(loss) else math.inf

    found = []
    for seed in SEEDS:
        start = [variable.numpy() for variable in compiled(task, optimizer, seed).variables]
        order = batches(len(task.x), EPOCHS[-1], seed)
        for rate in (0, *RATES):
            for variable, value in zip(model.variables, start, strict=True):
                variable.assign(value)
            for variable in model.optimizer.variables:
                variable.assign(np.zeros(variable.shape))
            if rate == 0:
                found.append((name, optimizer, seed, 0, 0, validate()))
                continue
            model.optimizer.learning_rate = rate
            done = 0
            for epochs in EPOCHS:
                until = len(order) * epochs // EPOCHS[-1]
                train(tf.constant(order[done:until]))
                done = until
                found.append((name, optimizer, seed, rate, epochs, validate()))
    return pd.DataFrame(found, columns=["task", "optimizer", "seed", "rate", "epochs", "loss"])


def main() -> None:
    known = pd.read_csv(FILE) if FILE.exists() else pd.DataFrame({"task": [], "optimizer": []})
    done = set(zip(known["task"], known["optimizer"], strict=True))
    for name, task in tasks().items():
        for optimizer in OPTIMIZERS:
            if (name, optimizer) in done:
                continue
            began = time.perf_counter()
            found = measure(name, task, optimizer)
            print(f"{name}, {optimizer}: {time.perf_counter() - began:.0f} s", flush=True)
            found.to_csv(FILE, mode="a", header=not FILE.exists(), index=False, float_format="%.5g")
            keras.backend.clear_session()


if __name__ == "__main__":
    main()
