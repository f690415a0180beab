"""The learning rates that every round tries."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SCALES = ("log", "linear")


def grid(lr_min: float, lr_max: float, num_evals: int, scale: str = "log") -> NDArray[np.float64]:
    """``num_evals`` increasing learning rates from ``lr_min`` to ``lr_max``, both included.

    >>> grid(0.01, 1.0, 3).tolist()
    [0.01, 0.1, 1.0]
    >>> grid(0.0, 1.0, 3, scale="linear").tolist()
    [0.0, 0.5, 1.0]
    """
    spaced = np.geomspace if scale == "log" else np.linspace
    return spaced(lr_min, lr_max, num_evals)
