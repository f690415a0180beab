"""Whether a saved run can be continued here, as far as its fingerprint and its losses tell."""

from __future__ import annotations

import math

from autolr_widget.engine.saved.saved_run import SavedRun

#: The parts of a fingerprint, in the words of a message. See `autolr_widget.engine.saved.fingerprint`.
PARTS = {
    "weights": "the model's weights",
    "state": "the model's other state (batch statistics, the seeds of random layers, states of stateful ones)",
    "optimizer": "the optimizer (its class, its settings or its state)",
    "data": "the data",
}

#: How far, relatively, a loss may be from the saved one: on another machine its last bits are others.
TOLERANCE = 1e-4


def check_start(then: SavedRun, now: SavedRun) -> None:
    """Refuse a run that began in another state than one here, as far as the state of both is known."""
    known, here = (dict(part.partition(":")[::2] for part in run.start.split(";")) for run in (then, now))
    differ = [words for part, words in PARTS.items() if "" != known.get(part, "") != here.get(part, "") != ""]
    if not differ:
        return
    versions = [f"Keras {run.keras} and TensorFlow {run.tensorflow}" for run in (then, now)]
    advice = f" It was measured with {versions[0]}, these are {versions[1]}." if versions[0] != versions[1] else ""
    raise ValueError(
        "Argument `saved_run` must be a run of this model in its current state, and of these data. Received: a run "
        f"that began in another state: {' and '.join(differ)} differ. Build the model as for that run, or make a new "
        "run." + advice
    )


def check_loss(index: int, then: float, now: float) -> None:
    """Refuse a round that begins at another loss: what the fingerprint does not see differs."""
    if not math.isclose(now, then, rel_tol=TOLERANCE):
        raise ValueError(
            f"Argument `saved_run` must be a run of this model and these data. Received: a run whose round {index + 1} "
            f"began at a loss of {then:.7g}, and now begins at {now:.7g}. The layers or the loss function are others, "
            "or the data are, or a stream yields in another order."
        )
