"""What looking again gains on the larger tasks, from a good rate, and from rates 10 times too high and too low.

``python -m benchmarks.quality.large.retune`` makes `retune.csv`: the validation loss at the end of the training of
each task with its two optimizers, from two seeds and three starts, for each of `HOW`. The good start is our
recommendation, half of the lowest point of one round of `curves.npz`. A training is cut into `EPOCHS` epochs of equal
length, whatever the size of the data, and each has the validation loss at its end, as the callbacks of Keras would.
Two more seeds, which played no part when the rules were chosen, are trained in the ways of `UNSEEN_HOW`. Their good
start is measured here, as `curves.npz` does not have them.

It continues from the trainings that are already in the file, and then prints the tables of ``docs/looking-again.md``.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import functools
import itertools
import math
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from autolr_widget import LRTuner
from autolr_widget.engine.live.rate import set_rate
from autolr_widget.engine.live.retune import Retune
from autolr_widget.engine.live.verdict import verdict
from autolr_widget.engine.types import Round, progressive
from benchmarks.quality.large import regret
from benchmarks.quality.large.curves import ALL, DEFAULT, HORIZON, RATES
from benchmarks.quality.large.recommend import array, cases, paths
from benchmarks.quality.large.tasks import CASES
from benchmarks.quality.large.truth import SEEDS, Training, known
from benchmarks.quality.recommend import one_thread
from benchmarks.quality.tasks import BATCH

FILE = Path(__file__).with_name("retune.csv")
COLUMNS = ["task", "optimizer", "seed", "start", "how", "loss", "gradients", "rates"]
EPOCHS = 16
#: The first rate in parts of the recommended one.
STARTS = {"good": 1.0, "high": 10.0, "low": 0.1}
#: How much worse than the constant rate from the good start a training may be, in parts of what training gains.
LIMITS = {"good": 0.01, "high": 0.05, "low": 0.05}
HOW = ("constant", "ReduceLROnPlateau", "cosine", "plateau", "every 4")
#: The seeds that played no part in the choice of the rules, and how they are trained.
UNSEEN = (2, 3)
UNSEEN_HOW = ("constant", "plateau")
#: Rows of the file from before the first look went on. They are not measured any more.
BEFORE = ("plateau before", "every 4 before")
#: What is passed as ``retune``.
RETUNE: dict[str, str | int] = {"plateau": "plateau", "every 4": 4}
#: The epochs without a better loss after which Keras's callback lowers the rate. Its own default, 10, suits hundreds.
PATIENCE = 2


def recommended(tuner: LRTuner, seed: int) -> float:
    """Return half of the lowest point of one round of the default grid, from the current state of the model."""
    grid = {"lr_min": RATES[DEFAULT][0], "lr_max": RATES[-1], "num_evals": RATES[DEFAULT].size}
    run = tuner.renewed(replace(tuner.settings, **grid, horizon=HORIZON, seed=seed))
    run.step()
    return run.results.best_lr()


def measure(case: tuple[str, str]) -> None:
    """Train a task with an optimizer in all ways that are not in the file yet."""
    name, optimizer = case
    began = time.perf_counter()
    table = pd.read_csv(FILE).query("task == @name and optimizer == @optimizer")
    done = {*zip(table["seed"], table["start"], table["how"], strict=True)}
    wanted = [*itertools.product(SEEDS, STARTS, HOW), *itertools.product(UNSEEN, STARTS, UNSEEN_HOW)]
    lacking = [each for each in wanted if each not in done]
    if not lacking:
        return
    training = Training(name, optimizer, (*SEEDS, *UNSEEN))
    model, task, piece = training.model, training.task, training.steps // EPOCHS
    tuner = LRTuner(model, task.x, task.y, batch_size=BATCH, num_evals=2, horizon=2)
    # So that all looks share its traced graphs.
    tuner.step()

    good: dict[int, float] = {}
    for seed, start, how in lacking:
        training.begin(seed)
        if seed not in good:
            good[seed] = paths(HORIZON, 1)((name, optimizer, seed)) if seed in SEEDS else recommended(tuner, seed)
        rate = STARTS[start] * good[seed]
        model.optimizer.learning_rate = rate
        plateau = keras.callbacks.ReduceLROnPlateau(patience=PATIENCE)
        plateau.set_model(model)
        plateau.on_train_begin()
        tuner.looks.clear()
        retune = Retune(tuner, RETUNE.get(how, 1))
        retune.begin(EPOCHS if how in RETUNE else 0, piece)
        seen, loss = [], math.inf
        for epoch in range(EPOCHS):
            if retune.plan.is_due:
                retune.look(float(model.optimizer.learning_rate), functools.partial(set_rate, model.optimizer))
            seen.append(float(model.optimizer.learning_rate))
            rows = np.arange(epoch * piece, (epoch + 1) * piece)
            rates = np.full(piece, float(model.optimizer.learning_rate))
            if how == "cosine":
                rates = rate * (1 + np.cos(np.pi * rows / training.steps)) / 2
                seen[-1] = rates[0]
            training.train(rates)
            loss = training.loss()
            if not math.isfinite(loss):
                break
            if how == "ReduceLROnPlateau":
                plateau.on_epoch_end(epoch, {"val_loss": loss})
            retune.plan.epoch_ended(piece, loss)
        gradients = sum(look.gradients for look in tuner.looks)
        row = name, optimizer, seed, start, how, loss, gradients, " ".join(f"{rate:.3g}" for rate in seen)
        text = pd.DataFrame([row], columns=COLUMNS).to_csv(header=False, index=False, float_format="%.5g")
        # One short write: no other process and no kill can come in between.
        with FILE.open("a") as file:
            file.write(text)
    print(f"{name}, {optimizer}: {time.perf_counter() - began:.0f} s", flush=True)
    keras.backend.clear_session()


def gain(name: str, optimizer: str) -> float:
    """Return the difference between the initial loss and the lowest loss of all constant rates, by the seeds' means."""
    truth = known(name, optimizer)
    constant = truth[(truth["kind"] == "constant") & (truth["steps"] == CASES[name][1])]
    starts = truth[truth["kind"] == "start"]["loss"]
    return float(starts.mean() - constant.groupby("rate")["loss"].mean().min())


def against_constant(row: pd.Series, rows: pd.DataFrame) -> float:
    """Return how much worse a training is than the constant rate from the good start, in parts of what training gains.

    As in `regret.curve`, a loss that is larger than the initial one counts as that, and what training gains is the
    difference to the lowest loss of all constant rates.
    """
    case = rows[(rows["task"] == row["task"]) & (rows["optimizer"] == row["optimizer"]) & (rows["seed"] == row["seed"])]
    good = case[(case["start"] == "good") & (case["how"] == "constant")]["loss"].item()
    truth = known(row["task"], row["optimizer"])
    starts = truth[truth["kind"] == "start"].set_index("seed")["loss"]
    initial = starts.get(row["seed"], starts.mean())
    return float((min(row["loss"], initial) - min(good, initial)) / gain(row["task"], row["optimizer"]))


def show(title: str, found: pd.DataFrame, by: str) -> None:
    """Print mean and worst of the differences for each start, and how many are over its limit."""
    print(f"\n| {title} | " + " | ".join(STARTS) + " |\n|" + " --- |" * (1 + len(STARTS)))
    for name, rows in found.groupby(by, sort=False):
        cells = []
        for start, limit in LIMITS.items():
            of = rows[rows["start"] == start]["difference"]
            cells.append(f"{of.mean():+.1%}, {of.max():+.1%}, {(of > limit).sum()} of {len(of)}")
        print(f"| {name} | " + " | ".join(cells) + " |")


def first_looks() -> pd.DataFrame:
    """Return what the first look alone would do with more steps, by `curves.npz` and `truth.csv`.

    It has five rates, which are a factor of 4.2 apart. Round 0 chose the good start, so others are taken.
    """
    found = []
    for case, (start, factor), steps in itertools.product(cases(), STARTS.items(), (10, 20, 55)):
        good = paths(55, 1)(case)
        present = int(np.argmin(np.abs(np.log(RATES / (factor * good)))))
        few = slice(max(0, present - 4), present + 5, 2)
        total = CASES[case[0]][1]
        before = regret.regret(*case[:2], good, "constant", total)
        for index in range(1, ALL):
            curves, starts = array(case, "curves")[index, few, :steps], array(case, "starts")[index, :steps]
            with np.errstate(invalid="ignore"):
                deltas = progressive(curves.astype(float), starts.astype(float), steps)
            round = Round(index, 0.0, deltas, np.isfinite(deltas), curves.astype(float), starts.astype(float))
            seen = verdict(RATES[few], min(2, present // 2), round)
            # If it is kept, the start itself is judged, not the rate of the grid beside it.
            rate = seen.proposed if seen.better else factor * good
            difference = regret.regret(*case[:2], rate, "constant", total) - before
            found.append({"steps": steps, "start": start, "difference": difference, "changed": seen.better})
    return pd.DataFrame(found)


def main() -> None:
    if not FILE.exists():
        FILE.write_text(",".join(COLUMNS) + "\n")
    pairs = [(name, optimizer) for name, (two, _) in CASES.items() for optimizer in two]
    # TensorFlow does not work after a fork.
    with ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("spawn"), one_thread) as pool:
        list(pool.map(measure, pairs))
    tables()


def tables() -> None:
    """Print the tables of ``docs/looking-again.md``."""
    rows = pd.read_csv(FILE)
    rows["difference"] = [against_constant(row, rows) for _, row in rows.iterrows()]
    rows["gained"] = [row["loss"] / gain(row["task"], row["optimizer"]) for _, row in rows.iterrows()]
    print("Mean, worst, and how many are over the limit of " + ", ".join(f"{limit:.0%}" for limit in LIMITS.values()))
    rows = rows.sort_values("how", key=lambda how: how.map((*HOW, *BEFORE).index), kind="stable")
    unseen = rows["seed"].isin(UNSEEN)
    show("training", rows[~unseen], "how")
    show("unseen seeds", rows[unseen], "how")
    of_all = rows[rows["how"].isin(UNSEEN_HOW)].groupby(["how", "task", "optimizer", "start"], sort=False)["difference"]
    show("mean of four seeds", of_all.mean().reset_index(), "how")
    print(rows[rows["how"].isin(UNSEEN_HOW)].groupby(["how", "start"])["difference"].agg(["mean", "sem"]))
    of_one = rows[(rows["start"] == "good") & (rows["how"] == "constant")].groupby(["task", "optimizer"])
    apart = [one - other for _, case in of_one for one, other in itertools.permutations(case["gained"], 2)]
    print(f"The good start with one seed against another: {np.mean(np.array(apart) > 0.05):.1%} over 5%")
    steps = rows["task"].map({name: steps for name, (_, steps) in CASES.items()})
    print(f"\nGradients of the looks: at most {(rows['gradients'] / steps).max():.1%} of the training")
    looks = first_looks()
    show("the first look alone, steps", looks, "steps")
    print(looks.pivot_table("changed", "steps", "start"))


if __name__ == "__main__":
    main()
