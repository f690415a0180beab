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
    the losses ``after`` at each rate, None where it diverged or was not measured; and what they were measured with.
    """
    last, settings, size = tuner.rounds[-1], tuner.settings, tuner.observations.size
    drawn: list[float] = []
    if size is not None:
        rows = subsample(size, settings.batch_size, settings.seed, last.index, settings.horizon, settings.held_out)
        drawn = (np.sort(rows[: settings.batch_size]) / size).round(4).tolist()
    after = last.loss + last.deltas
    return {
        "round": last.index + 1,
        "observations": size,
        "batch_size": settings.batch_size,
        "horizon": settings.horizon,
        "drawn": drawn,
        "before": last.loss,
        "after": [loss if np.isfinite(loss) else None for loss in after.tolist()],
    }
