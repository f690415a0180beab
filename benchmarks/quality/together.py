"""What the small and the larger tasks say together: about rules, the range of the best rate, and the training's length.

``python -m benchmarks.quality.together`` prints the figures of ``docs/recommendations.md``. It trains nothing. Each of
the 21 tasks counts once, however many optimizers and seeds it has. "Left out" means that the numbers of a rule were
chosen by all other tasks.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from autolr_widget.engine.reading.good_range import HIGHEST, LOWEST, SHARE
from autolr_widget.engine.reading.selection import RULES, half_minimum
from benchmarks.quality import regret as small
from benchmarks.quality.large import recommend as large
from benchmarks.quality.large.regret import budgets
from benchmarks.quality.recommend import choice, interval
from benchmarks.quality.rounds import DEFAULT, FILE, RATES, STEPS
from benchmarks.quality.tasks import BATCH, EPOCHS, tasks

#: The steps and the rounds of the looks.
LOOKS = ((20, 1), (36, 1), (55, 1), (55, 2), (55, 10))
#: A rate for a training of N steps is the lowest point, times a factor, divided by a power of N / `USUAL`.
FACTORS = (0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0)
POWERS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
USUAL = 500


class Case(NamedTuple):
    """Our choice in a case, and the regret of any rate after each number of steps."""

    task: str
    chosen: float
    steps: list[int]
    regrets: list[tuple[np.ndarray, np.ndarray]]

    @property
    def ratios(self) -> list[float]:
        """The logarithm of the best rate after each number of steps, relative to the choice."""
        return [rates[regrets.argmin()] - np.log10(self.chosen) for rates, regrets in self.regrets]

    def regret(self, budget: int, rate: float) -> float:
        """Return the regret of a rate after a number of steps. It is 1 if no rate was chosen, which is NaN."""
        return 1.0 if np.isnan(rate) else float(np.interp(np.log10(rate), *self.regrets[budget]))


def cases(steps: int, rounds: int, rule: large.Rule = half_minimum, every: int = 1) -> list[Case]:
    """Return all cases with the choice of a rule after this look, from every rate of the default grid or from some."""
    found = []
    sizes = {name: max(1, len(task.y) // BATCH) for name, task in tasks().items()}
    for key, deltas in np.load(FILE).items():
        name, optimizer, _ = key.split(",")
        some = slice(DEFAULT.start, DEFAULT.stop, every)
        rate = choice(rule, RATES[some], deltas[STEPS.index(steps), :rounds, some].astype(float)) or np.nan
        rates, regrets = small.curves(name, optimizer)
        after = [epochs * sizes[name] for epochs in EPOCHS]
        found.append(Case(name, rate, after, [(rates, row) for row in regrets]))
    some = slice(large.DEFAULT.start, None, large.DEFAULT.step * every)
    for case in large.cases():
        rate = large.paths(steps, rounds, some, rule)(case) or np.nan
        after = budgets(*case[:2])
        curves = [large.regret.curve(*case[:2], "constant", budget) for budget in after]
        found.append(Case(case[0], rate, after, curves))
    return found


def quantiles(ratios: pd.Series) -> tuple[float, float]:
    """Return the two ends between which `SHARE` of the ratios lie. Each task has the same weight."""
    ordered = ratios.sort_values()
    weights = 1 / ordered.groupby(level=0).transform("size")
    levels = (weights.cumsum() - weights / 2) / weights.sum()
    # As in conformal prediction: a new task is one more than those that are known.
    tasks = ordered.index.nunique()
    tail = (1 - SHARE) / 2 * (tasks + 1) / tasks - 0.5 / tasks
    low, high = np.interp([tail, 1 - tail], levels, ordered)
    return float(low), float(high)


def looks() -> None:
    """Print the regrets after each look, and how often a range around the choice held the best rate."""
    print(f"| look | small | larger | best / chosen, {SHARE:.0%} | held it, left out | shortest | longest |")
    print("|" + " --- |" * 7)
    for steps, rounds in LOOKS:
        found = cases(steps, rounds)
        regrets = np.array([np.mean([case.regret(i, case.chosen) for i in range(len(case.steps))]) for case in found])
        are_small = np.array([len(case.steps) == len(EPOCHS) for case in found])
        means = [f"{np.median(part):.1%}, {part.mean():.1%}" for part in (regrets[are_small], regrets[~are_small])]
        tasks_of = [case.task for case in found]
        every = pd.Series([case.ratios for case in found], tasks_of).explode().astype(float)
        ends = [pd.Series([case.ratios[end] for case in found], tasks_of) for end in (0, -1)]
        held = []
        for task in every.index.unique():
            low, high = quantiles(every.drop(task))
            held.append([ratios[[task]].between(low, high).mean() for ratios in (every, *ends)])
        low, high = (10**end for end in quantiles(every))
        shares = " | ".join(f"{share:.0%}" for share in np.mean(held, axis=0))
        print(f"| {steps} steps × {rounds} | {' | '.join(means)} | {low:.2g} to {high:.2g} | {shares} |")
    held = [
        np.mean(np.abs(np.clip(case.ratios, np.log10(LOWEST), np.log10(HIGHEST)) - case.ratios) < 1e-9)
        for case in found
    ]
    print(f"\nfrom {LOWEST} to {HIGHEST}: {pd.Series(held, tasks_of).groupby(level=0).mean().mean():.0%}")
    print("fine-tuning, best rate of the longest training / chosen:", end=" ")
    print(*sorted({f"{10 ** case.ratios[-1]:.2g}" for case in found if case.task.startswith("finetune")}))


def rules() -> None:
    """Print the mean regret of each rule after two rounds, and that of `half_minimum` on other grids."""
    print("\n| rule, after 55 steps × 2 | small | larger | all tasks |\n| --- | --- | --- | --- |")
    by_rule = {name: by_task(cases(55, 2, rule)) for name, rule in RULES.items()}
    left_out = [min(by_rule, key=lambda name: by_rule[name].drop(task).mean()) for task in by_rule["mean"].index]
    by_rule["best of the other tasks"] = pd.Series(
        {task: by_rule[name][task] for task, name in zip(by_rule["mean"].index, left_out, strict=True)}
    )
    by_rule["half-minimum, every second rate"] = by_task(cases(55, 2, half_minimum, every=2))
    small_tasks = [*tasks()]
    for name, regrets in by_rule.items():
        parts = (regrets[small_tasks], regrets.drop(small_tasks), regrets)
        print(f"| {name} | " + " | ".join(f"{part.mean():.1%}" for part in parts) + " |")


def by_task(found: list[Case]) -> pd.Series:
    """Return the mean regret of each task."""
    regrets = [np.mean([case.regret(i, case.chosen) for i in range(len(case.steps))]) for case in found]
    return pd.Series(regrets, [case.task for case in found]).groupby(level=0).mean()


def lengths() -> None:
    """Print whether knowing the length of the training helps."""
    found = cases(55, 2)
    numbers = [(factor, power) for power in POWERS for factor in FACTORS]
    rows = []
    for factor, power in [(0.5, 0.0), *numbers]:
        moved = [
            np.mean(
                [
                    case.regret(budget, 2 * case.chosen * factor * (steps / USUAL) ** -power)
                    for budget, steps in enumerate(case.steps)
                ]
            )
            for case in found
        ]
        rows.append(pd.Series(moved, [case.task for case in found]).groupby(level=0).mean())
    kept, tried = rows[0], pd.DataFrame(rows[1:], index=numbers)
    left_out = pd.Series(
        {task: tried.loc[[tried.drop(columns=task).mean(axis=1).idxmin()], task].item() for task in kept.index}
    )
    apart = 100 * (left_out - kept)
    low, high = interval(apart)
    print(f"\nhalf of the lowest point: {kept.mean():.2%}")
    print(f"best factor and power {tried.mean(axis=1).idxmin()}: {tried.mean(axis=1).min():.2%}")
    print(f"left out: {left_out.mean():.2%}, {apart.mean():+.2f} points ({low:+.2f} to {high:+.2f})")


def main() -> None:
    looks()
    rules()
    lengths()


if __name__ == "__main__":
    main()
