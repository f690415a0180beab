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
    """Cosine annealing with warm restarts (Loshchilov & Hutter 2017, SGDR), from ``max_lr`` down.

    The first period lasts ``stepsize`` epochs of ``steps_per_epoch`` steps; each next one is ``t_mul`` times as long
    and starts at ``m_mul`` times the rate. ``alpha`` is the lowest rate as a share of ``max_lr``.
    """
    import keras

    return keras.optimizers.schedules.CosineDecayRestarts(
        initial_learning_rate=max_lr,
        first_decay_steps=stepsize * steps_per_epoch,
        t_mul=t_mul,
        m_mul=m_mul,
        alpha=alpha,
    )
