"""The time of a training step at default settings, compared with Keras's own `train_step` in a loop of one graph.

Both are timed in turn in the same process. The first slice is compared with the first batch of `Model.fit`.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import statistics
import sys
import time
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from autolr_widget import LRTuner
from benchmarks.workloads import Workload, compiled, workloads

BATCH = 32
#: The number of batches that Keras's loop trains on, one after the other and again.
BATCHES = 10


def keras_loop(work: Workload) -> tuple[Callable[[int], object], float]:
    """Return a function that trains a number of steps in one graph, and the seconds of the first batch of `fit`."""
    model = compiled(work.build, "adam")
    began = time.perf_counter()
    model.fit(work.x[:BATCH], work.y[:BATCH], batch_size=BATCH, verbose=0)
    first = time.perf_counter() - began
    rows = np.random.default_rng(0).integers(0, len(work.x), (BATCHES, BATCH))
    x, y = tf.constant(work.x[rows]), tf.constant(work.y[rows])

    @tf.function(autograph=False)
    def loop(steps: tf.Tensor, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        def body(index: tf.Tensor, losses: tf.TensorArray) -> tuple[tf.Tensor, tf.TensorArray]:
            for metric in model.metrics:
                metric.reset_state()
            batch = x[index % BATCHES], y[index % BATCHES]
            return index + 1, losses.write(index, model.train_step(batch)["loss"])

        losses = tf.TensorArray(tf.float32, steps)
        return tf.while_loop(lambda index, _: index < steps, body, (0, losses), parallel_iterations=1)[1].stack()

    return lambda steps: loop(tf.constant(steps), x, y).numpy(), first


def line(name: str, work: Workload, seconds: float) -> str:
    run, first_of_fit = keras_loop(work)
    # At rates above 0.1, a step of MobileNetV2 takes half as long again, in Keras's loop too.
    tuner = LRTuner(compiled(work.build, "adam"), work.x, work.y, lr_space=(1e-5, 1e-2), num_subsamples=10**6)
    began = time.perf_counter()
    tuner.advance(0)
    first_slice = time.perf_counter() - began
    steps = tuner.settings.horizon * tuner.settings.num_evals
    large = name == "MobileNetV2"
    run(2)
    if large:
        tuner.advance(30)
    else:
        tuner.step()
    ours, theirs = [], []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(ours) < 3:
        before = taken(tuner)
        began = time.perf_counter()
        if large:
            tuner.advance(10)
        else:
            tuner.step()
        ours.append((time.perf_counter() - began) / (taken(tuner) - before) * 1e3)
        count = 10 if large else min(steps, 200)
        began = time.perf_counter()
        run(count)
        theirs.append((time.perf_counter() - began) / count * 1e3)
    mine, floor = statistics.median(ours), statistics.median(theirs)
    cells = f"{mine:.3f} | {floor:.3f} | {mine / floor:.2f} | {first_slice:.2f} | {first_of_fit:.2f}"
    return f"| {name} | {cells} | {first_slice / first_of_fit:.2f} |"


def taken(tuner: LRTuner) -> int:
    """Return the number of training steps so far. A path that diverges takes fewer."""
    unfinished = 0 if tuner.unfinished is None else int(tuner.unfinished.steps.sum())
    return unfinished + sum(int(np.isfinite(round.curves).sum()) for round in tuner.rounds)


def main() -> None:
    columns = "ours, ms per step | Keras's loop, ms | ratio | first slice, s | first batch of fit, s | ratio"
    print(f"| Adam, batches of 32 | {columns} |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    works = workloads()
    for name in sys.argv[1:] or ("MLP", "CNN", "GRU", "attention", "BatchNormalization", "MLP, 5 M", "MobileNetV2"):
        print(line(name, works[name], 60 if name == "MobileNetV2" else 8), flush=True)
        keras.backend.clear_session()


if __name__ == "__main__":
    main()
