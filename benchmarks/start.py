"""The time before the first round: import, creation of the widget, and tracing, each in a new process."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys

IMPORTS = {"ours": "autolr_widget", "ipywidgets, bqplot, anywidget": "ipywidgets, bqplot, anywidget"}
TIMED = "import time; began = time.perf_counter(); {}; print(time.perf_counter() - began)"
PREPARED = """
import time
from benchmarks.workloads import compiled, workloads
from benchmarks.floor import floor
from autolr_widget import LRTuner, TunerWidget
import autolr_widget.engine.measuring.measurement
work = workloads()[{name!r}]
model = compiled(work.build, "sgd")
settings = dict(lr_space=(1e-6, 1.0), num_evals=100, horizon=1)
"""
SHOWN = """
began = time.perf_counter()
TunerWidget(model, work.x, work.y, **settings)._repr_mimebundle_()
print(time.perf_counter() - began)
"""
FIRST = """
tuner = LRTuner(model, work.x, work.y, **settings)
began = time.perf_counter(); tuner.step(); print(time.perf_counter() - began)
"""
# The form of the floor that is faster in `speed`.
FLOOR = """
import numpy as np
run = floor(model, np.geomspace(1e-6, 1.0, 100), vectorised={vectorised})
began = time.perf_counter(); run(work.x[:32], work.y[:32]); print(time.perf_counter() - began)
"""


def seconds(code: str) -> float:
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def medians(contenders: dict[str, str], repeats: int) -> dict[str, float]:
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(repeats):
        for name, code in contenders.items():
            times[name].append(seconds(code))
    return {name: statistics.median(values) for name, values in times.items()}


def main() -> None:
    print("| | ours, s | floor, s | ours / floor |\n| --- | --- | --- | --- |")
    ours, peer = medians({name: TIMED.format(f"import {what}") for name, what in IMPORTS.items()}, 7).values()
    print(
        "| `import autolr_widget`; floor: `import ipywidgets, bqplot, anywidget` "
        f"| {ours:.2f} | {peer:.2f} | {ours / peer:.2f} |"
    )
    shown = medians({"shown": PREPARED.format(name="MLP") + SHOWN}, 3)["shown"]
    print(f"| `TunerWidget(...)` shown, TensorFlow imported before | {shown:.2f} | | |")
    for name, vectorised in (("MLP", True), ("CNN", False)):
        prepared = PREPARED.format(name=name)
        both = {"ours": prepared + FIRST, "floor": prepared + FLOOR.format(vectorised=vectorised)}
        ours, hand = medians(both, 3).values()
        print(f"| first round, {name}; floor: its first call | {ours:.2f} | {hand:.2f} | {ours / hand:.2f} |")


if __name__ == "__main__":
    main()
