"""500 gradients, spent in different ways: on more rates, or on more steps at each rate.

``python -m benchmarks.quality.frontier`` prints the table of ``docs/recommendations.md``. It takes five minutes on two
cores. Each way is averaged over all positions of its grid, up to half a step to either side, because the position
changes the figures as much as the way does.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import itertools
import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor

import keras
import numpy as np

from autolr_widget.engine.reading.selection import half_minimum, mean
from benchmarks.quality.baselines import drawn, restart, trained
from benchmarks.quality.recommend import choice, one_thread
from benchmarks.quality.regret import regret
from benchmarks.quality.tasks import OPTIMIZERS, SEEDS, compiled, tasks

#: Rates per decade, and the first and last decade, which lie half a step of the widest grid beyond its ends.
FINE, FIRST, LAST = 24, -5 - 10 / 24, 1 + 10 / 24
RATES = np.logspace(FIRST, LAST, round(FINE * (LAST - FIRST)) + 1)
STEPS = 71
#: The decade of the smallest rate, and the number of rates up to 10.
GRIDS = [(-5, 19), (-5, 13), (-5, 10), (-5, 9), (-4, 16), (-4, 13), (-4, 11), (-4, 9), (-4, 7), (-3, 13), (-3, 9)]
#: The steps of the heat at every rate, the number of rates around the lowest that continue, and their steps.
HEAT, FINALISTS, LONG = 10, 5, 62

Case = tuple[str, str]
#: Returns the rate that is chosen from the losses of all paths, or None.
Choose = Callable[[np.ndarray], float | None]


def losses(case: Case) -> list[np.ndarray]:
    """Return the loss before each step, by seed. The shape is ``(1 + rates, steps)``; the first row is for rate 0."""
    name, optimizer = case
    task = tasks()[name]
    model = compiled(task, optimizer, seed=0)
    steps = trained(model, task)
    found = []
    for seed in SEEDS:
        begin, rows = compiled(task, optimizer, seed), drawn(task, seed, STEPS)
        paths = []
        for rate in (0, *RATES):
            restart(model, begin)
            paths.append(steps(rows, np.full(STEPS, rate)))
        found.append(np.array(paths, dtype=float))
    keras.backend.clear_session()
    return found


def deltas(paths: np.ndarray, steps: int) -> np.ndarray:
    """Return what `evaluate_on="progressive"` measures in this number of steps; NaN where a loss is not finite."""
    late = paths[:, steps // 2 : steps]
    with np.errstate(invalid="ignore"):
        return np.where(np.isfinite(late[1:]).all(axis=1), (late[1:] - late[0]).mean(axis=1), np.nan)


def at_once(at: np.ndarray, steps: int, rule: Callable[..., float] = half_minimum) -> Choose:
    """Choose after this number of steps at each of these rates."""
    return lambda paths: choice(rule, RATES[at], deltas(paths, steps)[np.newaxis, at])


def after_heat(at: np.ndarray) -> Choose:
    """Choose after a few steps at each of these rates, and many steps at the rates around the lowest."""

    def choose(paths: np.ndarray) -> float | None:
        lowest = int(np.nanargmin(deltas(paths, HEAT)[at]))
        first = min(max(0, lowest - FINALISTS // 2), len(at) - FINALISTS)
        return at_once(at[first : first + FINALISTS], LONG)(paths)

    return choose


def positions(bottom: int, count: int) -> list[np.ndarray]:
    """Return the indices in `RATES` of this number of rates up to 10, and of the grids up to half a step beside it."""
    apart, rest = divmod(FINE * (1 - bottom), count - 1)
    assert rest == 0
    first = round(FINE * (bottom - FIRST))
    return [first + shift + apart * np.arange(count) for shift in range(-(apart // 2), apart - apart // 2)]


def ways() -> Iterator[tuple[str, list[Choose]]]:
    """Yield the ways to spend the gradients, each with one function that chooses for every position of its grid."""
    many, few = positions(-5, 19), positions(-4, 9)
    before = [at_once(at, 25, lambda rates, deltas: mean(rates, deltas) / 2.5) for at in many]
    yield "25 steps at 19 rates from 1e-5, the lowest rate / 2.5", before
    for bottom, count in GRIDS:
        steps = min(STEPS, 500 // count)
        chooses = [at_once(at, steps) for at in positions(bottom, count)]
        yield f"{steps} steps at {count} rates from 1e{bottom}", chooses
    halved = [at_once(at, 55, lambda rates, deltas: mean(rates, deltas) / 2) for at in few]
    yield "55 steps at 9 rates from 1e-4, the lowest rate / 2", halved
    heat = f"{HEAT} steps at 19 rates from 1e-5, then {LONG} at the {FINALISTS} around the lowest"
    yield heat, [after_heat(at) for at in many]


def main() -> None:
    cases = [*itertools.product(tasks(), OPTIMIZERS)]
    with ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("spawn"), one_thread) as pool:
        found = dict(zip(cases, pool.map(losses, cases), strict=True))
    print("| 500 gradients as | median | mean | ok | fail |\n|" + " --- |" * 5)
    for name, chooses in ways():
        # Shape (positions, cases, seeds).
        regrets = np.array(
            [[[regret(*case, choose(paths)) for paths in found[case]] for case in cases] for choose in chooses]
        )
        print(
            f"| {name} | {np.median(regrets):.3f} | {regrets.mean():.3f} | {(regrets < 0.05).mean():.0%} | "
            f"{(regrets > 0.5).mean():.1%} |"
        )


if __name__ == "__main__":
    main()
