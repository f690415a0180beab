"""The losses of the paths of a round, wherever the paths are measured."""

from __future__ import annotations

import numpy as np

from autolr_widget.engine.settings import VALIDATION_BATCHES
from autolr_widget.engine.types import Floats


class PathLosses:
    """The losses of the paths of one round: one path for each rate, and that of the starting state, the last.

    Parameters
    ----------
    rates
        The number of learning rates.
    horizon, evaluate_on
        See `Settings`. ``evaluate_on`` is what `Settings.seen` returns.

    Attributes
    ----------
    curves
        The loss that each step of each path starts from, shape ``(rates + 1, horizon)``; NaN where it is not measured
        yet, or where a path has diverged. The losses of the starting state are only measured with
        ``evaluate_on="progressive"``.
    after
        The losses that are compared with one another, if they are not the curves; shape ``(rates + 1, batches)``.
    steps
        The number of steps that each path has taken.
    runs
        Which paths have not diverged.
    """

    def __init__(self, rates: int, horizon: int, evaluate_on: str) -> None:
        self.horizon, self.evaluate_on = horizon, evaluate_on
        self.curves = np.full((rates + 1, horizon), np.nan)
        self.after = np.full((rates + 1, batches_behind(horizon, evaluate_on) or horizon), np.nan)
        self.steps = np.zeros(rates + 1, dtype=np.int64)
        self.runs = np.ones(rates + 1, dtype=bool)

    def result(self) -> tuple[float, Floats]:
        """Return the loss before the steps, and for each rate the loss after them minus that; NaN if it diverged."""
        if self.evaluate_on == "progressive":
            means = self.curves[:, self.horizon // 2 :].mean(axis=1)
        else:
            means = self.after.mean(axis=1)
        # The losses of a path whose weights are NaN may be finite.
        means = np.where(self.runs, means, np.nan)
        return float(means[-1]), means[:-1] - means[-1]


def batches_behind(horizon: int, evaluate_on: str) -> int:
    """Return the number of batches behind those of the steps, on which only the loss is measured."""
    return {"held-out": 1, "validation": VALIDATION_BATCHES}.get(evaluate_on, 0)
