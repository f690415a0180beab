"""A learning-rate schedule built from a chosen rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras


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
