"""Records the runs of the gallery: ``python docs/runs/record.py``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from autolr_widget import LRTuner

#: By the name of the file: the optimizer and the settings.
RUNS: dict[str, tuple[str, dict[str, Any]]] = {
    "digits-sgd": ("sgd", {"num_subsamples": 6}),
    "digits-adam": ("adam", {"num_subsamples": 6}),
    "diverged": ("sgd", {"num_subsamples": 4, "lr_space": (1e-3, 1e10), "num_evals": 14, "horizon": 30}),
    "three-rounds": ("sgd", {"num_subsamples": 3, "batch_size": 8, "horizon": 20}),
}


def main() -> None:
    images, digits = load_digits(return_X_y=True)
    x, _, y, _ = train_test_split(images / 16, digits, test_size=0.25, random_state=0)
    for name, (optimizer, settings) in RUNS.items():
        keras.utils.set_random_seed(0)
        model = keras.Sequential(
            [
                keras.Input((64,)),
                keras.layers.Dense(64, activation="relu"),
                keras.layers.Dense(10, activation="softmax"),
            ]
        )
        model.compile(optimizer, "sparse_categorical_crossentropy")
        tuner = LRTuner(model, x, y, **settings)
        for _ in tuner:
            pass
        path = Path(__file__).with_name(f"{name}.json")
        tuner.saved_run.write(path)
        print(f"{path.name}: {path.stat().st_size // 1000} kB, chosen {tuner.results.best_lr():.3g}")


if __name__ == "__main__":
    main()
