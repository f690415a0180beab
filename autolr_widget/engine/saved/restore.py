"""Checks whether a saved run can be continued with this model and these data, by its fingerprint and its losses."""

from __future__ import annotations

import math

from autolr_widget.engine.saved.saved_run import SavedRun

#: What a message calls the parts of a fingerprint. See `autolr_widget.engine.saved.fingerprint`.
PARTS = {
    "weights": "the model's weights",
    "state": "the model's other state (batch statistics, seeds of random layers, states of stateful layers)",
    "optimizer": "the optimizer (its class, its settings or its state)",
    "data": "the data",
    "validation": "the validation data",
}

#: The relative difference that is allowed between a loss and the saved one: the last bits depend on the machine.
TOLERANCE = 1e-4


def check_start(then: SavedRun, now: SavedRun) -> None:
    """Raise a `ValueError` if the two runs began in different states.

    Only the parts of the fingerprint that are known for both runs are compared.

    Parameters
    ----------
    then
        The saved run.
    now
        A run with the current model and data.
    """
    known, here = (dict(part.partition(":")[::2] for part in run.start.split(";")) for run in (then, now))
    differ = [words for part, words in PARTS.items() if "" != known.get(part, "") != here.get(part, "") != ""]
    if not differ:
        return
    versions = [f"Keras {run.keras} and TensorFlow {run.tensorflow}" for run in (then, now)]
    advice = f" It was measured with {versions[0]}, and these are {versions[1]}." if versions[0] != versions[1] else ""
    # The model, the data, or both.
    of_data = [words in (PARTS["data"], PARTS["validation"]) for words in differ]
    todo = ["build the model in the same way as for that run"] * (not all(of_data))
    todo += ["pass the data of that run"] * any(of_data)
    raise ValueError(
        "The saved run can't be continued, because it began in a different state. What differs: "
        f"{' and '.join(differ)}. To continue it, {' and '.join(todo)}. Or start a new run." + advice
    )


def check_loss(index: int, then: float, now: float) -> None:
    """Raise a `ValueError` if the loss before the steps of round ``index`` is no longer the saved one.

    Then something differs that the fingerprint does not contain, such as a layer or the loss function.

    Parameters
    ----------
    index
        The index of the round, from 0.
    then, now
        The saved loss, which is NaN if it is not known, and the loss that was measured now.
    """
    if not math.isnan(then) and not math.isclose(now, then, rel_tol=TOLERANCE):
        raise ValueError(
            f"The saved run can't be continued, because its round {index + 1} began at a loss of {then:.7g}, and now "
            f"begins at {now:.7g}. The layers, the loss function or the data are different, or a stream yields the "
            "data in a different order."
        )
