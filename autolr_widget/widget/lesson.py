"""One round as a story, which the front end tells in Explain mode."""

from __future__ import annotations

from typing import Any

import numpy as np

from autolr_widget.engine.runs.run import Run

#: Draw the subsample, loss before, a step at each rate, loss after, the differences, the mean.
STAGES = 6


def lesson(run: Run) -> dict[str, Any]:
    """The numbers of the last round, as the front end tells them.

    ``drawn`` holds the places of its first batch in the data, from 0 to 1, and is empty for a stream; ``before`` is the
    loss before the steps; ``rates`` are the rates that it measured, and ``after`` the losses after the steps at each of
    them, None where the rate diverged.
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
