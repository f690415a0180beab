"""The losses of a training, few enough to be drawn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autolr_widget.engine.types import Floats

#: The most points of the line.
MOST = 300


@dataclass
class Stretch:
    """Some consecutive batches, the step before the first of them, the sum of their losses, and their last rate."""

    begin: int
    steps: int
    total: float
    rate: float


class Losses:
    """The mean loss of each stretch of a training. When there are too many stretches, each becomes twice as long."""

    def __init__(self) -> None:
        #: Whether the losses of batches are means over the epoch so far.
        self.are_means = False
        #: The learning rate of the next batches.
        self.rate = 0.0
        self._stretches: list[Stretch] = []
        self._length = 1
        self._newest: Stretch | None = None
        self._begin, self._batches, self._mean = 0, 0, 0.0

    def begin_epoch(self, begin: int) -> None:
        """Begin an epoch. ``begin`` is the number of steps before it."""
        self._newest = None
        self._begin, self._batches, self._mean = begin, 0, 0.0

    def add(self, batch: int, loss: float) -> None:
        """Add the loss that was reported after the batch with this number in its epoch.

        There may be batches between the last one and this one.
        """
        steps = batch + 1 - self._batches
        total = loss * steps
        if self.are_means and self._batches > 0:
            total = loss * (batch + 1) - self._mean * self._batches
        self._keep_newest()
        self._newest = Stretch(self._begin + self._batches, steps, total, self.rate)
        self._batches, self._mean = batch + 1, loss

    def end_epoch(self) -> None:
        """End the epoch."""
        # The last batch may be smaller than the others. Its loss can't be read from the mean then.
        if not self.are_means or (self._newest and self._newest.begin == self._begin):
            self._keep_newest()
        self._newest = None

    def table(self) -> NDArray[np.float32]:
        """Return three rows: the middle of each stretch in steps, its mean loss, and its learning rate."""
        rows = [(each.begin + each.steps / 2, each.total / each.steps, each.rate) for each in self._stretches]
        # float32 can't hold larger losses.
        table: Floats = np.clip(np.array(rows).reshape(-1, 3).T, -1e30, 1e30)
        return table.astype(np.float32)

    def _keep_newest(self) -> None:
        newest, stretches = self._newest, self._stretches
        if newest is None:
            return
        if stretches and stretches[-1].steps + newest.steps <= self._length:
            stretches[-1] = _joined(stretches[-1], newest)
        else:
            stretches.append(newest)
        if len(stretches) > MOST:
            self._length *= 2
            pairs = [stretches[i : i + 2] for i in range(0, len(stretches), 2)]
            self._stretches = [_joined(*pair) if len(pair) == 2 else pair[0] for pair in pairs]


def _joined(first: Stretch, second: Stretch) -> Stretch:
    return Stretch(first.begin, first.steps + second.steps, first.total + second.total, second.rate)
