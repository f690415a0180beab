"""How often the bands tell the truth: at a round settled before, and to somebody who watches them.

``python -m benchmarks.quality.coverage`` prints the table of ``docs/bands.md`` in about two minutes.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from collections.abc import Callable

import numpy as np

from autolr_widget import LRTuner
from autolr_widget.engine.band import BANDS
from benchmarks.quality.tasks import compiled, tasks

ALPHA = 0.05
ROUNDS = 100
#: Runs that are simulated; the bootstrap, ten thousand times as slow, has fewer, and looks at these rounds alone.
RUNS = {"normal": 20_000, "t": 20_000, "anytime": 20_000, "bootstrap": 200}
LOOKS = {name: range(2, ROUNDS + 1) for name in RUNS} | {"bootstrap": (2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100)}


def distributions() -> dict[str, Callable[[np.random.Generator, tuple[int, int]], np.ndarray]]:
    """Samplers of mean 0. The last two draw from 3,000 real rounds, at a good rate and at one near divergence."""
    task = tasks()["digits-mlp"]
    tuner = LRTuner(compiled(task, "sgd", 0), task.x, task.y, lr_space=(0.1, 3.0), num_evals=2, num_subsamples=3000)
    list(tuner)
    good, wild = (tuner.deltas - tuner.deltas.mean(axis=0)).T
    return {
        "normal": lambda generator, shape: generator.normal(size=shape),
        "exponential": lambda generator, shape: generator.exponential(size=shape) - 1,
        "t with 3 degrees of freedom": lambda generator, shape: generator.standard_t(3, size=shape),
        "real ΔL, rate 0.1": lambda generator, shape: generator.choice(good, shape),
        "real ΔL, rate 3": lambda generator, shape: generator.choice(wild, shape),
    }


def line(band: str, name: str, sample: Callable[[np.random.Generator, tuple[int, int]], np.ndarray]) -> str:
    deltas = sample(np.random.default_rng(0), (ROUNDS, RUNS[band]))
    misses, widths = {}, {}
    for n in LOOKS[band]:
        found = BANDS[band](deltas[:n], ALPHA)
        # A band without an end, or of one round, misses nothing.
        misses[n] = (found.lower > 0) | (found.upper < 0)
        widths[n] = np.nanmedian(found.upper - found.lower) if n in (10, 30, 100) else np.nan
    watched = {least: np.any([misses[n] for n in LOOKS[band] if n >= least], axis=0).mean() for least in (2, 10)}
    cells = [name, band, *(f"{1 - misses[n].mean():.1%}" for n in (10, 30, 100))]
    cells += [f"{1 - watched[2]:.1%}", f"{1 - watched[10]:.1%}", *(f"{widths[n]:.3g}" for n in (10, 30, 100))]
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    print(
        "| ΔL | band | covers at 10 | at 30 | at 100 | always, 2 to 100 | always, 10 to 100 | width at 10 | 30 | 100 |"
    )
    print("|" + " --- |" * 10)
    for name, sample in distributions().items():
        for band in RUNS:
            print(line(band, name, sample), flush=True)


if __name__ == "__main__":
    main()
