"""Which observations a round sees."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def subsample(
    num_observations: int, batch_size: int, seed: int, round_index: int, batches: int = 1, held_out: int = 0
) -> NDArray[np.int64]:
    """Indices below ``num_observations`` for ``batches`` and then ``held_out`` more, one batch after the other.

    A pure function of the arguments: each round has a generator of its own, so no round has to wait for the one before
    it. Drawn without replacement; where there are too few observations for that, the batches come from one pass over
    them after the other, as in training, and never from the held-out ones.

    Returns
    -------
    array
        Of length ``(batches + held_out) * batch_size``.
    """
    generator = np.random.default_rng([seed, round_index])
    size = (batches + held_out) * batch_size
    if size <= num_observations:
        return generator.choice(num_observations, size=size, replace=False)
    held, rest = np.split(generator.permutation(num_observations), [held_out * batch_size])
    a_pass = len(rest) // batch_size
    passes = [generator.permutation(rest)[: a_pass * batch_size] for _ in range(-(-batches // a_pass))]
    return np.concatenate([np.concatenate(passes)[: batches * batch_size], held])
