"""The pinned runs: curves that stay in the chart, each under a letter and in a color of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autolr_widget.engine.types import Floats

#: The letters and their colors: those of Okabe and Ito.
COLORS = {"A": "#009e73", "B": "#a05a9c", "C": "#b07d00", "D": "#808080"}


@dataclass(frozen=True, eq=False)
class Pin:
    """A pinned curve.

    Parameters
    ----------
    letter
        A key of `COLORS`.
    words
        What was measured.
    rates, mean
        The curve, two arrays of the same shape. The mean is NaN where a rate diverged.
    name
        What the user calls it, or empty.
    """

    letter: str
    words: str
    rates: Floats
    mean: Floats
    name: str = ""

    @property
    def lowest(self) -> tuple[float, float]:
        """The rate and the mean at the lowest point of the curve."""
        index = int(np.nanargmin(self.mean))
        return float(self.rates[index]), float(self.mean[index])

    @property
    def shown(self) -> dict[str, Any]:
        """What the front end shows of it."""
        rate, change = self.lowest
        words = {"letter": self.letter, "color": COLORS[self.letter], "words": self.words, "name": self.name}
        return words | {"rate": rate, "change": change}


def pinned(pins: Sequence[Pin], words: str, rates: Floats, mean: Floats) -> list[Pin]:
    """Return the pins and one for another curve. If all letters are taken, it takes that of the oldest pin.

    A curve that is pinned already, or that has no point, is not pinned.
    """
    if not np.isfinite(mean).any() or any(
        pin.words == words and np.array_equal(pin.mean, mean, equal_nan=True) for pin in pins
    ):
        return [*pins]
    kept = [*pins][-len(COLORS) + 1 :] if len(pins) == len(COLORS) else [*pins]
    taken = {pin.letter for pin in kept}
    letter = next(letter for letter in COLORS if letter not in taken)
    return [*kept, Pin(letter, words, rates, mean)]
