"""What racing and settling save, and whether they choose the same rate as the full run.

``python -m benchmarks.quality.racing`` prints the table of ``docs/recommendations.md``. It runs every task with every
optimizer, from several seeds of the subsamples.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import pandas as pd

from autolr_widget import LRTuner
from autolr_widget.engine.reading.selection import mean
from benchmarks.quality.recommend import choice
from benchmarks.quality.tasks import BATCH, OPTIMIZERS, compiled, tasks

#: With this many rates, a race is worthwhile.
GRID = {"lr_space": (1e-5, 10.0), "num_evals": 19, "batch_size": BATCH}
#: The settings of each run, and the number of seeds.
RUNS = {
    "1 step": ({"horizon": 1, "evaluate_on": "train", "num_subsamples": 100}, 4),
    "5 steps": ({"horizon": 5, "evaluate_on": "progressive", "num_subsamples": 100}, 1),
}
MODES = {"racing": {"pruner": "racing"}, "racing and settled": {"pruner": "racing", "stop_rule": "settled"}}


def compare(name: str) -> list[tuple[str, str, str, bool, float, float]]:
    task, rows = tasks()[name], []
    for optimizer in OPTIMIZERS:
        model = compiled(task, optimizer, seed=0)
        for run, (settings, repeats) in RUNS.items():
            for seed in range(repeats):
                full = LRTuner(model, task.x, task.y, seed=seed, **GRID, **settings)
                list(full)
                chosen = choice(mean, full.rates, full.deltas)
                for mode, more in MODES.items():
                    # All runs share the traced graphs.
                    tuner = full.renewed(LRTuner(model, task.x, task.y, seed=seed, **GRID, **settings, **more).settings)
                    list(tuner)
                    agrees = choice(mean, tuner.rates, tuner.deltas) == chosen
                    share = tuner.results.measured.sum() / full.deltas.size
                    rows.append((run, mode, f"{name}, {optimizer}", agrees, share, len(tuner)))
    return rows


def main() -> None:
    # TensorFlow does not work after a fork.
    with ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("spawn")) as pool:
        rows = [row for some in pool.map(compare, tasks()) for row in some]
    found = pd.DataFrame(rows, columns=["run", "mode", "case", "agrees", "share", "rounds"])
    print("| run of 100 rounds | mode | runs | same choice | evaluations, median | 90th percentile | rounds, median |")
    print("|" + " --- |" * 7)
    for (run, mode), some in found.groupby(["run", "mode"], sort=False):
        print(
            f"| {run} | {mode} | {len(some)} | {some['agrees'].mean():.1%} | {some['share'].median():.1%} | "
            f"{some['share'].quantile(0.9):.1%} | {some['rounds'].median():.0f} |"
        )
    others = found[~found["agrees"]].groupby(["run", "mode", "case"], sort=False).size()
    print(
        "\nChoices that differ from the full run: " + "; ".join(f"{' / '.join(key)} × {n}" for key, n in others.items())
    )


if __name__ == "__main__":
    main()
