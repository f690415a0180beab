"""The validation data, on which losses may be measured."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from autolr_widget.engine.data.observations import Observations
from autolr_widget.engine.data.stream import Stream, is_stream
from autolr_widget.engine.measuring.validation import (
    check_called,
    check_has_targets,
    observation_shapes,
    preprocesses,
)
from autolr_widget.engine.settings import VALIDATION_BATCHES
from autolr_widget.engine.types import Batch


def validation_of(model: keras.Model, validation_data: Any) -> Observations | Stream:
    """Return what `Model.fit` takes as ``validation_data``: ``(x, y)``, ``(x, y, sample_weight)``, or a stream.

    Parameters
    ----------
    model
        The model that is evaluated on them.
    validation_data
        The argument of that name.

    Raises
    ------
    ValueError
        If they can't be used.
    """
    try:
        if is_stream(validation_data):
            return Stream(validation_data, observation_shapes(model))
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(validation_data)
        check_called(x=x, y=y)
        if not preprocesses(model):
            check_has_targets(model, y)
        return Observations(x, y, sample_weight)
    except ValueError as error:
        raise ValueError(
            "Argument `validation_data` must be (x, y) or (x, y, sample_weight) with data as for `fit`, or a stream. "
            f"{error}"
        ) from error


def sample(validation: Observations | Stream, batch_size: int, seed: int, round_index: int) -> Callable[[int], Batch]:
    """Return a function that returns the batches on which a round measures its losses, by number.

    There are `VALIDATION_BATCHES` of them. They are smaller than ``batch_size`` if there is too little data.
    """
    if validation.any_order and validation.size is not None:
        batch_size = min(batch_size, validation.size)
    return validation.draw(batch_size, seed, round_index, VALIDATION_BATCHES)
