"""How good are the rates? Our recommendations and those of others, judged by `truth.csv`.

``python -m benchmarks.quality.recommend`` prints the tables of ``docs/recommendations.md``. Our selectors see only the
training data, and start from the initial weights of three seeds. A case is a task with an optimizer and a seed.
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
from autolr_widget.engine.reading import selection
from autolr_widget.engine.reading.selection import RULES
from benchmarks.quality import baselines
from benchmarks.quality.regret import best_rate, regret
from benchmarks.quality.tasks import BATCH, OPTIMIZERS, SEEDS, Task, compiled, tasks

#: The grid of the default, and the grid of the other runs.
FEW = {"lr_min": 1e-4, "lr_max": 10.0, "num_evals": 9}
MANY = {"lr_min": 1e-5, "lr_max": 10.0, "num_evals": 19}
#: The settings of each run. In the runs of `TOGETHER`, all rounds together are one recommendation. In the runs of
#: `ALONE`, each round is one, so that the luck of drawing the batches is averaged out.
RUNS = {
    "55 steps": {**FEW, "horizon": 55, "evaluate_on": "progressive", "num_subsamples": 10},
    "55 steps, held-out": {**FEW, "horizon": 55, "evaluate_on": "held-out", "num_subsamples": 1},
    "100 steps": {**FEW, "horizon": 100, "evaluate_on": "progressive", "num_subsamples": 1},
    "25 steps": {**MANY, "horizon": 25, "evaluate_on": "progressive", "num_subsamples": 3},
    "10 steps": {**MANY, "horizon": 10, "evaluate_on": "progressive", "num_subsamples": 2},
    "5 steps": {**MANY, "horizon": 5, "evaluate_on": "train", "num_subsamples": 5},
    "1 step": {**MANY, "horizon": 1, "evaluate_on": "train", "num_subsamples": 100},
}
ALONE, TOGETHER = ("55 steps", "25 steps"), {*RUNS} - {"25 steps"}
#: autolrtuner itself is slow, so it has few rounds, one seed, and every second task.
REFERENCE_ROUNDS, REFERENCE_EVERY = 5, 2
#: A loss object returns the mean. autolrtuner would sum the values of a loss function of the same name.
LOSSES = {
    "sparse_categorical_crossentropy": keras.losses.SparseCategoricalCrossentropy,
    "binary_crossentropy": keras.losses.BinaryCrossentropy,
    "mse": keras.losses.MeanSquaredError,
}
#: Divisors of the lowest point that are tried. The best one is chosen with the judged task left out.
DIVISORS = (1, 1.25, 1.5, 1.75, 2, 2.5, 3, 5, 10)

#: Task, optimizer, and the seed of the initial weights, followed by the round if it is judged alone.
Case = tuple[str, str, str]
#: The chosen rate, by selector and case.
Found = dict[str, dict[Case, float | None]]


def choice(rule: Callable[..., float], rates: np.ndarray, deltas: np.ndarray) -> float | None:
    with contextlib.suppress(ValueError), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return rule(rates, deltas)
    return None


def chosen(found: Found, run: str, case: Case, rates: np.ndarray, deltas: np.ndarray) -> None:
    """Add what all rules choose, and what `half_minimum` would choose with other divisors."""
    for name, rule in RULES.items():
        found[f"{run}, {name}"][case] = choice(rule, rates, deltas)
    half = choice(selection.half_minimum, rates, deltas)
    for divisor in DIVISORS:
        found[f"{run}, lowest point/{divisor}"][case] = half and half * selection.DIVISOR / divisor


def ours(found: Found, name: str, task: Task, optimizer: str) -> None:
    model = compiled(task, optimizer, seed=0)
    # All runs and seeds share its traced graphs.
    tuner = LRTuner(model, task.x, task.y, batch_size=BATCH)
    for seed in SEEDS:
        for variable, value in zip(model.variables, compiled(task, optimizer, seed).variables, strict=True):
            variable.assign(value)
        for run, settings in RUNS.items():
            tuner = tuner.renewed(replace(tuner.settings, seed=seed, **settings))
            # `measure` does not widen the grid.
            deltas = np.array([tuner.measure(index).deltas for index in range(settings["num_subsamples"])])
            cost = settings["horizon"] * settings["num_evals"] if settings["horizon"] > 1 else 1
            if run in ALONE:
                for index, delta in enumerate(deltas):
                    case = name, optimizer, f"{seed}, {index}"
                    chosen(found, f"{run} × 1 ({cost} g)", case, tuner.rates, delta[np.newaxis])
            if run in TOGETHER:
                rounds = len(deltas)
                case = name, optimizer, str(seed)
                chosen(found, f"{run} × {rounds} ({rounds * cost} g)", case, tuner.rates, deltas)
    keras.backend.clear_session()


def others(found: Found, name: str, task: Task, optimizer: str) -> None:
    model = compiled(task, optimizer, seed=0)
    steps = baselines.trained(model, task)
    for seed in SEEDS:
        case = name, optimizer, str(seed)
        baselines.restart(model, compiled(task, optimizer, seed))
        losses = steps(baselines.drawn(task, seed, len(baselines.SWEPT)), baselines.SWEPT)
        for suggestion, rate in baselines.suggestions(losses).items():
            found[f"range test (100 g), {suggestion}"][case] = rate
        found["Keras's default (0 g)"][case] = baselines.keras_default(optimizer)
        stand_in = AutoLRTuner(compiled(task, optimizer, seed), seed)
        stand_in.Tune(task.x, task.y, batch_size=BATCH)
        for rule in ("mean", "median", "variance", "max"):
            found[f"our AutoLRTuner (100 g), {rule}"][case] = stand_in.GetBestLR(rule)
    keras.backend.clear_session()


def reference(found: Found, name: str, task: Task, optimizer: str) -> None:
    """Add what autolrtuner itself and our `AutoLRTuner` choose, with its defaults except for the number of rounds."""
    model = compiled(task, optimizer, seed=0)
    model.compile(OPTIMIZERS[optimizer](), LOSSES[task.loss]())
    # Ours comes first, because it does not change the model.
    for tuner, whose in (
        (AutoLRTuner(model, 0), "our AutoLRTuner"),
        (autolrtuner.AutoLRTuner(model, 0), "autolrtuner itself"),
    ):
        with contextlib.redirect_stderr(io.StringIO()):
            tuner.Tune(task.x, task.y, num_subsamples=REFERENCE_ROUNDS, batch_size=BATCH)
        for rule in ("mean", "median", "variance", "max"):
            selector = f"{whose}, {REFERENCE_ROUNDS} rounds, half of the tasks, {rule}"
            found[selector][name, optimizer, "0"] = float(tuner.GetBestLR(rule))
    keras.backend.clear_session()


def leave_one_out(found: Found, run: str) -> None:
    """Add what `half_minimum` chooses with the divisor that is best on all other tasks."""
    candidates = [found[f"{run}, lowest point/{divisor}"] for divisor in DIVISORS]
    regrets = [{case: regret(*case[:2], rate) for case, rate in rates.items()} for rates in candidates]
    for task in dict.fromkeys(case[0] for case in regrets[0]):
        means = [np.mean([value for case, value in of.items() if case[0] != task]) for of in regrets]
        best = candidates[int(np.argmin(means))]
        found[f"{run}, lowest point/best of the other tasks"] |= {c: r for c, r in best.items() if c[0] == task}


def table(found: Found) -> pd.DataFrame:
    """Return one row per selector. The interval of the mean regret comes from a bootstrap over the tasks."""
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
    """Return the mean regret of one selector minus that of another, paired by task, as text."""
    means = [
        pd.Series([regret(*case[:2], rate) for case, rate in found[name].items()])
        .groupby([case[0] for case in found[name]])
        .mean()
        for name in (selector, other)
    ]
    apart = means[0] - means[1]
    lower, upper = interval(apart)
    return f"{selector} minus {other}: {apart.mean():+.3f} ({lower:+.3f} to {upper:+.3f})"


def select(case: tuple[str, str]) -> Found:
    """Return what all selectors choose for a task with an optimizer."""
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
    """Use one thread per process: two processes with one thread per core would slow each other down."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def main() -> None:
    found: Found = defaultdict(dict)
    names = [*tasks()]
    # TensorFlow does not work after a fork.
    with ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("spawn"), one_thread) as pool:
        for rates in pool.map(select, itertools.product(names, OPTIMIZERS)):
            for selector, by_case in rates.items():
                found[selector].update(by_case)
    for optimizer in OPTIMIZERS:
        for name in names:
            constant = baselines.best_constant(name, optimizer, names)
            for seed in SEEDS:
                found["best constant per optimizer, task left out"][name, optimizer, str(seed)] = constant
    for run in ("55 steps × 1 (495 g)", "55 steps × 10 (4950 g)", "25 steps × 1 (475 g)"):
        leave_one_out(found, run)
    rows = table(found)
    print("| selector | " + " | ".join(rows.columns) + " |\n|" + " --- |" * (1 + len(rows.columns)))
    for selector, row in rows.iterrows():
        print(f"| {selector} | " + " | ".join(row) + " |")
    print()
    for selector in ("55 steps × 1 (495 g), half-minimum", "55 steps × 10 (4950 g), half-minimum"):
        for other in ("range test (100 g), valley", "Keras's default (0 g)", "our AutoLRTuner (100 g), mean"):
            print(f"- {difference(found, selector, other)}")


if __name__ == "__main__":
    main()
