"""What a rate loses compared with the best rate on the larger tasks, according to `truth.csv`.

``python -m benchmarks.quality.large.regret`` prints the best rates.
"""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd

from benchmarks.quality.large.truth import FILE, missing


@functools.cache
def curve(task: str, optimizer: str, kind: str, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the decimal logarithms of the rates, and their regrets after ``steps`` steps.

    The loss of a rate is its validation loss, averaged over the seeds. If a run ends with a larger loss than it began
    with, the initial loss is used. The regret is the difference to the loss of the best rate, divided by what the best
    rate gains over no training.
    """
    table = _table()
    case = table[(table["task"] == task) & (table["optimizer"] == optimizer)]
    initial = case[case["kind"] == "start"].set_index("seed")["loss"]
    trained = case[(case["kind"] == kind) & (case["steps"] == steps)]
    capped = trained.assign(loss=np.fmin(trained["loss"], trained["seed"].map(initial)))
    losses = capped.groupby("rate")["loss"].mean()
    return np.log10(losses.index.to_numpy()), ((losses - losses.min()) / (initial.mean() - losses.min())).to_numpy()


def regret(task: str, optimizer: str, rate: float | None, kind: str, steps: int) -> float:
    """Return the regret of a rate, between 0 and 1, for training of this kind and length.

    Between the rates of the truth, the regret is interpolated linearly in the logarithm of the rate. If no rate was
    chosen, it is 1.
    """
    if not rate:
        return 1.0
    return float(np.interp(np.log10(rate), *curve(task, optimizer, kind, steps)))


def regret_of_loss(task: str, optimizer: str, loss: float, kind: str, steps: int) -> float:
    """Return the regret of a training that ended with this validation loss. It may be negative."""
    case = _table()[(_table()["task"] == task) & (_table()["optimizer"] == optimizer)]
    initial = case.loc[case["kind"] == "start", "loss"].mean()
    losses = case[(case["kind"] == kind) & (case["steps"] == steps)].groupby("rate")["loss"].mean()
    return float((min(loss, initial) - losses.min()) / (initial - losses.min()))


def best_rate(task: str, optimizer: str, kind: str, steps: int) -> float:
    rates, regrets = curve(task, optimizer, kind, steps)
    return float(10 ** rates[np.argmin(regrets)])


def of_seed(task: str, optimizer: str, seed: int, kind: str = "constant") -> pd.Series:
    """Return the mean regret over all budgets by rate, as one seed alone tells it."""
    case = _table()[(_table()["task"] == task) & (_table()["optimizer"] == optimizer) & (_table()["seed"] == seed)]
    initial = case.loc[case["kind"] == "start", "loss"].item()
    losses = case[case["kind"] == kind].pivot_table("loss", "rate", "steps").clip(upper=initial)
    regrets: pd.DataFrame = (losses - losses.min()) / (initial - losses.min())
    return regrets.mean(axis=1)


def mean(task: str, optimizer: str, rate: float | None, kind: str = "constant") -> float:
    """Return the mean regret over all budgets: a selector does not know how long you will train."""
    return float(np.mean([regret(task, optimizer, rate, kind, steps) for steps in budgets(task, optimizer)]))


def best(task: str, optimizer: str, kind: str = "constant") -> float:
    """Return the rate with the lowest mean regret over all budgets."""
    rates = 10 ** curve(task, optimizer, kind, budgets(task, optimizer)[0])[0]
    return float(min(rates, key=lambda rate: mean(task, optimizer, rate, kind)))


def is_known(task: str, optimizer: str) -> bool:
    """Whether all trainings that a case asks for are in the file."""
    table = _table()
    begun = ((table["task"] == task) & (table["optimizer"] == optimizer)).any()
    return bool(begun) and not missing(task, optimizer)


def budgets(task: str, optimizer: str) -> list[int]:
    """Return the numbers of steps after which the truth of a case was measured."""
    table = _table()
    case = table[(table["task"] == task) & (table["optimizer"] == optimizer) & (table["rate"] > 0)]
    return sorted(case["steps"].unique().tolist())


@functools.cache
def _table() -> pd.DataFrame:
    return pd.read_csv(FILE)


def main() -> None:
    table = _table()
    for task, optimizer in table[table["rate"] > 0].groupby(["task", "optimizer"], sort=False).groups:
        for kind in ("constant", "cosine"):
            rates = [best_rate(task, optimizer, kind, steps) for steps in budgets(task, optimizer)]
            print(f"{task:20} {optimizer:9} {kind:9} best " + ", ".join(f"{rate:.2g}" for rate in rates))


if __name__ == "__main__":
    main()
