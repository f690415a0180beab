"""How good are the rates on the larger tasks? Our recommendations and those of others, judged by `truth.csv`.

``python -m benchmarks.quality.large.recommend`` prints the tables of ``docs/recommendations.md``. It trains nothing:
the paths that the selectors see are in `curves.npz`. A case is a task with an optimizer and a seed.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from scipy.stats import t

from autolr_widget.engine.reading.race import racing
from autolr_widget.engine.reading.selection import half_minimum
from autolr_widget.engine.settings import DEFAULTS
from autolr_widget.engine.types import progressive
from benchmarks.quality.baselines import suggestions
from benchmarks.quality.large import regret
from benchmarks.quality.large.curves import DEFAULT, FILE, RATES, ROUNDS
from benchmarks.quality.large.tasks import CASES, OPTIMIZERS
from benchmarks.quality.large.truth import SEEDS
from benchmarks.quality.recommend import choice, interval

HALVING, PRODIGY = FILE.with_name("halving.csv"), FILE.with_name("prodigy.csv")
PICTURE = FILE.parents[3] / "docs" / "regret.png"
ALPHA = DEFAULTS["alpha"]
#: The steps after which successive halving judges a rate for the first time.
LEAST = (17, 170)
#: Not a selector: it replaces the optimizer.
PRODIGY_NAME = "Prodigy instead of the optimizer"
COMPARED = {
    "ours, 10 steps × 1": ("range test, valley",),
    "ours, 55 steps × 1": ("range test, valley", "successive halving from 17 steps", "Keras's default"),
    "ours, 55 steps × 2": (
        "range test, valley",
        "ours, 55 steps × 10",
        "best constant of the other tasks",
        PRODIGY_NAME,
    ),
    "ours, 55 steps × 10": ("successive halving from 170 steps",),
}

Case = tuple[str, str, int]
#: Returns the rate that is chosen for a case, or None.
Choose = Callable[[Case], float | None]
#: One of `RULES`.
Rule = Callable[[np.ndarray, np.ndarray], float]


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


def paths(steps: int, rounds: int, rates: slice = DEFAULT, rule: Rule = half_minimum) -> Choose:
    """Choose by a rule, after this number of steps at each of these rates, in each of so many rounds."""

    def choose(case: Case) -> float | None:
        curves, starts = array(case, "curves")[:rounds, rates], array(case, "starts")[:rounds]
        with np.errstate(invalid="ignore"):
            deltas = progressive(curves.astype(float), starts.astype(float), steps)
        return choice(rule, RATES[rates], deltas)

    return choose


def race(case: Case) -> tuple[float | None, int]:
    """Return the choice after `ROUNDS` rounds in which rates that have lost drop out, and the gradients."""
    curves, starts = array(case, "curves")[:ROUNDS, DEFAULT], array(case, "starts")[:ROUNDS]
    with np.errstate(invalid="ignore"):
        whole = progressive(curves.astype(float), starts.astype(float), 55)
    deltas = whole[:0]
    spent = 0
    for row in whole:
        racing_now = racing(deltas, "racing", ALPHA)
        deltas = np.vstack([deltas, np.where(racing_now, row, np.nan)])
        spent += 55 * int(racing_now.sum())
    return choice(half_minimum, RATES[DEFAULT], deltas), spent


def best_constant(case: Case) -> float:
    """Return the rate with the lowest mean regret for this optimizer on all other tasks."""
    name, optimizer, _ = case
    others = {other[:2] for other in cases() if other[1] == optimizer and other[0] != name}
    return float(min(RATES, key=lambda rate: np.mean([regret.mean(*other, rate) for other in others])))


def halving(case: Case, least: int) -> tuple[float, float]:
    """Return the rate that successive halving chose, and the gradients that it took."""
    row = pd.read_csv(HALVING).set_index(["task", "optimizer", "seed", "least"]).loc[(*case, least)]
    return row.rate, row.gradients


def prodigy(case: Case) -> float:
    """Return the mean regret, over all budgets, of a training with Prodigy."""
    name, optimizer, seed = case
    rows = pd.read_csv(PRODIGY).set_index(["task", "seed", "kind"]).loc[(name, seed, "constant")]
    found = zip(rows["loss"], rows["steps"], strict=True)
    return float(np.mean([regret.regret_of_loss(name, optimizer, loss, "constant", steps) for loss, steps in found]))


def selectors() -> Iterator[tuple[str, int, Choose]]:
    """Yield the name of each selector, the gradients that it needs, and its function."""
    count = len(RATES[DEFAULT])
    for steps, rounds in ((5, 1), (10, 1), (20, 1), (55, 1), (55, 2), (55, ROUNDS)):
        yield f"ours, {steps} steps × {rounds}", count * steps * rounds, paths(steps, rounds)
    spent = np.mean([race(case)[1] for case in cases()])
    yield f"ours, 55 steps × {ROUNDS}, racing", round(spent), lambda case: race(case)[0]
    for name in ("valley", "minimum/10"):
        yield f"range test, {name}", 100, lambda case, name=name: suggestions(array(case, "swept"))[name]
    for least in LEAST:
        spent = np.mean([halving(case, least)[1] for case in cases()])
        yield f"successive halving from {least} steps", round(spent), lambda case, least=least: halving(case, least)[0]
    yield "Keras's default", 0, lambda case: float(OPTIMIZERS[case[1]]().learning_rate)
    yield "best constant of the other tasks", 0, best_constant


def regrets() -> tuple[pd.DataFrame, pd.DataFrame, dict[str, int]]:
    """Return the regrets and the chosen rates, with a row per case and a column per selector, and the gradients."""
    found, rates, gradients = {}, {}, {}
    for name, spent, choose in selectors():
        rates[name] = {case: choose(case) or np.nan for case in cases()}
        found[name] = {case: regret.mean(*case[:2], rate) for case, rate in rates[name].items()}
        gradients[name] = spent
    found[PRODIGY_NAME] = {case: prodigy(case) for case in cases()}
    return pd.DataFrame(found), pd.DataFrame(rates), gradients


def by_task(column: pd.Series) -> pd.Series:
    return column.groupby(level=0).mean()


def table(found: pd.DataFrame, rates: pd.DataFrame, gradients: dict[str, int]) -> str:
    """Return a row per selector. The interval of the mean regret comes from a bootstrap over the tasks."""
    best = np.log10([regret.best(*case[:2]) for case in found.index])
    lines = ["| selector | gradients | median | mean (95 %) | worst | under 5 % | bias, decades |", "|" + " --- |" * 7]
    for name, column in found.items():
        low, high = interval(by_task(column))
        bias = f"{np.nanmedian(np.log10(rates[name]) - best):+.2f}" if name in rates else ""
        lines.append(f"| {name} | {gradients[name]:,} |" if name in gradients else f"| {name} | |")
        lines[-1] += f" {column.median():.1%} | {column.mean():.1%} ({low:.1%}–{high:.1%}) | {column.max():.0%} | "
        lines[-1] += f"{(column < 0.05).mean():.0%} | {bias} |"
    return "\n".join(lines)


def differences(found: pd.DataFrame) -> str:
    """Return the mean regret of ours minus that of others, in points, paired by task, with intervals of Student's t."""
    lines = []
    for ours, others in COMPARED.items():
        for other in others:
            apart = 100 * by_task(found[ours] - found[other])
            # The bootstrap of nine tasks would be too narrow.
            low, high = t.interval(0.95, len(apart) - 1, apart.mean(), apart.sem())
            lines.append(f"- {ours} minus {other}: {apart.mean():+.1f} points ({low:+.1f} to {high:+.1f})")
    return "\n".join(lines)


def other_seed() -> str:
    """Return how good it is to train at every rate to the end and to keep the best, judged by the other seed."""
    searched, ours = [], []
    choose = paths(55, 2)
    for name, optimizer, seed in cases():
        here, there = (regret.of_seed(name, optimizer, which) for which in (seed, 1 - seed))
        searched.append(there[here.idxmin()])
        rate = choose((name, optimizer, seed)) or np.nan
        ours.append(np.interp(np.log10(rate), np.log10(there.index), there))
    words = [f"median {np.median(each):.1%}, mean {np.mean(each):.1%}" for each in (searched, ours)]
    return f"Judged by the other seed: every rate trained to the end {words[0]}; ours after 990 gradients {words[1]}"


def picture(found: pd.DataFrame, gradients: dict[str, int]) -> None:
    """Draw the mean regret against the gradients."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    count = len(RATES[DEFAULT])
    looks = [(steps, 1) for steps in range(2, 56)] + [(55, rounds) for rounds in range(2, ROUNDS + 1)]
    spent = [count * steps * rounds for steps, rounds in looks]
    means = [np.mean([regret.mean(*case[:2], paths(*look)(case)) for case in cases()]) for look in looks]
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    axes.plot(spent, 100 * np.array(means), label="ours: one round of 2 to 55 steps, then 2 to 10 rounds")
    axes.axvline(count * 55 * 2, color="0.8", zorder=0)
    axes.text(count * 55 * 2, 0.3, "default run ", ha="right", color="0.5")
    for name, column in found.items():
        if name.startswith("ours"):
            continue
        if gradients.get(name):
            axes.plot(gradients[name], 100 * column.mean(), "o", color="C1")
            # Below the point, where the lines above it have their names.
            side = {"ha": "right" if gradients[name] > 1000 else "left", "va": "top"}
            axes.annotate(name, (gradients[name], 100 * column.mean()), (0, -5), textcoords="offset points", **side)
        else:
            axes.axhline(100 * column.mean(), linestyle=":", color="C2")
            # The best constant is just above Keras's default.
            side = "top" if name.startswith("Keras") else "bottom"
            axes.text(6000, 100 * column.mean(), name, ha="right", va=side, color="C2")
    axes.set(
        xscale="log", xlim=(18, 6500), ylim=(0, 11), xlabel="gradients of a batch of 32", ylabel="mean regret in %"
    )
    axes.legend(loc="upper right")
    figure.savefig(PICTURE, dpi=80)


def main() -> None:
    found, rates, gradients = regrets()
    print(f"{len(found)} cases\n\n{table(found, rates, gradients)}\n\n{differences(found)}\n\n{other_seed()}")
    picture(found, gradients)


if __name__ == "__main__":
    main()
