"""The widget in a real JupyterLab, compared with the engine alone: rounds per second, curves drawn, and bytes sent.

It uses the quickstart's model, and rounds that only wait for 30 ms or 2 ms. Each widget and the engine are timed in
turn in the same kernel. Their ratio is what counts, because the speed of the machine changes over time.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.browser.chromium import find
from tests.browser.lab import CHROMIUM_ARGUMENTS, Lab, Notebook

MODEL = """
import os
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import time, keras, numpy as np
from sklearn.datasets import load_digits
from autolr_widget import LRTuner, TunerWidget
from autolr_widget.engine.runs.tuner import Round
x, y = load_digits(return_X_y=True)
x = x / 16
keras.utils.set_random_seed(0)
model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(64, "relu"), keras.layers.Dense(10, "softmax")])
model.compile("sgd", "sparse_categorical_crossentropy")
settings = dict(lr_space=(1e-3, 100), num_evals=100, num_subsamples={rounds}, horizon=1)
def waiting(self, seconds):
    time.sleep({wait})
    index = len(self)
    deltas = np.random.default_rng(index).normal(size=100) - 1
    self._rounds.append(Round(index, 1.0, deltas, self.racing, np.ones((100, 1)), np.ones(1)))
    return self._rounds[-1]
if {wait}:
    LRTuner.advance = LRTuner._slice = waiting
tuner = TunerWidget(model, x, y, **settings)
advance, last = LRTuner.advance, 0
def noting(self, seconds):
    global last
    round = advance(self, seconds)
    last = time.time()
    return round
LRTuner.advance = noting
"""
ENGINE = """
engine = LRTuner(model, x, y, **settings)
began = time.perf_counter(); engine.step(); first = time.perf_counter() - began
began = time.perf_counter()
while len(engine) < settings["num_subsamples"]: engine.step()
seconds = time.perf_counter() - began
"""
# The times from the click to the first round that the page shows, and from there to the last. `drawn` counts the frames
# in which the curve has changed, and `late` is the time of the last of them.
PRESS = """() => new Promise(done => {
    const bar = document.querySelector('.autolr-run-bar progress');
    const paths = () => [...document.querySelectorAll('.bqplot path.line')].map(path => path.getAttribute('d')).join();
    const began = performance.now();
    let first, last, drawn = 0, changed, path = paths();
    const look = () => {
        const now = paths();
        if (now !== path) { drawn += 1; path = now; changed = Date.now(); }
        if (bar.value > 0) first ??= performance.now();
        if (bar.value === bar.max) last ??= performance.now();
        // Look for one more second, because the curve may be drawn after the counter.
        if (last === undefined || performance.now() < last + 1000) return requestAnimationFrame(look);
        done({first: (first - began) / 1000, seconds: (last - first) / 1000, drawn, late: changed});
    };
    requestAnimationFrame(look);
    document.querySelector('.autolr-run').click();
})"""


def measure(page: Page, lab: Lab, name: str, wait: float, rounds: int) -> dict[str, float]:
    received = [0]
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: count(frame, received)))
    notebook = Notebook(page, lab, MODEL.format(wait=wait, rounds=rounds), "tuner", name=name)
    notebook.run_all()
    page.wait_for_selector(".autolr-run", timeout=60_000)
    time.sleep(1)
    before = received[0]
    seen = page.evaluate(PRESS)
    sent = received[0] - before
    late = 1000 * (seen["late"] / 1000 - notebook.python("last"))
    notebook.execute(ENGINE)
    first_round, engine = notebook.python("[first, (settings['num_subsamples'] - 1) / seconds]")
    notebook.evaluate("return panel.sessionContext.shutdown()")
    widget = (rounds - 1) / seen["seconds"]
    return {
        "engine, rounds/s": engine,
        "widget, rounds/s": widget,
        "widget / engine": widget / engine,
        "curves drawn/s": seen["drawn"] / seen["seconds"],
        "last curve after last round, ms": late,
        "bytes per round": sent / rounds,
        "engine's first round, s": first_round,
        "Run to first point, s": seen["first"],
    }


def count(frame: str | bytes, received: list[int]) -> None:
    received[0] += len(frame)


def main(repeats: int = 3) -> None:
    works = {"quickstart": (0, 200), "30 ms": (0.03, 150), "2 ms": (0.002, 600)}
    lab = Lab(Path(tempfile.mkdtemp()))
    rows: dict[str, list[dict[str, float]]] = {name: [] for name in works}
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=find(), args=CHROMIUM_ARGUMENTS)
            for index in range(repeats):
                for name, (wait, rounds) in works.items():
                    page = browser.new_page(viewport={"width": 1280, "height": 1000})
                    rows[name].append(measure(page, lab, f"bench{index}-{rounds}.ipynb", wait, rounds))
                    page.close()
            browser.close()
    finally:
        lab.close()
    print(f"\n| medians of {repeats} | {' | '.join(works)} |\n| --- | {' | '.join('---' for _ in works)} |")
    for figure in rows["quickstart"][0]:
        medians = (statistics.median(row[figure] for row in rows[name]) for name in works)
        print(f"| {figure} | {' | '.join(f'{median:.3g}' for median in medians)} |")


if __name__ == "__main__":
    main()
