"""The paths of one round, which workers measure."""

from __future__ import annotations

import time
import uuid
from collections import Counter, deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from autolr_widget.engine.measuring.path_losses import PathLosses, batches_behind
from autolr_widget.engine.measuring.training_step import leaves_of
from autolr_widget.engine.settings import Settings
from autolr_widget.engine.types import Batch, Floats
from autolr_widget.engine.workers.sent import SentBatches
from autolr_widget.engine.workers.source import SentRows, digest
from autolr_widget.engine.workers.worker import Measured, Piece

if TYPE_CHECKING:
    from autolr_widget.engine.workers.spread import Spread


class SpreadRound(PathLosses):
    """The paths of one round, measured by workers. It has the interface of `Paths`.

    Parameters
    ----------
    spread
        Measures them.
    index
        The index of the round, from 0.
    rates
        The learning rates to measure, shape ``(rates,)``.
    batch
        Returns the batches of the round.
    rows
        The row numbers of the batches, shape ``(batches, batch_size)``. None if they have none.
    settings
        The settings of the run.

    Attributes
    ----------
    todo : deque of int
        The numbers of the paths that no worker has been asked for, that of the starting state first: the losses of the
        others are compared with its losses.
    needed : dict
        All that the paths need, by key, once the batches have been read.
    """

    #: A longer horizon can't continue the paths, whose ends are lost.
    ends = None

    def __init__(
        self,
        spread: Spread,
        index: int,
        rates: Floats,
        batch: Callable[[int], Batch],
        rows: NDArray[np.int64] | None,
        settings: Settings,
    ) -> None:
        super().__init__(rates.size, settings.horizon, settings.seen)
        self._spread = spread
        self.index, self.rates = index, rates
        self._batch = batch
        self._rows = rows
        self._batches: list[Batch] = []
        #: The memory that its batches take.
        self.bytes = 0
        self._left = rates.size + 1
        self.todo: deque[int] = deque([rates.size, *range(rates.size)])
        self.needed: dict[str, Any] = {}
        self.piece: Callable[[int], Piece] | None = None
        self.tries: Counter[int] = Counter()
        self.batches_key = uuid.uuid4().hex

    @property
    def common_steps(self) -> int:
        """The number of steps that those paths have taken that have been measured, see `Unfinished`."""
        return self.horizon

    @property
    def is_complete(self) -> bool:
        """Whether all paths have been measured."""
        return self._left == 0

    def advance(self, seconds: float) -> bool:
        """Let workers measure for about ``seconds``. Return False if all paths have been measured."""
        return self._spread.advance(self, seconds)

    def read(self, deadline: float) -> bool:
        """Read batches until the deadline, at least one. Return whether all have been read that must be sent."""
        if self.piece is not None:
            return True
        count = self.horizon + batches_behind(self.horizon, self.evaluate_on)
        rows = self._rows if self._spread.source is not None else None
        needed = count if rows is None else 1
        while len(self._batches) < needed:
            batch = self._batch(len(self._batches))
            self._batches.append(batch)
            self.bytes += sum(leaf.nbytes for leaf in leaves_of(batch))
            if time.monotonic() >= deadline:
                break
        if len(self._batches) < needed:
            return False
        if rows is None:
            sent: SentBatches | SentRows = SentBatches(self.batches_key, [leaves_of(batch) for batch in self._batches])
        else:
            sent = SentRows(self.batches_key, rows, digest(self._batches[0]))
        # All batches of rows are alike.
        self.needed, self.piece = self._spread.packed(self, sent, self._batches * (count // needed))
        return True

    def send_batches(self) -> None:
        """Send the batches themselves, because a worker can't open the data."""
        if self._rows is not None:
            self._rows, self.piece, self.batches_key = None, None, uuid.uuid4().hex

    def kinds(self, step: int) -> list[str]:
        """Return which functions of `Training.function` the paths call on the batch with this number."""
        if step >= self.horizon:
            return ["validation" if self.evaluate_on == "validation" else "loss"]
        return ["step", "loss"] if self.evaluate_on in ("progressive", "train") else ["step"]

    def take(self, path: int, found: Measured) -> None:
        """Add the losses of a path."""
        self.curves[path], self.after[path] = found.curve, found.after
        self.steps[path], self.runs[path] = found.steps, found.runs
        self._left -= 1
        if self.is_complete:
            self._batches.clear()
            self.needed.clear()
            self.bytes = 0
