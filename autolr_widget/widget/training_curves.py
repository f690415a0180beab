"""The picture of the training curves: the loss along the steps at each rate, as a mean over the rounds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from autolr_widget.engine.types import Floats


def training_curves(curves: Floats, steps: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the mean loss that each step at each rate starts from, shape ``(rates, horizon)``.

    It is infinite from the first step on at which a round diverged: the mean of the other rounds would look better than
    training does. It is NaN where nothing has been measured.

    Parameters
    ----------
    curves
        The loss that each step starts from, shape ``(rounds, rates, horizon)``; NaN where it is not finite.
    steps
        How many steps each path took, the one that made it diverge included; shape ``(rounds, rates)``. It is 0 where a
        rate had dropped out of the race.
    """
    taken = np.arange(curves.shape[2]) < steps[:, :, np.newaxis]
    # float32 can't hold larger losses.
    losses = np.where(np.isfinite(curves), np.clip(curves, -1e30, 1e30), np.inf)
    with np.errstate(invalid="ignore"):
        means: Floats = np.where(taken, losses, 0.0).sum(axis=0) / taken.sum(axis=0)
    return means.astype(np.float32)


def words(measured: NDArray[np.bool_]) -> str:
    """Return what the mean over these rounds is a mean of; ``measured`` has the shape ``(rounds, rates)``."""
    if len(measured) == 1:
        return "Round 1"
    # Rates that dropped out of the race have fewer.
    return f"Mean of {'' if measured.all() else 'up to '}{len(measured)} rounds"
