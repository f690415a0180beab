"""The models and data of the benchmarks, and how many multiplications they need."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np
from keras import layers
from sklearn.datasets import load_digits


class Workload(NamedTuple):
    """A model and its data.

    ``build`` makes the model. ``multiplications`` is their number in the forward pass of one observation, if known.
    """

    build: Callable[[], keras.Model]
    x: np.ndarray
    y: np.ndarray
    multiplications: int | None = None


def sequential(shape: tuple[int, ...], *middle: Callable[[], layers.Layer]) -> Callable[[], keras.Model]:
    return lambda: keras.Sequential([keras.Input(shape), *(make() for make in middle), layers.Dense(10, "softmax")])


def dense(units: int) -> Callable[[], layers.Layer]:
    return lambda: layers.Dense(units, "relu")


def attention() -> keras.Model:
    inputs = keras.Input((8, 8))
    hidden = layers.Dense(32)(inputs)
    hidden = layers.LayerNormalization()(hidden + layers.MultiHeadAttention(4, 8)(hidden, hidden))
    hidden = layers.LayerNormalization()(hidden + layers.Dense(32)(layers.Dense(64, "relu")(hidden)))
    return keras.Model(inputs, layers.Dense(10, "softmax")(layers.GlobalAveragePooling1D()(hidden)))


def mobilenet() -> keras.Model:
    return keras.applications.MobileNetV2((96, 96, 3), weights=None, classes=10)


def workloads() -> dict[str, Workload]:
    pixels, digits = load_digits(return_X_y=True)
    pixels = (pixels / 16).astype("float32")
    images, sequences = pixels.reshape(-1, 8, 8, 1), pixels.reshape(-1, 8, 8)
    large = np.repeat(np.kron(images[:256], np.ones((1, 12, 12, 1), "float32")), 3, axis=-1)

    def conv(filters: int) -> Callable[[], layers.Layer]:
        return lambda: layers.Conv2D(filters, 3, padding="same", activation="relu")

    return {
        "MLP": Workload(sequential((64,), dense(128), dense(64)), pixels, digits, 64 * 128 + 128 * 64 + 64 * 10),
        "CNN": Workload(
            sequential((8, 8, 1), conv(32), conv(64), lambda: layers.MaxPooling2D(), lambda: layers.Flatten()),
            images,
            digits,
            64 * 9 * 32 + 64 * 9 * 32 * 64 + 1024 * 10,
        ),
        "GRU": Workload(sequential((8, 8), lambda: layers.GRU(32)), sequences, digits),
        "attention": Workload(attention, sequences, digits),
        "BatchNormalization": Workload(
            sequential((64,), dense(64), lambda: layers.BatchNormalization(), dense(64)), pixels, digits
        ),
        "MLP, 5 M": Workload(sequential((64,), dense(2200), dense(2200)), pixels, digits),
        "MobileNetV2": Workload(mobilenet, large, digits[:256]),
    }


def compiled(build: Callable[[], keras.Model], optimizer: str) -> keras.Model:
    """Return the compiled model. It always has the same initial weights."""
    keras.utils.set_random_seed(0)
    model = build()
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy())
    return model
