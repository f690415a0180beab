"""What a recommended rate loses against the best one, by `truth.csv`.

``python -m benchmarks.quality.regret`` prints the best rates.
"""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd

from benchmarks.quality.tasks import EPOCHS
from benchmarks.quality.truth import FILE


@functools.cache
def curves(task: str, optimizer: str) -> tuple[np.ndarray, np.ndarray]:
    """Decimal logarithms of the rates, and the regret of each after 5 and after 20 epochs, shape ``(2, rates)``.

    A loss is the mean over the seeds of the validation loss, which for a run that ends worse than it began is the
    initial one. The regret is what it lies above that of the best rate, as a share of what the best rate gains.
    """
    truth = _table()
    case = truth[(truth["task"] == task) & (truth["optimizer"] == optimizer)]
    initial = case[case["rate"] == 0].set_index("seed")["loss"]
    trained = case[case["rate"] > 0]
    # Runs that diverged, and those that got worse, have gained nothing.
    capped = trained.assign(loss=np.fmin(trained["loss"], trained["seed"].map(initial)))
    means = capped.pivot_table(index="epochs", columns="rate", values="loss", aggfunc="mean").loc[list(EPOCHS)]
    losses = means.to_numpy()
    best = losses.min(axis=1, keepdims=True)
    return np.log10(means.columns.to_numpy()), (losses - best) / (initial.mean() - best)


def regret(task: str, optimizer: str, rate: float | None) -> float:
    """The mean regret of both budgets, between 0 and 1: a selector does not know how long one will train.

    Linear between the rates of the truth, in the logarithm of the rate. No rate at all has gained nothing: 1.
    """
    if not rate:
        return 1.0
    rates, regrets = curves(task, optimizer)
    return float(np.mean([np.interp(np.log10(rate), rates, row) for row in regrets]))


def best_rate(task: str, optimizer: str) -> float:
    """The rate of the lowest mean regret."""
    rates, regrets = curves(task, optimizer)
    return float(10 ** rates[np.argmin(regrets.mean(axis=0))])


@functools.cache
def _table() -> pd.DataFrame:
    return pd.read_csv(FILE)


def main() -> None:
    table = _table()
    for task, optimizer in table.groupby(["task", "optimizer"], sort=False).groups:
        rates, regrets = curves(task, optimizer)
        best = 10 ** rates[regrets.argmin(axis=1)]
        print(
            f"{task:20} {optimizer:9} best {best[0]:.2g} and {best[1]:.2g}; lowest mean regret "
            f"{regrets.mean(axis=0).min():.1%} at {best_rate(task, optimizer):.2g}"
        )


if __name__ == "__main__":
    main()
