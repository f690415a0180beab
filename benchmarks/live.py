"""What the callback costs a training, compared with plain `fit` of the same model: in a script, and in JupyterLab.

Keras reads the loss after each batch as soon as there is any callback for batches, so an empty one is measured too. The
times are those of the processor, because they hardly depend on what else the machine does.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from playwright.sync_api import sync_playwright

from autolr_widget import TunerWidget
from tests.browser.chromium import find
from tests.browser.lab import CHROMIUM_ARGUMENTS, Lab, Notebook

#: The widths of the hidden layers, and the number of batches of a training.
WORKS = {"2 ms": ([512, 512], 250), "small": ([], 1000)}
BATCH = 32
CELL = """
import sys
sys.path.insert(0, {root!r})
from benchmarks.live import Work
work = Work({name!r})
work.tuner
"""


class Empty(keras.callbacks.Callback):
    """Does nothing after each batch."""

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        pass


class Work:
    """A model, its data, and a widget for it."""

    def __init__(self, name: str) -> None:
        widths, batches = WORKS[name]
        rng = np.random.default_rng(0)
        self.x, self.y = rng.random((BATCH * batches, 64), "float32"), rng.integers(0, 10, BATCH * batches)
        hidden = [keras.layers.Dense(width, "relu") for width in widths]
        self.model = keras.Sequential([keras.Input((64,)), *hidden, keras.layers.Dense(10, "softmax")])
        self.model.compile("sgd", "sparse_categorical_crossentropy")
        self.tuner = TunerWidget(self.model, self.x, self.y)
        self.own = 0.0

    def microseconds(self, repeats: int = 12) -> dict[str, list[float]]:
        """Return the microseconds per batch of trainings in turn, and of what was in the callback of ours."""
        callbacks: dict[str, Callable[[], list[Any]]] = {
            "plain": lambda: [],
            "empty": lambda: [Empty()],
            "ours": lambda: [self._timed(self.tuner.callback())],
        }
        found: dict[str, list[float]] = {name: [] for name in [*callbacks, "inside"]}
        # The first training traces the training step.
        for index in range(1 + repeats):
            for name, make in callbacks.items():
                own, begun = self.own, time.process_time()
                self.model.fit(self.x, self.y, BATCH, verbose=0, callbacks=make())
                seconds = {name: time.process_time() - begun} | ({"inside": self.own - own} if name == "ours" else {})
                for each, value in seconds.items():
                    found[each] += [1e6 * value * BATCH / len(self.x)] if index else []
        return found

    def _timed(self, callback: Any) -> Any:
        """Return a callback whose methods for batches add the time that they take."""
        for name in ("on_train_batch_begin", "on_train_batch_end"):
            setattr(callback, name, self._timing(getattr(callback, name)))
        return callback

    def _timing(self, method: Callable[..., None]) -> Callable[..., None]:
        def timed(*arguments: Any, **options: Any) -> None:
            begun = time.perf_counter()
            method(*arguments, **options)
            self.own += time.perf_counter() - begun

        return timed


def report(where: str, name: str, found: dict[str, list[float]]) -> None:
    plain, empty, ours, inside = (statistics.median(values) for values in found.values())
    print(
        f"| {name}, {where} | {plain:.0f} | {empty:.0f} | {ours:.0f} | {ours / plain - 1:+.1%} "
        f"| {ours / empty - 1:+.1%} | {inside:.1f} | {inside / plain:.1%} |",
        flush=True,
    )


def main() -> None:
    print("| µs per batch | plain | empty callback | ours | ours / plain | ours / empty | in the callback | of plain |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name in WORKS:
        report("script", name, Work(name).microseconds())
    lab = Lab(Path(tempfile.mkdtemp()))
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=find(), args=CHROMIUM_ARGUMENTS)
            page = browser.new_page(viewport={"width": 1280, "height": 1000})
            for name in WORKS:
                cell = CELL.format(root=str(Path(__file__).parents[1]), name=name)
                notebook = Notebook(page, lab, cell, name=f"bench {name}.ipynb")
                notebook.run_all()
                page.wait_for_selector(".autolr-run", timeout=60_000)
                notebook.execute("import json; found = work.microseconds()")
                report("JupyterLab", name, json.loads(notebook.python("json.dumps(found)")))
                notebook.evaluate("return panel.sessionContext.shutdown()")
            browser.close()
    finally:
        lab.close()


if __name__ == "__main__":
    main()
