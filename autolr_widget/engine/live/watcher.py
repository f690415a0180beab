"""What a training tells while `fit` runs, and what it is told. This does not import Keras."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from autolr_widget.engine.live.look import Look
    from autolr_widget.engine.reading.results import TuneResults


@dataclass
class Steering:
    """What a training is told. Any thread may change it; the training obeys before its next batch.

    Parameters
    ----------
    rates
        Learning rates to set in this order. The training removes each.
    paused
        Whether the training waits.
    stopped
        Whether the training ends.
    """

    rates: deque[float] = field(default_factory=deque)
    paused: bool = False
    stopped: bool = False


class Watcher(Protocol):
    """Is told what happens in a training."""

    def began(self, epochs: int, steps: int | None, rate: float) -> Steering:
        """The training begins with this rate. ``steps`` is the number of batches of an epoch, if it is known.

        The training obeys what is returned.
        """

    def epoch_began(self, epoch: int) -> None:
        """The epoch with this number begins. The first has the number 0."""

    def reports_means(self) -> None:
        """The losses of the batches from now on are means over the epoch so far."""

    def batch_ended(self, batch: int, loss: float | None) -> None:
        """The batch with this number ended."""

    def epoch_ended(self, epoch: int, loss: float | None, val_loss: float | None) -> None:
        """The epoch with this number ended, with its losses on the training data and on the validation data.

        A loss is None if it was not measured.
        """

    def looked(self, rate: float) -> None:
        """Some time has passed. This is called in the thread of `fit`, also while the training waits."""

    def steered(self, rate: float) -> None:
        """The rate was set."""

    def refused(self, why: str) -> None:
        """A rate could not be set."""

    def look_began(self) -> None:
        """The tuner looks again before the next batch. `looked` is called meanwhile."""

    def look_ended(self, look: Look, results: TuneResults | None) -> None:
        """The tuner has looked again, and found this. ``results`` are what it measured, if it did."""

    def ended(self) -> None:
        """The training ended. This is not called if an exception ended it."""
