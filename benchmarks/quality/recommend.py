"""How good are the rates? Ours and others' recommendations, judged by `truth.csv`.

``python -m benchmarks.quality.recommend`` prints the tables of ``docs/recommendations.md``. Ours see the training data
only, from three seeds' initial weights; a case is a task with an optimizer and a seed.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import contextlib
import io
import itertools
import multiprocessing
import warnings
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import autolrtuner
import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from autolr_widget import AutoLRTuner, LRTuner
from autolr_widget.engine import selection
from autolr_widget.engine.selection import RULES
from benchmarks.quality import baselines
from benchmarks.quality.regret import best_rate, regret
from benchmarks.quality.tasks import BATCH, OPTIMIZERS, SEEDS, Task, compiled, tasks

GRID = {"lr_space": (1e-5, 10.0), "num_evals": 19, "batch_size": BATCH}
#: Steps per rate, what they are judged on, and rounds; of more than one the first alone is a recommendation, too.
RUNS = {
    "25 steps": {"horizon": 25, "evaluate_on": "own", "num_subsamples": 10},
    "25 steps, held-out": {"horizon": 25, "evaluate_on": "held-out", "num_subsamples": 1},
    "10 steps": {"horizon": 10, "evaluate_on": "own", "num_subsamples": 2},
    "5 steps": {"horizon": 5, "evaluate_on": "same", "num_subsamples": 5},
    "1 step": {"horizon": 1, "evaluate_on": "same", "num_subsamples": 100},
    "100 steps": {"horizon": 100, "evaluate_on": "own", "num_subsamples": 1},
}
#: The package itself is slow: few rounds, one seed, every second task.
REFERENCE_ROUNDS, REFERENCE_EVERY = 5, 2
#: By an object, which takes the mean; autolrtuner sums what a function of the same name gives.
LOSSES = {
    "sparse_categorical_crossentropy": keras.losses.SparseCategoricalCrossentropy,
    "binary_crossentropy": keras.losses.BinaryCrossentropy,
    "mse": keras.losses.MeanSquaredError,
}
#: A heat of 10 steps at each rate, and 100 steps at the best few.
FINALISTS = 3
HEAT = f"10 steps, then 100 at the best {FINALISTS} ({10 * 19 + 100 * FINALISTS} g)"
#: What `cautious` might divide by; the best is chosen leaving the task out.
CAUTIONS = (1.5, 2, 2.5, 3, 4, 5, 10)

Case = tuple[str, str, int]
#: The rate by selector and case.
Found = dict[str, dict[Case, float | None]]


def choice(rule: Callable[..., float], rates: np.ndarray, deltas: np.ndarray) -> float | None:
    with contextlib.suppress(ValueError), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return rule(rates, deltas)
    return None


def start(model: keras.Model, other: keras.Model) -> None:
    """Give a model the weights of another."""
    for variable, value in zip(model.variables, other.variables, strict=True):
        variable.assign(value)


def divided(found: Found, run: str, case: Case, lowest: float | None) -> None:
    for caution in CAUTIONS:
        found[f"{run}, mean/{caution}"][case] = lowest and lowest / caution


def ours(found: Found, name: str, task: Task, optimizer: str) -> None:
    model = compiled(task, optimizer, seed=0)
    # Its traced graphs serve all runs and seeds.
    tuner = LRTuner(model, task.x, task.y, **GRID)
    for seed in SEEDS:
        start(model, compiled(task, optimizer, seed))
        case = name, optimizer, seed
        first = {}
        for run, settings in RUNS.items():
            tuner = tuner.renewed(replace(tuner.settings, seed=seed, **settings))
            list(tuner)
            first[run] = tuner.deltas[:1]
            evaluations = settings["horizon"] * GRID["num_evals"] if settings["horizon"] > 1 else 1
            for rounds in sorted({1, settings["num_subsamples"]}) if run == "25 steps" else (len(tuner),):
                deltas, cost = tuner.deltas[:rounds], rounds * evaluations
                for rule in RULES:
                    found[f"{run} × {rounds} ({cost} g), {rule}"][case] = choice(RULES[rule], tuner.rates, deltas)
                divided(found, f"{run} × {rounds} ({cost} g)", case, choice(selection.mean, tuner.rates, deltas))
        # NaN is sorted last: no rate that diverged in the heat goes on while others are left.
        finalists = np.sort(np.argsort(first["10 steps"][0])[:FINALISTS])
        rate = choice(selection.mean, tuner.rates[finalists], first["100 steps"][:, finalists])
        divided(found, HEAT, case, rate)
    keras.backend.clear_session()


def others(found: Found, name: str, task: Task, optimizer: str) -> None:
    model = compiled(task, optimizer, seed=0)
    run = baselines.range_test(model, task)
    for seed in SEEDS:
        case = name, optimizer, seed
        start(model, compiled(task, optimizer, seed))
        for variable in model.optimizer.variables:
            variable.assign(np.zeros(variable.shape))
        for suggestion, rate in baselines.suggestions(run(seed)).items():
            found[f"range test (100 g), {suggestion}"][case] = rate
        found["Keras's default (0 g)"][case] = baselines.keras_default(optimizer)
        stand_in = AutoLRTuner(compiled(task, optimizer, seed), seed)
        stand_in.Tune(task.x, task.y, batch_size=BATCH)
        for rule in ("mean", "median", "variance", "max"):
            found[f"our AutoLRTuner (100 g), {rule}"][case] = stand_in.GetBestLR(rule)
    keras.backend.clear_session()


def reference(found: Found, name: str, task: Task, optimizer: str) -> None:
    """What autolrtuner itself chooses, with its own defaults but for the number of rounds, and ours from the same."""
    model = compiled(task, optimizer, seed=0)
    model.compile(OPTIMIZERS[optimizer](), LOSSES[task.loss]())
    # Ours first: it leaves the model as it was.
    for tuner, whose in (
        (AutoLRTuner(model, 0), "our AutoLRTuner"),
        (autolrtuner.AutoLRTuner(model, 0), "autolrtuner itself"),
    ):
        with contextlib.redirect_stderr(io.StringIO()):
            tuner.Tune(task.x, task.y, num_subsamples=REFERENCE_ROUNDS, batch_size=BATCH)
        for rule in ("mean", "median", "variance", "max"):
            selector = f"{whose}, {REFERENCE_ROUNDS} rounds, half of the tasks, {rule}"
            found[selector][name, optimizer, 0] = float(tuner.GetBestLR(rule))
    keras.backend.clear_session()


def leave_one_out(found: Found, run: str) -> None:
    """`cautious` with the divisor that is best on all other tasks."""
    candidates = {caution: found[f"{run}, mean/{caution}"] for caution in CAUTIONS}
    for case in next(iter(candidates.values())):
        best = min(
            CAUTIONS,
            key=lambda caution: np.mean(
                [regret(*c[:2], rate) for c, rate in candidates[caution].items() if c[0] != case[0]]
            ),
        )
        found[f"{run}, mean/best of the other tasks"][case] = candidates[best][case]


def table(found: Found) -> pd.DataFrame:
    """One row a selector; the interval of the mean regret by a bootstrap over the tasks."""
    rows = {}
    for selector, rates in found.items():
        cases = pd.DataFrame([*rates], columns=["task", "optimizer", "seed"])
        cases["regret"] = [regret(task, optimizer, rate) for (task, optimizer, _), rate in rates.items()]
        cases["bias"] = [np.log10(rate / best_rate(*case[:2])) if rate else np.nan for case, rate in rates.items()]
        lower, upper = interval(cases.groupby("task")["regret"].mean())
        families = cases.groupby("optimizer", sort=False)["regret"].agg(lambda regrets: (regrets > 0.5).mean())
        rows[selector] = {
            "median": f"{cases['regret'].median():.3f}",
            "p90": f"{cases['regret'].quantile(0.9):.2f}",
            "mean (95 %)": f"{cases['regret'].mean():.3f} ({lower:.3f}–{upper:.3f})",
            "ok": f"{(cases['regret'] < 0.05).mean():.0%}",
            "fail": f"{(cases['regret'] > 0.5).mean():.1%}",
            "fail by family": " ".join(f"{share:.0%}" for share in families),
            "bias, decades": f"{cases['bias'].median():+.2f}",
        }
    return pd.DataFrame(rows).T


def interval(by_task: pd.Series) -> tuple[float, float]:
    generator = np.random.default_rng(0)
    means = generator.choice(by_task.to_numpy(), (10_000, len(by_task))).mean(axis=1)
    lower, upper = np.quantile(means, [0.025, 0.975])
    return float(lower), float(upper)


def difference(found: Found, selector: str, other: str) -> str:
    """The mean regret of one selector less another's, paired by task."""
    means = [
        pd.Series([regret(*case[:2], rate) for case, rate in found[name].items()])
        .groupby([case[0] for case in found[name]])
        .mean()
        for name in (selector, other)
    ]
    apart = means[0] - means[1]
    lower, upper = interval(apart)
    return f"{selector} less {other}: {apart.mean():+.3f} ({lower:+.3f} to {upper:+.3f})"


def select(case: tuple[str, str]) -> Found:
    """What all selectors choose for a task with an optimizer."""
    found: Found = defaultdict(dict)
    name, optimizer = case
    all_tasks = tasks()
    task = all_tasks[name]
    ours(found, name, task, optimizer)
    others(found, name, task, optimizer)
    if name in [*all_tasks][::REFERENCE_EVERY]:
        reference(found, name, task, optimizer)
    return dict(found)


def one_thread() -> None:
    """Two processes of as many threads as there are cores get in each other's way."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def main() -> None:
    found: Found = defaultdict(dict)
    names = [*tasks()]
    # TensorFlow does not survive a fork.
    with ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("spawn"), one_thread) as pool:
        for rates in pool.map(select, itertools.product(names, OPTIMIZERS)):
            for selector, by_case in rates.items():
                found[selector].update(by_case)
    for optimizer in OPTIMIZERS:
        for name in names:
            constant = baselines.best_constant(name, optimizer, names)
            for seed in SEEDS:
                found["best constant per optimizer, task left out"][name, optimizer, seed] = constant
    for run in ("25 steps × 1 (475 g)", "25 steps × 10 (4750 g)", HEAT):
        leave_one_out(found, run)
    rows = table(found)
    print("| selector | " + " | ".join(rows.columns) + " |\n|" + " --- |" * (1 + len(rows.columns)))
    for selector, row in rows.iterrows():
        print(f"| {selector} | " + " | ".join(row) + " |")
    print()
    for selector in ("25 steps × 1 (475 g), cautious", "25 steps × 10 (4750 g), cautious"):
        for other in ("range test (100 g), valley", "Keras's default (0 g)", "our AutoLRTuner (100 g), mean"):
            print(f"- {difference(found, selector, other)}")


if __name__ == "__main__":
    main()
