"""The time of a round of 100 rates, compared with autolrtuner 1.0.2, with the floor, and with the machine's peak.

All contenders of a row are timed in turn in the same process, so that other load on the machine affects all of them.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import contextlib
import io
import statistics
import time
from collections.abc import Callable

import autolrtuner
import keras
import numpy as np

from autolr_widget import LRTuner
from benchmarks.floor import floor
from benchmarks.workloads import Workload, compiled, workloads

RATES, BATCH = 100, 32
#: One step per rate, as in autolrtuner.
GRID = {"lr_space": (1e-6, 1.0), "num_evals": RATES, "batch_size": BATCH, "horizon": 1}


def interleaved(contenders: dict[str, Callable[[], object]], seconds: float) -> dict[str, float]:
    """Return the median milliseconds of each contender. They run in turn for ``seconds``, and at least 3 times."""
    for run in contenders.values():
        run()
    times: dict[str, list[float]] = {name: [] for name in contenders}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times[next(iter(times))]) < 3:
        for name, run in contenders.items():
            began = time.perf_counter()
            run()
            times[name].append(1e3 * (time.perf_counter() - began))
    return {name: statistics.median(values) for name, values in times.items()}


def reference(work: Workload, optimizer: str) -> Callable[[], object]:
    tuner = autolrtuner.AutoLRTuner(compiled(work.build, optimizer))

    def run() -> None:
        # Hide its progress bar.
        with contextlib.redirect_stderr(io.StringIO()):
            tuner.Tune(work.x, work.y, lr_space=(1e-6, 1.0), num_subsamples=1, num_evals=RATES, batch_size=BATCH)

    return run


def sgemm() -> float:
    """Return the machine's peak in GFLOP/s, measured with NumPy."""
    a = np.random.default_rng(0).random((2048, 2048), dtype="float32")
    return 2 * 2048**3 / 1e6 / interleaved({"sgemm": lambda: a @ a}, 1)["sgemm"]


def line(name: str, work: Workload, optimizer: str, peak: float, beside: bool) -> str:
    model = compiled(work.build, optimizer)
    tuner = LRTuner(model, work.x, work.y, num_subsamples=10**6, **GRID)
    # Short rounds are measured in blocks. The time of the second round determines their size.
    for _ in range(2):
        tuner.step()
    # A call of the floor is one round. A call of ours may be several rounds.
    per_call = tuner._block
    batch = tuner.observations.draw(BATCH, 0, 0)(0)
    batches = [tuner.observations.draw(BATCH, 0, index)(0) for index in range(per_call)]

    def ours() -> None:
        tuner._measurement.on_line(batches, 0, tuner.racing)

    contenders: dict[str, Callable[[], object]] = {"ours": ours}
    # All rates of MobileNetV2 at once take minutes to trace and gigabytes to run.
    for form in ("loop",) if name == "MobileNetV2" else ("loop", "at once"):
        run = floor(model, tuner.rates, vectorised=form == "at once")
        contenders[form] = lambda run=run: run(*batch)
    times = interleaved(contenders, 12 if name == "MobileNetV2" else 5)
    if beside:
        # Time it separately, because its effects on the caches and the garbage collector would slow down the others.
        pair = interleaved({"reference": reference(work, optimizer), "ours": ours}, 5)
        times["reference"] = pair["reference"]
    times["ours"] /= per_call
    form = min((f for f in ("loop", "at once") if f in times), key=times.__getitem__)
    cells = [f"{name}, {optimizer}", f"{times['ours']:.1f}", f"{times[form]:.1f} ({form})"]
    cells.append(f"{times['ours'] / times[form]:.2f}")
    cells.append(f"{times['reference']:.0f}" if beside else "")
    cells.append(f"{times['reference'] / times['ours']:.0f}" if beside else "")
    if work.multiplications:
        # A backward pass costs as much as two forward passes.
        rate = 2 * work.multiplications * BATCH * (RATES + 3) / 1e6 / times["ours"]
        cells.append(f"{rate:.0f} ({rate / peak:.0%})")
    else:
        cells.append("")
    return "| " + " | ".join(cells) + " |"


def whole_run(work: Workload) -> str:
    """Time 100 rounds of 100 rates from the start, and a range test of 100 steps, as fastai does it."""

    def ours() -> None:
        list(LRTuner(compiled(work.build, "sgd"), work.x, work.y, num_subsamples=100, **GRID))

    def range_test() -> None:
        model = compiled(work.build, "sgd")
        generator = np.random.default_rng(0)
        for rate in np.geomspace(1e-6, 1.0, 100):
            rows = generator.choice(len(work.x), BATCH, replace=False)
            model.optimizer.learning_rate = rate
            model.train_on_batch(work.x[rows], work.y[rows])

    times = interleaved({"ours": ours, "range test": range_test}, 10)
    return f"| MLP | {times['ours'] / 1e3:.2f} | {times['range test'] / 1e3:.2f} |"


def main() -> None:
    peak = sgemm()
    print(f"sgemm: {peak:.0f} GFLOP/s\n")
    print("| round of 100 rates | ours, ms | floor, ms | ours / floor | autolrtuner, ms | times as fast | GFLOP/s |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    works = workloads()
    for name, optimizer in (("MLP", "sgd"), ("MLP", "adam"), ("CNN", "sgd"), ("CNN", "adam")):
        print(line(name, works[name], optimizer, peak, beside=True), flush=True)
    for name in ("GRU", "attention", "MLP, 5 M", "MobileNetV2"):
        print(line(name, works[name], "adam", peak, beside=False), flush=True)
        keras.backend.clear_session()
    print("\n| from start to end | 100 rounds of 100 rates, s | a range test of 100 steps, s |\n| --- | --- | --- |")
    print(whole_run(works["MLP"]))


if __name__ == "__main__":
    main()
