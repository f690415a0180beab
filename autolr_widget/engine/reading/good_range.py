"""Where the best rate for training lies, as seen from the chosen rate."""

from __future__ import annotations

from autolr_widget.engine.settings import Settings

#: The best rate for training lay between these multiples of the choice in `SHARE` of the cases and lengths of
#: ``benchmarks/quality``.
LOWEST, HIGHEST, SHARE = 0.25, 3.8, 0.8
#: The steps for which this was measured. With fewer, the best rate lay further away.
STEPS = range(36, 61)


def good_range(lr: float, settings: Settings) -> tuple[float, float] | None:
    """Return the range that holds the best rate for training about 8 times out of 10.

    It is a conformal interval (Vovk, Gammerman & Shafer 2005) for the ratio of the best rate to the choice, from 21
    tasks and trainings of several lengths. ``docs/recommendations.md`` says how often it held the best rate of a task
    that was left out, for short trainings and for long ones. Unlike `certainty`, it also covers that training is longer
    than a path.

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
    return (lr * LOWEST, lr * HIGHEST) if known and settings.horizon in STEPS else None
