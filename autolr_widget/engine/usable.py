"""Whether a model can be tuned at all."""

from __future__ import annotations

from typing import Any

import keras


def check_model(model: Any) -> None:
    """Refuse what the engine can't measure, with a `ValueError` that says what to do."""
    if not isinstance(model, keras.Model):
        raise ValueError(f"Argument `model` must be a Keras 3 model. Received: model of type {type(model).__name__}")
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            "Argument `model` must run on Keras's TensorFlow backend. "
            f'Received: keras.backend.backend()={keras.backend.backend()!r}. Set KERAS_BACKEND="tensorflow".'
        )
    if not model.compiled or model.optimizer is None:
        raise ValueError("Argument `model` must be compiled. Call `model.compile(optimizer, loss)` first.")
