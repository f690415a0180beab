"""How the best rate of the larger tasks moves with the length of the training, and under decay, by `truth.csv`.

``python -m benchmarks.quality.large.length`` prints the figures of ``docs/recommendations.md``. A rule of thumb has one
number: the factor from the best constant rate to the peak of a cosine decay, or the power of the length by which the
best rate of a training moves when it becomes 16 times as long. "Left out" means that the number was chosen by the mean
regret on the other tasks.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.quality.large.regret import best, best_rate, budgets, mean, regret
from benchmarks.quality.large.tasks import CASES

FACTORS = (0.5, 1.0, 1.5, 2.0, 3.0, 5.0)
POWERS = (0.0, -0.1, -0.2, -0.3, -0.4, -0.5)

Pair = tuple[str, str]
PAIRS: list[Pair] = [(name, optimizer) for name, (two, _) in CASES.items() for optimizer in two]
FINE_TUNED = np.array([name.startswith("finetune") for name, _ in PAIRS])


def longer(pair: Pair, power: float, kind: str) -> float:
    """Return the regret in the whole training of the rate that is best in a 16th of it, moved by ``power``."""
    first, last = budgets(*pair)[0], budgets(*pair)[-1]
    return regret(*pair, best_rate(*pair, kind, first) * (last / first) ** power, kind, last)


def peak(pair: Pair, factor: float) -> float:
    """Return the mean regret of a cosine decay from ``factor`` times the best constant rate."""
    return mean(*pair, factor * best(*pair), "cosine")


def show(title: str, numbers: tuple[float, ...], of: Callable[[Pair, float], float]) -> None:
    """Print the regrets of a rule of thumb with each number, and with the one that the other tasks choose."""
    regrets = np.array([[of(pair, number) for number in numbers] for pair in PAIRS])
    tasks = np.array([name for name, _ in PAIRS])
    left_out = [row[regrets[tasks != task].mean(axis=0).argmin()] for task, row in zip(tasks, regrets, strict=True)]
    print(f"\n| {title} | median | mean | worst | mean from scratch | mean of fine-tuning |\n|" + " --- |" * 6)
    for name, found in [*zip(numbers, regrets.T, strict=True), ("left out", np.array(left_out))]:
        means = found.mean(), found.max(), found[~FINE_TUNED].mean(), found[FINE_TUNED].mean()
        print(f"| {name} | {np.median(found):.1%} | " + " | ".join(f"{value:.1%}" for value in means) + " |")


def main() -> None:
    ratios = [best(*pair, "cosine") / best(*pair) for pair in PAIRS]
    print(f"best peak / best constant rate: median {np.median(ratios):.2g}, {min(ratios):.2g} to {max(ratios):.2g}")
    for kind in ("constant", "cosine"):
        moved = [best_rate(*p, kind, budgets(*p)[-1]) / best_rate(*p, kind, budgets(*p)[0]) for p in PAIRS]
        words = f"median {np.median(moved):.2g}, {min(moved):.2g} to {max(moved):.2g}"
        print(f"best rate of the whole training / of a 16th, {kind}: {words}")
    show("peak / constant", FACTORS, peak)
    show("power, constant", POWERS, lambda pair, power: longer(pair, power, "constant"))
    show("power, cosine", POWERS, lambda pair, power: longer(pair, power, "cosine"))


if __name__ == "__main__":
    main()
