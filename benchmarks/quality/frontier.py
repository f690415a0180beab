"""500 gradients, spent in many ways: more rates, or more steps for each.

``python -m benchmarks.quality.frontier`` prints the table of ``docs/recommendations.md``, in four minutes on two cores.
Each way is judged in all positions of its grid and on two draws of the batches, as these move the figures, too.
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

from autolr_widget.engine.selection import cautious, mean
from benchmarks.quality.baselines import drawn, restart, trained
from benchmarks.quality.recommend import choice, one_thread
from benchmarks.quality.regret import regret
from benchmarks.quality.tasks import OPTIMIZERS, SEEDS, compiled, tasks

#: Twelve to the decade, so that the grids below are all among them.
RATES = np.geomspace(1e-5, 10, 73)
STEPS, DRAWS = 62, (0, 1)
#: The heat: steps at every rate, and how many rates around the lowest go on.
HEAT, FINALISTS = 10, 5

Case = tuple[str, str]
#: The rate, if any, that is chosen from the losses of all paths.
Choose = Callable[[np.ndarray], float | None]


def losses(case: Case) -> list[np.ndarray]:
    """The loss that each step starts from, shape ``(1 + rates, steps)``, the first at no rate; by seed and draw."""
    name, optimizer = case
    task = tasks()[name]
    model = compiled(task, optimizer, seed=0)
    steps = trained(model, task)
    found = []
    for seed, draw in itertools.product(SEEDS, DRAWS):
        begin, rows = compiled(task, optimizer, seed), drawn(task, seed + len(SEEDS) * draw, STEPS)
        paths = []
        for rate in (0, *RATES):
            restart(model, begin)
            paths.append(steps(rows, np.full(STEPS, rate)))
        found.append(np.array(paths, dtype=float))
    keras.backend.clear_session()
    return found


def deltas(paths: np.ndarray, steps: int) -> np.ndarray:
    """What `evaluate_on="own"` measures in so many steps; NaN where the loss is no longer finite."""
    late = paths[:, steps // 2 : steps]
    with np.errstate(invalid="ignore"):
        return np.where(np.isfinite(late[1:]).all(axis=1), (late[1:] - late[0]).mean(axis=1), np.nan)


def at_once(at: np.ndarray, steps: int, rule: Callable[..., float] = cautious) -> Choose:
    """So many steps at each of these rates."""
    return lambda paths: choice(rule, RATES[at], deltas(paths, steps)[np.newaxis, at])


def after_heat(at: np.ndarray) -> Choose:
    """A few steps at each of these rates, and many at the ones around the lowest."""

    def choose(paths: np.ndarray) -> float | None:
        lowest = int(np.nanargmin(deltas(paths, HEAT)[at]))
        first = min(max(0, lowest - FINALISTS // 2), len(at) - FINALISTS)
        return at_once(at[first : first + FINALISTS], STEPS)(paths)

    return choose


def positions(bottom: int, apart: int) -> list[np.ndarray]:
    """The places in `RATES` of a grid whose largest rate is the last, then of one a twelfth of a decade lower, …"""
    least = 12 * (bottom + 5)
    return [np.arange(len(RATES) - 1 - shift, least - 1, -apart)[::-1] for shift in range(apart)]


def ways() -> Iterator[tuple[str, list[Choose]]]:
    """The ways to spend the gradients, each with what it chooses by in all positions of its grid."""
    many = positions(-5, 4)
    before = [at_once(at, 26, lambda rates, deltas: mean(rates, deltas) / 2.5) for at in many]
    yield "26 steps at 19 rates from 1e-5, the lowest rate / 2.5", before
    for bottom, apart in [(-5, 4), (-5, 6), (-5, 7), (-5, 9), (-4, 5), (-4, 6), (-4, 7), (-4, 8), (-3, 5)]:
        grids = positions(bottom, apart)
        steps = min(STEPS, 500 // len(grids[0]))
        yield f"{steps} steps at {len(grids[0])} rates from 1e{bottom}", [at_once(at, steps) for at in grids]
    heat = f"{HEAT} steps at 19 rates from 1e-5, then {STEPS} at the {FINALISTS} around the lowest"
    yield heat, [after_heat(at) for at in many]


def main() -> None:
    cases = [*itertools.product(tasks(), OPTIMIZERS)]
    with ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("spawn"), one_thread) as pool:
        found = dict(zip(cases, pool.map(losses, cases), strict=True))
    print("| 500 gradients as | median | mean | ok | fail |\n|" + " --- |" * 5)
    for name, chooses in ways():
        # Shape (positions, cases, seeds and draws).
        regrets = np.array(
            [[[regret(*case, choose(paths)) for paths in found[case]] for case in cases] for choose in chooses]
        )
        medians = [np.median(regrets[:, :, draw :: len(DRAWS)], axis=(1, 2)) for draw in range(len(DRAWS))]
        print(
            f"| {name} | {np.mean(medians):.3f} | {regrets.mean():.3f} | {(regrets < 0.05).mean():.0%} | "
            f"{(regrets > 0.5).mean():.1%} |"
        )


if __name__ == "__main__":
    main()
