"""Which observations a round sees."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def subsample(num_observations: int, batch_size: int, seed: int, round_index: int) -> NDArray[np.int64]:
    """``batch_size`` different indices below ``num_observations``, a pure function of the arguments.

    Each round has a generator of its own, so no round has to wait for the one before it.
    """
    generator = np.random.default_rng([seed, round_index])
    return generator.choice(num_observations, size=batch_size, replace=False)
