"""Rounds per second of the engine alone, of the widget in JupyterLab, and the seconds from Run to the first point.

Run by ``make bench``. The two are timed in turn, on the quickstart's model, each from a kernel of its own: the ratio is
what counts, since the machine's speed drifts.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.browser.chromium import find
from tests.browser.lab import CHROMIUM_ARGUMENTS, Lab, Notebook

MODEL = """
import time, keras
from sklearn.datasets import load_digits
from autolr_widget import LRTuner, TunerWidget
x, y = load_digits(return_X_y=True)
x = x / 16
keras.utils.set_random_seed(0)
model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(64, "relu"), keras.layers.Dense(10, "softmax")])
model.compile("sgd", "sparse_categorical_crossentropy")
settings = dict(lr_space=(1e-3, 100), num_subsamples=200)
tuner = TunerWidget(model, x, y, **settings)
tuner
"""
ENGINE = """
engine = LRTuner(model, x, y, **settings)
began = time.perf_counter(); engine.step(); first = time.perf_counter() - began
began = time.perf_counter(); count = len(list(engine)); seconds = time.perf_counter() - began
"""
# From the click to the first round that the page has seen, and from there to the last.
PRESS = """() => new Promise(done => {
    const bar = document.querySelector('.autolr-run-bar progress');
    const began = performance.now();
    let first;
    new MutationObserver((_, observer) => {
        if (bar.value > 0) first ??= [performance.now(), bar.value];
        if (bar.value === bar.max) {
            observer.disconnect();
            done([(first[0] - began) / 1000, 1000 * (bar.max - first[1]) / (performance.now() - first[0])]);
        }
    }).observe(bar, {attributes: true});
    document.querySelector('.autolr-run').click();
})"""


def main(repeats: int = 5) -> None:
    rows = []
    lab = Lab(Path(tempfile.mkdtemp()))
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=find(), args=CHROMIUM_ARGUMENTS)
            for index in range(repeats):
                page = browser.new_page(viewport={"width": 1280, "height": 1000})
                notebook = Notebook(page, lab, MODEL, name=f"bench{index}.ipynb")
                notebook.run_all()
                page.wait_for_selector(".autolr-run", timeout=60_000)
                time.sleep(1)
                first_point, widget = page.evaluate(PRESS)
                notebook.execute(ENGINE)
                first_round, engine = notebook.python("[first, count / seconds]")
                rows.append((engine, widget, widget / engine, first_round, first_point))
                notebook.evaluate("return panel.sessionContext.shutdown()")
                page.close()
            browser.close()
    finally:
        lab.close()
    names = ("engine, rounds/s", "widget, rounds/s", "ratio", "engine's first round, s", "Run to first point, s")
    print(f"| | median of {repeats} | least | most |\n| --- | --- | --- | --- |")
    for name, values in zip(names, zip(*rows, strict=True), strict=True):
        print(f"| {name} | {statistics.median(values):.3g} | {min(values):.3g} | {max(values):.3g} |")


if __name__ == "__main__":
    main()
