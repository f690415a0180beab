"""Learning-rate schedules built from a chosen rate."""

from __future__ import annotations

import functools
import math
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

#: The kinds of schedules, and what the screen calls them.
KINDS = {
    "cosine": "cosine",
    "linear": "linear",
    "one-cycle": "one cycle",
    "restarts": "restarts",
}
#: The epochs of the first three periods of `cosine_restarts`.
THREE_PERIODS = 28
#: The name of a one-cycle schedule, which Keras saves with it. `OneCycleMomentum` knows the schedule by it.
ONE_CYCLE = "one_cycle"
#: The part of the training in which a one-cycle schedule rises.
RISE = 0.3
#: A warm-up begins at the highest rate divided by this, as in fastai's one-cycle policy.
DIVISOR = 25
#: More than anyone needs: it keeps a typing error from taking forever.
MOST_EPOCHS = 1_000_000
#: The number of points of the picture of a schedule.
POINTS = 101


def schedule(
    kind: str,
    max_lr: float,
    steps_per_epoch: int,
    epochs: float | None = None,
    warmup: float | None = None,
    **restarts: Any,
) -> keras.optimizers.schedules.LearningRateSchedule:
    """Return the schedule that `TunerWidget.schedule` describes. ``restarts`` are for `cosine_restarts`.

    Raises
    ------
    ValueError
        If an argument can't be used.
    """
    import keras

    if kind not in KINDS:
        raise ValueError(f"Argument `kind` must be one of {', '.join(map(repr, KINDS))}. Received: kind={kind!r}")
    if (epochs is None) != (kind == "restarts"):
        words = "be None: this schedule has no end" if kind == "restarts" else "say for how many epochs you will train"
        raise ValueError(f"Argument `epochs` must {words}. Received: kind={kind!r}, epochs={epochs!r}")
    if epochs is not None and not (isinstance(epochs, Real) and 0 < epochs <= MOST_EPOCHS):
        raise ValueError(
            f"Argument `epochs` must be a number above 0, and at most {MOST_EPOCHS:,}. Received: epochs={epochs!r}"
        )
    if warmup is None:
        warmup = RISE * epochs if kind == "one-cycle" and epochs else 0
    if not (isinstance(warmup, Real) and 0 <= warmup < (epochs or math.inf)):
        raise ValueError(
            f"Argument `warmup` must be a number of at least 0, and less than `epochs`. Received: warmup={warmup!r}, "
            f"epochs={epochs!r}"
        )
    if not (isinstance(steps_per_epoch, Integral) and steps_per_epoch > 0):
        raise ValueError(
            "Argument `steps_per_epoch` must be an integer of at least 1. "
            f"Received: steps_per_epoch={steps_per_epoch!r}"
        )
    rising = round(warmup * steps_per_epoch)
    falling = max(1, round((epochs or 0) * steps_per_epoch) - rising)
    schedules = keras.optimizers.schedules
    if kind in ("cosine", "one-cycle"):
        name = ONE_CYCLE if kind == "one-cycle" else "CosineDecay"
        if rising == 0:
            return schedules.CosineDecay(max_lr, falling, name=name)
        return schedules.CosineDecay(max_lr / DIVISOR, falling, name=name, warmup_target=max_lr, warmup_steps=rising)
    if kind == "linear":
        after = schedules.PolynomialDecay(max_lr, falling, end_learning_rate=0.0)
    else:
        after = cosine_restarts(max_lr, steps_per_epoch, **restarts)
    if rising == 0:
        return after
    # Keras has no schedule for this.
    from autolr_widget.engine.reading.warm_up import WarmUp

    return WarmUp(after, rising, max_lr / DIVISOR)


@functools.lru_cache(32)
def shape(kind: str, steps_per_epoch: int, epochs: float) -> tuple[float, ...]:
    """Return the rates of `schedule` at `POINTS` evenly spaced steps of ``epochs`` epochs, relative to its highest.

    The parameters are those of `schedule`.
    """
    end = None if kind == "restarts" else epochs
    found = schedule(kind, 1.0, steps_per_epoch, end)
    steps = [round(i / (POINTS - 1) * epochs * steps_per_epoch) for i in range(POINTS)]
    return tuple(float(found(step)) for step in steps)


def cosine_restarts(
    max_lr: float,
    steps_per_epoch: int,
    stepsize: int = 4,
    t_mul: float = 2.0,
    m_mul: float = 0.9,
    alpha: float = 1e-8,
) -> keras.optimizers.schedules.CosineDecayRestarts:
    """Return a schedule of cosine annealing with warm restarts (SGDR, Loshchilov & Hutter 2017).

    Parameters
    ----------
    max_lr
        The learning rate that the first period starts from.
    steps_per_epoch
        The number of optimizer steps in an epoch.
    stepsize
        The length of the first period, in epochs.
    t_mul
        Each period is this many times as long as the period before it.
    m_mul
        Each period starts at this many times the rate that the period before it started from.
    alpha
        The lowest rate, as a share of ``max_lr``.
    """
    import keras

    return keras.optimizers.schedules.CosineDecayRestarts(
        initial_learning_rate=max_lr,
        first_decay_steps=stepsize * steps_per_epoch,
        t_mul=t_mul,
        m_mul=m_mul,
        alpha=alpha,
    )
