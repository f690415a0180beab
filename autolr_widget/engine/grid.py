"""The learning rates that every round tries."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

SCALES = ("log", "linear")


def grid(lr_min: float, lr_max: float, num_evals: int, scale: str = "log") -> NDArray[np.float64]:
    """Return ``num_evals`` increasing learning rates from ``lr_min`` to ``lr_max``, both included.

    On a ``"log"`` scale they have equal ratios, on a ``"linear"`` scale equal distances.

    >>> grid(0.01, 1.0, 3).tolist()
    [0.01, 0.1, 1.0]
    >>> grid(0.0, 1.0, 3, scale="linear").tolist()
    [0.0, 0.5, 1.0]
    """
    spaced = np.geomspace if scale == "log" else np.linspace
    return spaced(lr_min, lr_max, num_evals)


#: The grids that a run widens by itself, as the ends and the number of rates, by the end beyond which a better rate may
#: lie. The default grid may become two decades longer, and below two more. The steps between the rates stay nearly as
#: they are.
WIDER = {
    (1e-4, 10.0, 9): {"lower": (1e-6, 10.0, 12), "upper": (1e-4, 1000.0, 12)},
    (1e-6, 10.0, 12): {"lower": (1e-8, 10.0, 15)},
}


def around(rates: NDArray[np.float64], lower: float, upper: float) -> tuple[float, float]:
    """Return the ends of a finer grid around the interval from ``lower`` to ``upper``.

    The new grid extends one step of the old grid, ``rates``, beyond each end of the interval.

    >>> around(np.array([0.001, 0.01, 0.1, 1.0]), 0.02, 0.1)
    (0.01, 1.0)
    >>> around(np.array([0.001, 0.01, 0.1, 1.0]), 0.001, 0.001)
    (0.001, 0.01)
    """
    first = max(0, int(np.searchsorted(rates, lower)) - 1)
    last = min(rates.size - 1, int(np.searchsorted(rates, upper, side="right")))
    return float(rates[min(first, rates.size - 2)]), float(rates[max(last, 1)])


def longer(rates: NDArray[np.float64], edge: str, scale: str) -> tuple[float, float, int]:
    """Return the ends and the number of rates of a grid that is longer at its ``"lower"`` or its ``"upper"`` end.

    A ``"log"`` grid becomes a decade longer, and its steps stay nearly as they are. A ``"linear"`` grid becomes twice
    as long, but does not begin below a tenth of its lowest rate: where there is less room, its steps become shorter,
    down to half their length.

    >>> longer(np.array([0.001, 0.01, 0.1]), "lower", "log")
    (0.0001, 0.1, 4)
    >>> longer(np.array([0.0, 0.5, 1.0]), "upper", "linear")
    (0.0, 2.0, 5)
    """
    low, high, steps = float(rates[0]), float(rates[-1]), rates.size - 1
    if scale == "log":
        more = math.ceil(steps / math.log10(high / low))
        ends = (low / 10, high) if edge == "lower" else (low, 10 * high)
    else:
        more = steps
        ends = (max(low / 10, 2 * low - high), high) if edge == "lower" else (low, 2 * high - low)
    return *ends, rates.size + more
