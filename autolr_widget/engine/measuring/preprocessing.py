"""The preprocessing that the models of keras_hub apply to each batch in their `fit`."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from autolr_widget.engine.measuring.training_step import draws
from autolr_widget.engine.measuring.validation import preprocesses
from autolr_widget.engine.types import Batch


class Preprocessing:
    """Does with a batch what the model's `fit` does before a step. That is nothing for all models but keras_hub's.

    Parameters
    ----------
    model
        The model.
    """

    def __init__(self, model: keras.Model) -> None:
        # With AutoGraph, as in `tf.data.Dataset.map`, which `fit` calls.
        self._function = tf.function(model.preprocess_samples) if preprocesses(model) else None
        self._checked: Any = None

    def __call__(self, batch: Batch) -> Batch:
        """Return the batch that `train_step` receives.

        Raises
        ------
        ValueError
            If the preprocessing is random: then not all rates of a round would see the same batches.
        """
        if self._function is None:
            return batch
        with tf.device("cpu"):
            parts = keras.tree.map_structure(
                lambda leaf: tf.convert_to_tensor(leaf) if isinstance(leaf, np.ndarray) else leaf, batch
            )
            traced = self._function.get_concrete_function(*_arguments(parts))
            drawn = [] if traced is self._checked else draws(traced.graph)
            self._checked = traced
            if drawn:
                raise ValueError(
                    "Argument `model` must not have a preprocessor with random numbers. Received: operations "
                    f"{', '.join(drawn)}. Preprocess the data first, by `x.map(model.preprocess_samples)`, and set "
                    "`model.preprocessor = None`."
                )
            found: Batch = keras.tree.map_structure(
                lambda leaf: leaf.numpy() if isinstance(leaf, tf.Tensor) else leaf, self._function(*_arguments(parts))
            )
        return found


def _arguments(batch: Batch) -> tuple[Any, ...]:
    return batch if isinstance(batch, tuple) else (batch,)
