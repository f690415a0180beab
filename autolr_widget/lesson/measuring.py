"""What the cells of the lesson do again and again with the tuner."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from autolr_widget.engine.reading.results import TuneResults
from autolr_widget.engine.reading.selection import DIVISOR
from autolr_widget.engine.runs.tuner import LRTuner

if TYPE_CHECKING:
    import keras


def measure(model: keras.Model, x: Any, y: Any, **settings: Any) -> TuneResults:
    """Run all rounds without a widget, and return the results. The settings are those of `LRTuner`."""
    tuner = LRTuner(model, x, y, **settings)
    for _ in tuner:
        pass
    return tuner.results


def dip(results: TuneResults) -> float:
    """Return the rate at the lowest point of the curve, which a parabola finds between the measured rates."""
    return DIVISOR * results.best_lr("half-minimum")


def nearest(answers: Iterable[str], number: float) -> str:
    """Return the answer that is nearest to a positive number, as a factor. Each answer begins with a number.

    >>> nearest(["1", "10 or more", "100 or more"], 4)
    '10 or more'
    """
    return min(answers, key=lambda answer: abs(math.log(float(answer.split()[0]) / number)))
