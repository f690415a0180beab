"""One round as a story: what the front end shows while `Step` is explained."""

from __future__ import annotations

from typing import Any

import numpy as np

from autolr_widget.engine.subsample import subsample
from autolr_widget.engine.tuner import LRTuner

#: Draw the subsample, loss before, a step at each rate, loss after, the differences, the mean.
STAGES = 6


def lesson(tuner: LRTuner) -> dict[str, Any]:
    """The last round's numbers: ``drawn``, the places of its first batch in the data, from 0 to 1; its loss ``before``;
    the ``rates`` that it measured, and the losses ``after`` at each of them, None where it diverged; and what they were
    measured with.
    """
    last, settings, size = tuner.rounds[-1], tuner.settings, tuner.observations.size
    drawn: list[float] = []
    # The batches of a stream come as it yields them.
    if size is not None and tuner.observations.any_order:
        rows = subsample(size, settings.batch_size, settings.seed, last.index, settings.horizon, settings.held_out)
        drawn = (np.sort(rows[: settings.batch_size]) / size).round(4).tolist()
    after = (last.loss + last.deltas)[last.measured]
    return {
        "round": last.index + 1,
        "observations": size,
        "batch_size": settings.batch_size,
        "horizon": settings.horizon,
        "drawn": drawn,
        "rates": tuner.rates[last.measured].tolist(),
        "before": last.loss,
        "after": [loss if np.isfinite(loss) else None for loss in after.tolist()],
    }
