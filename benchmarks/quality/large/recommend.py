"""How good are the rates on the larger tasks? Our recommendations and those of others, judged by `truth.csv`.

``python -m benchmarks.quality.large.recommend`` prints the tables of ``docs/recommendations.md``. It trains nothing:
the paths that the selectors see are in `curves.npz`. A case is a task with an optimizer and a seed.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from autolr_widget.engine.reading.selection import half_minimum
from autolr_widget.engine.types import progressive
from benchmarks.quality.baselines import suggestions
from benchmarks.quality.large import regret
from benchmarks.quality.large.curves import DEFAULT, FILE, RATES, ROUNDS
from benchmarks.quality.large.tasks import CASES, OPTIMIZERS
from benchmarks.quality.large.truth import SEEDS
from benchmarks.quality.recommend import choice, interval

Case = tuple[str, str, int]
#: Returns the rate that is chosen for a case, or None.
Choose = Callable[[Case], float | None]


@functools.cache
def arrays() -> dict[str, np.ndarray]:
    return dict(np.load(FILE))


def cases() -> list[Case]:
    """Return the cases that are in both files."""
    pairs = [(name, optimizer) for name, (two, _) in CASES.items() for optimizer in two]
    known = [pair for pair in pairs if regret.is_known(*pair) and f"{','.join(pair)},0,curves" in arrays()]
    return [(*pair, seed) for pair in known for seed in SEEDS]


def array(case: Case, kind: str) -> np.ndarray:
    return arrays()[",".join(map(str, (*case, kind)))]


def paths(steps: int, rounds: int, rates: slice = DEFAULT) -> Choose:
    """Choose half of the lowest point, after this number of steps at each of these rates, in each of so many rounds."""

    def choose(case: Case) -> float | None:
        curves, starts = array(case, "curves")[:rounds, rates], array(case, "starts")[:rounds]
        with np.errstate(invalid="ignore"):
            deltas = progressive(curves.astype(float), starts.astype(float), steps)
        return choice(half_minimum, RATES[rates], deltas)

    return choose


def best_constant(case: Case) -> float:
    """Return the rate with the lowest mean regret for this optimizer on all other tasks."""
    name, optimizer, _ = case
    others = {other[:2] for other in cases() if other[1] == optimizer and other[0] != name}
    return float(min(RATES, key=lambda rate: np.mean([regret.mean(*other, rate) for other in others])))


def selectors() -> Iterator[tuple[str, int, Choose]]:
    """Yield the name of each selector, the gradients that it needs, and its function."""
    count = len(RATES[DEFAULT])
    for steps in (5, 10, 20, 55):
        yield f"ours, {steps} steps × 1", count * steps, paths(steps, 1)
    yield f"ours, 55 steps × {ROUNDS}", count * 55 * ROUNDS, paths(55, ROUNDS)
    yield "ours, 55 steps × 1, 25 rates from 3e-7", RATES.size * 55, paths(55, 1, slice(None))
    for name in ("valley", "minimum/10"):
        yield f"range test, {name}", 100, lambda case, name=name: suggestions(array(case, "swept"))[name]
    yield "Keras's default", 0, lambda case: float(OPTIMIZERS[case[1]]().learning_rate)
    yield "best constant of the other tasks", 0, best_constant


def table() -> pd.DataFrame:
    """Return one row per selector. The interval of the mean regret comes from a bootstrap over the tasks."""
    rows = {}
    for name, gradients, choose in selectors():
        chosen = {case: choose(case) for case in cases()}
        found = pd.Series([regret.mean(*case[:2], rate) for case, rate in chosen.items()])
        bias = [np.log10(rate / regret.best(*case[:2])) for case, rate in chosen.items() if rate]
        low, high = interval(found.groupby([case[0] for case in chosen]).mean())
        rows[name] = {
            "gradients": f"{gradients:,}",
            "median": f"{found.median():.1%}",
            "mean (95 %)": f"{found.mean():.1%} ({low:.1%}–{high:.1%})",
            "worst": f"{found.max():.0%}",
            "ok": f"{(found < 0.05).mean():.0%}",
            "fail": f"{(found > 0.5).mean():.0%}",
            "bias, decades": f"{np.median(bias):+.2f}",
        }
    return pd.DataFrame(rows).T


def main() -> None:
    rows = table()
    print(f"{len(cases())} cases\n")
    print("| selector | " + " | ".join(rows.columns) + " |\n|" + " --- |" * (1 + len(rows.columns)))
    for selector, row in rows.iterrows():
        print(f"| {selector} | " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
