"""The numbers of one round, which the front end explains step by step in Explain mode."""

from __future__ import annotations

from typing import Any

import numpy as np

from autolr_widget.engine.runs.run import Run

#: The number of stages: draw the subsample, the loss before, the steps at each rate, the loss after, the differences,
#: the mean.
STAGES = 6
#: The stage that shows the training curves of the round.
STEPS = 3


def lesson(run: Run) -> dict[str, Any]:
    """Return the numbers of the last round, for the front end.

    Returns
    -------
    dict
        ``round`` is the number of the round, from 1. ``observations`` is the number of observations in the data, None
        if it is not known. ``batch_size`` and ``horizon`` are the settings. ``drawn`` are the positions in the data of
        the first batch, from 0 to 1, in increasing order; it is empty for a stream. ``rates`` are the rates that were
        measured, ``before`` is the loss before the steps, and ``after`` are the losses after the steps at each rate,
        None where the rate diverged.
    """
    last, settings, size = run.rounds[-1], run.settings, run.num_observations
    rows = run.first_batch(last.index)
    drawn = [] if rows is None or size is None else (np.sort(rows) / size).round(4).tolist()
    after = (last.loss + last.deltas)[last.measured]
    return {
        "round": last.index + 1,
        "observations": size,
        "batch_size": settings.batch_size,
        "horizon": settings.horizon,
        "drawn": drawn,
        "rates": run.rates[last.measured].tolist(),
        "before": last.loss,
        "after": [loss if np.isfinite(loss) else None for loss in after.tolist()],
    }
