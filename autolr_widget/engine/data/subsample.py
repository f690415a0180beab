"""The choice of the observations that a round sees."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def subsample(
    num_observations: int, batch_size: int, seed: int, round_index: int, batches: int = 1, held_out: int = 0
) -> NDArray[np.int64]:
    """Draw the row numbers of the observations of a round.

    The result depends on the arguments alone: each round has its own random generator, so rounds can be drawn in any
    order. The observations are drawn without replacement. If there are too few of them for all batches, the batches are
    taken from several passes over the data, each in its own random order, as in training. They never contain a
    held-out observation. Fewer batches are the first ones of more batches.

    Parameters
    ----------
    num_observations
        The number of observations to draw from.
    batch_size
        The number of observations in a batch.
    seed, round_index
        The seed of the run, and the index of the round from 0.
    batches, held_out
        The number of batches to train on, and of batches that no step sees.

    Returns
    -------
    numpy.ndarray
        Integers from 0 to ``num_observations - 1``, shape ``((batches + held_out) * batch_size,)``: one batch after the
        other, the held-out ones last.
    """
    generator = np.random.default_rng([seed, round_index])
    held, rest = np.split(generator.permutation(num_observations), [held_out * batch_size])
    a_pass = len(rest) // batch_size * batch_size
    passes = [rest[:a_pass]]
    passes += [generator.permutation(rest)[:a_pass] for _ in range(1, -(-batches * batch_size // a_pass))]
    return np.concatenate([np.concatenate(passes)[: batches * batch_size], held])
