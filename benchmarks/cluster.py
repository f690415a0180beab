"""What it costs to measure paths in workers, and how that grows to 1,000 workers.

``python -m benchmarks.cluster`` prints the tables of docs/cluster.md and draws docs/cluster.png.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import contextlib
import multiprocessing
import pickle
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import replace
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from distributed import Client, LocalCluster

from autolr_widget import LRTuner
from autolr_widget.engine.workers import pool
from autolr_widget.engine.workers.worker import Measured, Piece, measure_path
from benchmarks.workloads import compiled, workloads

#: The steps of a path: short, the default, and long.
HORIZONS = 5, 55, 150
ROUNDS, REPEATS = 2, 2
#: The seconds of a path of the simulated workers, and how many of them there are: threads of four processes.
ASLEEP, SIMULATED = 2.0, (20, 100, 200, 400)


class Counted(Executor):
    """Counts the bytes that are sent to workers, and those that come back."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._max_workers = executor._max_workers  # type: ignore[attr-defined]
        self.sent: list[tuple[int, int]] = []

    def submit(self, function: Any, piece: Piece, *more: Any) -> Any:  # type: ignore[override]
        self.sent.append((len(pickle.dumps(piece)), len(pickle.dumps(more))))
        return self._executor.submit(function, piece, *more)


@contextlib.contextmanager
def processes(count: int) -> Iterator[Any]:
    with ProcessPoolExecutor(count, mp_context=multiprocessing.get_context("spawn")) as executor:
        yield executor


@contextlib.contextmanager
def dask(count: int, threads: int = 1) -> Iterator[Any]:
    options = {"n_workers": count, "threads_per_worker": threads, "dashboard_address": None, "memory_limit": None}
    with LocalCluster(host="127.0.0.1", **options) as cluster, Client(cluster) as client:
        yield client


def timed(tuner: LRTuner, executor: Any) -> float:
    """The seconds of a path, once the workers have everything."""

    # Those that follow know what the workers have.
    first = tuner.renewed(tuner.settings)
    first.executor = executor

    # It has the graphs, which the others share.
    list(first)

    def run() -> float:
        again = first.renewed(first.settings)
        began = time.perf_counter()
        list(again)
        return time.perf_counter() - began

    return statistics.median(run() for _ in range(REPEATS)) / (ROUNDS * (tuner.rates.size + 1))


def measured() -> None:
    """Print paths per second, for some lengths of paths and numbers of workers."""
    work = workloads()["CNN"]
    model = compiled(work.build, "adam")
    tuners = [LRTuner(model, work.x, work.y, num_subsamples=ROUNDS, horizon=horizon) for horizon in HORIZONS]
    alone = [timed(tuner, None) for tuner in tuners]
    print("| a path has | this process | " + " | ".join(f"{n} processes | {n} Dask" for n in (1, 2, 4)) + " |")
    columns = []
    for count in (1, 2, 4):
        for start in (processes, dask):
            with start(count) as executor:
                columns.append([timed(tuner, executor) for tuner in tuners])
    for row, (horizon, seconds) in enumerate(zip(HORIZONS, alone, strict=True)):
        cells = [f"{1 / column[row]:.1f} ({seconds / column[row]:.2f})" for column in columns]
        print(f"| {horizon} steps, {1000 * seconds:.0f} ms | {1 / seconds:.1f} | " + " | ".join(cells) + " |")
    with processes(1) as executor:
        counted = Counted(executor)
        timed(tuners[1], counted)
    pieces, more = (np.array(some) for some in zip(*counted.sent, strict=True))
    print(f"a path: {np.median(pieces):.0f} bytes")
    print(f"a worker: {more.max():,} bytes once, {int(np.median(more[more > 10])):,} bytes for a round's rows")


def sleep_path(piece: Piece, *_: Any) -> Measured:
    """Stands for `measure_path` in workers that only sleep."""
    time.sleep(ASLEEP)
    curve = np.linspace(2, 1, piece.horizon)
    return Measured(curve, np.full(piece.horizon, np.nan), piece.horizon, True, ASLEEP / piece.horizon, "0")


def simulated() -> tuple[list[float], float]:
    """Return the seconds of a run on so many workers that sleep, and those of this process per path."""
    work = workloads()["CNN"]
    tuner = LRTuner(compiled(work.build, "adam"), work.x, work.y, num_evals=99, lr_space=(1e-4, 9.9))
    tuner.measure(0)
    took, own = [], []
    pool.measure_path = sleep_path  # type: ignore[assignment]
    try:
        for count in SIMULATED:
            # Five paths for each worker.
            again = tuner.renewed(replace(tuner.settings, num_subsamples=max(1, 5 * count // 100)))
            with dask(4, count // 4) as client:
                again.executor = client
                began, cpu = time.perf_counter(), time.process_time()
                list(again)
                took.append(time.perf_counter() - began)
                own.append((time.process_time() - cpu) / (len(again) * 100))
            paths = len(again) * 100
            ideal = -(-paths // count) * ASLEEP
            print(
                f"| {count} | {paths} | {ideal:.1f} | {took[-1]:.1f} | {ideal / took[-1]:.2f} | {1000 * own[-1]:.1f} |"
            )
    finally:
        pool.measure_path = measure_path
    return took, statistics.median(own)


def draw(took: list[float], own: float) -> None:
    """Draw paths per second by the number of workers: as the model of the cost says, and as measured."""
    workers = np.geomspace(1, 1000, 50)
    figure, axes = plt.subplots(figsize=(7, 4))
    for seconds in (0.1, ASLEEP, 10, 60):
        # A worker does its paths one after the other, and this process and the scheduler serve all workers.
        axes.loglog(workers, np.minimum(workers / seconds, 1 / own), label=f"model, paths of {seconds:g} s")
    paths = [max(1, 5 * count // 100) * 100 for count in SIMULATED]
    axes.loglog(SIMULATED, np.divide(paths, took), "ko", label=f"workers that sleep for {ASLEEP:g} s, measured")
    axes.set(xlabel="workers", ylabel="paths per second")
    axes.legend(fontsize="small")
    figure.savefig("docs/cluster.png", dpi=120, bbox_inches="tight")


def main() -> None:
    measured()
    print("| workers | paths | seconds without any cost | measured | ratio | CPU per path, ms |")
    draw(*simulated())


if __name__ == "__main__":
    main()
