"""When a training looks again, and what it may cost."""

from __future__ import annotations

import math

import numpy as np

from autolr_widget.engine.types import Floats

#: The steps of all looks together are at most this share of those of the training. The first look takes at most this,
#: unless that is too little.
SHARE, FIRST = 0.1, 0.05
#: The rates that a look measures, in parts of the present one. Where that would take too many steps, it only measures
#: whether a lower rate is better: once a training runs, a rate that is too low hurts least.
WIDE: Floats = np.array([1 / 16, 1 / 4, 1.0, 4.0, 16.0])
NARROW: Floats = np.array([1 / 8, 1.0])
#: The fewest steps at each rate: of a look at the wide grid, of the first look, and at the narrow grid. Fewer favor
#: rates that are too large.
LEAST_WIDE, LEAST_FIRST, LEAST_NARROW = 20, 10, 10
#: In a few steps, a rate that is too high may lower the loss, too. So the first look continues with more steps unless
#: it has found a lower rate that is better. In all, it then takes at least this many times as many steps at each rate.
FURTHER = 2
#: The most steps at each rate.
MOST = 55
#: From this part of the training on, it looks once more, and may lower the rate although the loss still improves.
LATE = 0.75
#: The loss is on a plateau if it has not become lower for this part of the epochs, at least for so many epochs.
PATIENCE, LEAST_PATIENCE = 0.1, 2


class Plan:
    """When a training looks again, with how many rates and steps, and whether it may lower its rate then.

    The rate is lowered only if there is little to lose. A lower rate lowers the loss at once, because it lowers the
    noise, but slows down all further progress. A short look sees only the former (Wu et al. 2018, "Understanding
    short-horizon bias in stochastic meta-optimization"). So the rate is lowered before the training has begun, when the
    loss is on a plateau, and near the end.

    Parameters
    ----------
    when
        ``"plateau"``, or the number of epochs between two looks.
    epochs
        The number of epochs of the training.
    steps
        The number of steps of an epoch. None if it is not known before the first has ended.
    unit
        The number of steps of an update of the weights.

    Attributes
    ----------
    epoch, step
        How many epochs and steps have ended.
    """

    def __init__(self, when: str | int, epochs: int, steps: int | None, unit: int = 1) -> None:
        self._when = when
        self._epochs = epochs
        self._steps = float(steps) if steps else math.nan
        self.epoch = self.step = 0
        self._spent = 0
        self._best = math.inf
        self._is_validated = False
        self._patience = max(LEAST_PATIENCE, round(PATIENCE * epochs))
        self._unit = unit
        #: How many epochs have ended since the loss was lowest, and had ended at the last look.
        self._since = 0
        self._looked: int | None = None

    def epoch_ended(self, steps: int, loss: float, val_loss: float | None = None) -> None:
        """An epoch of so many steps ended with this loss, and with this validation loss if it was measured then.

        If it is ever measured, a plateau is one of the validation loss, and the other epochs do not count.
        """
        self.epoch += 1
        self.step += steps
        if not self._steps >= 0 or self.step > self.epoch * self._steps:
            self._steps = self.step / self.epoch
        if val_loss is not None and not self._is_validated:
            self._is_validated, self._best = True, math.inf
        seen = val_loss if self._is_validated else loss
        if seen is not None:
            self._since += 1
            if seen < self._best:
                self._best, self._since = seen, 0

    @property
    def is_first(self) -> bool:
        """Whether there was no look yet."""
        return self._looked is None

    @property
    def is_due(self) -> bool:
        """Whether it is time to look, and enough steps are allowed. The first look is due in any case."""
        if self.epoch >= self._epochs or math.isnan(self._steps) or self._looked == self.epoch:
            return False
        if self._looked is None:
            return True
        if self._when == "plateau":
            is_late = self._is_late and self._looked < LATE * self._epochs
            is_time = is_late or min(self._since, self.epoch - self._looked) >= self._patience
        else:
            is_time = self.epoch % int(self._when) == 0
        return is_time and self._grid() is not None

    @property
    def steps_left(self) -> int:
        """The number of steps that the training will still take."""
        return max(0, round(self._epochs * self._steps) - self.step)

    @property
    def may_lower(self) -> bool:
        """Whether the rate may be lowered now."""
        return self.is_first or self._is_late or self._since >= self._patience

    @property
    def allowed(self) -> int:
        """The number of steps that a look may take now."""
        total = self._epochs * self._steps
        if self.is_first:
            least = WIDE.size * -(-LEAST_FIRST // self._unit) * self._unit
            return int(min(SHARE * total, max(FIRST * total, least)))
        # The later looks get an even share for each epoch, so that there are steps left for one near the end.
        share = SHARE if self._is_late else FIRST + (SHARE - FIRST) * self.epoch / self._epochs
        return int(share * total) - self._spent

    def look(self) -> tuple[Floats, int] | None:
        """Return the rates of a look in parts of the present one, and the number of steps at each. They are spent now.

        None if too few steps are allowed.
        """
        found = self._grid()
        self._looked = self.epoch
        if found is not None:
            self._spent += found[0].size * found[1]
        return found

    def further(self, horizon: int, rates: int) -> int | None:
        """Return to how many steps at so many rates a look of ``horizon`` steps may go on. They are spent now.

        None if too few steps are allowed.
        """
        left = int(SHARE * self._epochs * self._steps) - self._spent
        longer = min(MOST, horizon + left // rates) // self._unit * self._unit
        if longer <= horizon or longer < min(FURTHER * horizon, MOST // self._unit * self._unit):
            return None
        self._spent += rates * (longer - horizon)
        return longer

    def _grid(self) -> tuple[Floats, int] | None:
        for grid, least in [(WIDE, LEAST_FIRST)] if self.is_first else [(WIDE, LEAST_WIDE), (NARROW, LEAST_NARROW)]:
            horizon = min(MOST, self.allowed // grid.size) // self._unit * self._unit
            if horizon >= max(least, 2 * self._unit):
                return grid, horizon
        return None

    @property
    def _is_late(self) -> bool:
        return self.epoch >= LATE * self._epochs
