"""How the time and memory of a round grow with the number of rates, the batch size and the number of parameters.

Each point is measured in a separate process: the milliseconds per round, and the peak memory above the memory before.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

POINT = """
import json, threading, time, os
import keras, numpy as np
from autolr_widget import LRTuner
import autolr_widget.engine.measuring.measurement
rates, batch, units = {rates}, {batch}, {units}
keras.utils.set_random_seed(0)
middle = [keras.layers.Dense(units, "relu") for _ in range(2)]
model = keras.Sequential([keras.Input((64,)), *middle, keras.layers.Dense(10)])
model.compile("adam", "mse")
x, y = np.random.default_rng(0).random((2048, 64), "float32"), np.zeros((2048, 10), "float32")
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
before = peak = resident()
def watch():
    global peak
    while True:
        peak = max(peak, resident())
        time.sleep(0.002)
threading.Thread(target=watch, daemon=True).start()
tuner = LRTuner(model, x, y, num_evals=rates, batch_size=batch, num_subsamples=10**6, horizon=1)
tuner.step()
# Rounds are measured in blocks, so the time per round needs many rounds. The second round determines the block's size.
tuner.step()
began, done = time.perf_counter(), len(tuner)
while time.perf_counter() < began + 1.5 or len(tuner) < done + 16:
    tuner.step()
each = 1e3 * (time.perf_counter() - began) / (len(tuner) - done)
print(json.dumps([model.count_params(), each, peak - before]))
"""
USUAL = {"rates": 100, "batch": 32, "units": 128}
SERIES = {
    "rates": [10, 30, 100, 300, 1000],
    "batch": [8, 32, 128, 512, 1024],
    "units": [70, 275, 970, 3130],
}
LABELS = {"rates": "learning rates", "batch": "batch size", "units": "parameters"}


def point(**setting: int) -> tuple[int, float, float]:
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    code = POINT.format(**USUAL | setting)
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    parameters, milliseconds, megabytes = json.loads(done.stdout)
    return parameters, milliseconds, megabytes


def main() -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, 3, figsize=(11, 6), layout="constrained")
    for column, (name, values) in enumerate(SERIES.items()):
        points = [point(**{name: value}) for value in values]
        at = [p[0] for p in points] if name == "units" else values
        print(f"\n| {LABELS[name]} | {' | '.join(f'{value:,}' for value in at)} |\n| --- |{' --- |' * len(at)}")
        for row, (what, index) in enumerate((("ms per round", 1), ("peak MB", 2))):
            print(f"| {what} | {' | '.join(f'{p[index]:.3g}' for p in points)} |")
            axes[row, column].loglog(at, [p[index] for p in points], "o-")
            axes[row, column].set(xlabel=LABELS[name], ylabel=what)
    figure.savefig(Path(__file__).with_name("scaling.png"), dpi=80)


if __name__ == "__main__":
    main()
