"""Where the best rate for training lies, as seen from the chosen rate."""

from __future__ import annotations

from autolr_widget.engine.settings import Settings

#: The best rate for training lay between these multiples of the choice in `SHARE` of the cases and lengths of
#: ``benchmarks/quality``.
LOWEST, HIGHEST, SHARE = 0.25, 3.8, 0.8
#: The steps for which this was measured. With fewer, the best rate lay further away.
STEPS = range(36, 61)
#: The smallest data of the benchmark had so many observations, over which a round made so many passes.
FEWEST, PASSES = 133, 14


def good_range(
    lr: float, settings: Settings, num_observations: int | None = None, own_batch_size: int | None = None
) -> tuple[float, float] | None:
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
    num_observations
        The number of observations in the data. None if they are not known: a stream that has not ended repeats none.
    own_batch_size
        The size of the batches of a stream, which the settings do not change.

    Returns
    -------
    tuple of float or None
        None if the benchmark says nothing about a choice with these settings, or from so few observations.
    """
    known = settings.method == "half-minimum" and settings.scale == "log" and settings.seen == "progressive"
    if not known or settings.horizon not in STEPS:
        return None
    if num_observations is not None:
        passes = settings.horizon * (own_batch_size or settings.batch_size) / num_observations
        if passes > PASSES or (passes > 1 and num_observations < FEWEST):
            return None
    return lr * LOWEST, lr * HIGHEST
