"""Gradient accumulation: an optimizer may update the weights only once in several steps."""

from __future__ import annotations

import math

import keras

from autolr_widget.engine.measuring.optimizer_copy import optimizers
from autolr_widget.engine.parts import parts
from autolr_widget.engine.settings import Settings


def whole_updates(model: keras.Model, horizon: int, evaluate_on: str) -> int:
    """Return ``horizon``, or the next larger number of steps that consists of whole updates.

    There is at least one update before a loss is measured: with ``"progressive"``, those of the second half are.
    """
    steps = math.lcm(*(p.gradient_accumulation_steps or 1 for o in optimizers(model).values() for p in parts(o)))
    least = 2 if evaluate_on == "progressive" else 1
    return horizon if steps == 1 else steps * max(least, -(-horizon // steps))


def check_accumulation(model: keras.Model, settings: Settings) -> None:
    """Raise a `ValueError` if a path does not consist of whole updates of the weights."""
    horizon = whole_updates(model, settings.horizon, settings.seen)
    if horizon != settings.horizon:
        raise ValueError(
            f"Argument `horizon` must be a number of whole updates, such as horizon={horizon}, because the optimizer "
            "updates the weights only once in its `gradient_accumulation_steps`. "
            f"Received: horizon={settings.horizon}"
        )
