"""Where the best rate for a whole training lies, as seen from the chosen rate."""

from __future__ import annotations

from autolr_widget.engine.settings import Settings

#: The best rate lay between these multiples of the choice in `SHARE` of the cases of ``benchmarks/quality``.
LOWEST, HIGHEST, SHARE = 0.4, 3.8, 0.8
#: With fewer steps, the best rate lay further away.
LEAST_STEPS = 36


def good_range(lr: float, settings: Settings) -> tuple[float, float] | None:
    """Return the range that holds the best rate for training in about 8 of 10 cases.

    It is a split conformal interval (Vovk, Gammerman & Shafer 2005) for the ratio of the best rate to the choice, from
    the 21 tasks of ``benchmarks/quality``. ``docs/recommendations.md`` says how often it held the best rate of a task
    that was left out. Unlike `certainty`, it also covers that training is longer than a path.

    Parameters
    ----------
    lr
        The choice of the rule.
    settings
        The settings of the rounds, with the steps after which they are read.

    Returns
    -------
    tuple of float or None
        None if the benchmark says nothing about a choice with these settings.
    """
    known = settings.method == "half-minimum" and settings.scale == "log" and settings.seen == "progressive"
    if not known or settings.horizon < LEAST_STEPS:
        return None
    return lr * LOWEST, lr * HIGHEST
