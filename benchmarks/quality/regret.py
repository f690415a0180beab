"""What a recommended rate loses compared with the best rate, according to `truth.csv`.

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
    """Return the decimal logarithms of the rates, and their regrets after 5 and after 20 epochs.

    The loss of a rate is its validation loss, averaged over the seeds. If a run ends with a larger loss than it began
    with, the initial loss is used. The regret is the difference to the loss of the best rate, divided by what the best
    rate gains over no training. The shape of the regrets is ``(2, rates)``.
    """
    truth = _table()
    case = truth[(truth["task"] == task) & (truth["optimizer"] == optimizer)]
    initial = case[case["rate"] == 0].set_index("seed")["loss"]
    trained = case[case["rate"] > 0]
    # Runs that diverged or got worse have gained nothing.
    capped = trained.assign(loss=np.fmin(trained["loss"], trained["seed"].map(initial)))
    means = capped.pivot_table(index="epochs", columns="rate", values="loss", aggfunc="mean").loc[list(EPOCHS)]
    losses = means.to_numpy()
    best = losses.min(axis=1, keepdims=True)
    return np.log10(means.columns.to_numpy()), (losses - best) / (initial.mean() - best)


def regret(task: str, optimizer: str, rate: float | None) -> float:
    """Return the mean regret of both budgets, between 0 and 1. A selector does not know how long you will train.

    Between the rates of the truth, the regret is interpolated linearly in the logarithm of the rate. If no rate was
    chosen, it is 1.
    """
    if not rate:
        return 1.0
    rates, regrets = curves(task, optimizer)
    return float(np.mean([np.interp(np.log10(rate), rates, row) for row in regrets]))


def best_rate(task: str, optimizer: str) -> float:
    """Return the rate with the lowest mean regret."""
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
