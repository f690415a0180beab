"""The class of an example, and the made-up data and layers that examples share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

#: What the engine is to do with an example.
EXACT, REPEATABLE = "exact", "repeatable"
ADVERSARIAL = "refused: (?i)adversarial"

#: Enough for two rounds of four batches of 8.
ROWS = 72


@dataclass
class Example:
    """A page of keras.io/examples, rebuilt small.

    Attributes
    ----------
    build
        Builds and compiles the model.
    data
        Returns new data, as the arguments of `Model.fit` and of `LRTuner`.
    settings
        Further arguments of `LRTuner`.
    fit
        Further arguments of `Model.fit`.
    expected
        ``"exact"``: the losses are those of real training. ``"repeatable"``: the example draws from random numbers that
        can't be set, so two tuners must find the same losses. ``"refused: "`` and what the message must match.
    which
        For a step that calls `GradientTape.gradient` several times on the weights: the index of the call whose loss is
        meant.
    """

    build: Callable[[], keras.Model]
    data: Callable[[], dict[str, Any]]
    settings: dict[str, Any] = field(default_factory=dict)
    fit: dict[str, Any] = field(default_factory=dict)
    expected: str = EXACT
    which: int = 0

    def make(self) -> keras.Model:
        """The model, with the same weights each time."""
        keras.utils.set_random_seed(0)
        return self.build()

    def arguments(self) -> dict[str, Any]:
        """The data, in the same order each time."""
        keras.utils.set_random_seed(1)
        return self.data()


EXAMPLES: dict[str, Callable[[], Example]] = {}


def example(name: str) -> Callable[[Callable[[], Example]], Callable[[], Example]]:
    """A decorator that adds a function to `EXAMPLES` under the name of its page."""

    def register(function: Callable[[], Example]) -> Callable[[], Example]:
        assert name not in EXAMPLES
        EXAMPLES[name] = function
        return function

    return register


def pictures(side: int = 8, channels: int = 1, rows: int = ROWS, seed: int = 0) -> np.ndarray:
    """Grey gradients in random directions with noise, from 0 to 1, shape ``(rows, side, side, channels)``."""
    generator = np.random.default_rng(seed)
    down, right = generator.uniform(-1, 1, (2, rows, 1, 1, channels))
    ramp = np.linspace(-1, 1, side)
    images = down * ramp[:, None, None] + right * ramp[None, :, None] + generator.normal(0, 0.3, (rows, side, side, 1))
    return ((images - images.min()) / (images.max() - images.min())).astype("float32")


def classes(count: int, shape: tuple[int, ...] = (ROWS,), seed: int = 1) -> np.ndarray:
    """Random classes or tokens from 0 to ``count - 1``."""
    return np.random.default_rng(seed).integers(0, count, shape).astype("int64")


def one_hot(labels: np.ndarray, count: int) -> np.ndarray:
    """Classes as rows of 0 and 1, as float32."""
    return keras.utils.to_categorical(labels, count).astype("float32")


def tokens(vocabulary: int, length: int, rows: int = ROWS, seed: int = 2) -> np.ndarray:
    """Random tokens from 1, with zeros behind the end of each sequence."""
    generator = np.random.default_rng(seed)
    found = generator.integers(1, vocabulary, (rows, length))
    ends = generator.integers(2, length + 1, (rows, 1))
    return np.where(np.arange(length) < ends, found, 0).astype("int64")


def numbers(*shape: int, seed: int = 3) -> np.ndarray:
    """Standard normal numbers."""
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def waves(length: int, channels: int = 1, rows: int = ROWS, seed: int = 4) -> np.ndarray:
    """Sine waves of random frequency and phase with noise, shape ``(rows, length, channels)``."""
    generator = np.random.default_rng(seed)
    frequency, phase = generator.uniform(0.2, 1, (rows, 1, channels)), generator.uniform(0, 6, (rows, 1, channels))
    noise = generator.normal(0, 0.1, (rows, length, channels))
    return (np.sin(frequency * np.arange(length)[None, :, None] + phase) + noise).astype("float32")


def stream(data: Any, batch_size: int = 8) -> tf.data.Dataset:
    """A dataset of batches of these arrays."""
    return tf.data.Dataset.from_tensor_slices(data).batch(batch_size, drop_remainder=True)


def step_on(model: keras.Model, tape: tf.GradientTape, loss: tf.Tensor, weights: Sequence[keras.Variable]) -> None:
    """Let the model's optimizer take a step. Most overridden train steps end like this."""
    model.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))


class Transformer(layers.Layer):
    """A block of attention and two dense layers, each with dropout, a shortcut and layer normalization."""

    def __init__(self, width: int, heads: int = 2, hidden: int = 16, dropout: float = 0.1, causal: bool = False):
        super().__init__()
        self.attention = layers.MultiHeadAttention(heads, width // heads)
        self.dense = keras.Sequential([layers.Dense(hidden, "relu"), layers.Dense(width)])
        self.norms = [layers.LayerNormalization(epsilon=1e-6) for _ in range(2)]
        self.dropouts = [layers.Dropout(dropout) for _ in range(2)]
        self.causal = causal
        self.supports_masking = True

    def call(self, inputs, training=False):
        attended = self.attention(inputs, inputs, use_causal_mask=self.causal)
        first = self.norms[0](inputs + self.dropouts[0](attended, training=training))
        return self.norms[1](first + self.dropouts[1](self.dense(first), training=training))


class TokenAndPosition(layers.Layer):
    """The embedding of each token plus the embedding of its place."""

    def __init__(self, vocabulary: int, length: int, width: int):
        super().__init__()
        self.token, self.place = layers.Embedding(vocabulary, width), layers.Embedding(length, width)

    def call(self, inputs):
        return self.token(inputs) + self.place(keras.ops.arange(keras.ops.shape(inputs)[-1]))


class Patches(layers.Layer):
    """Square pieces of an image, as rows: ``(batch, pieces, size * size * channels)``."""

    def __init__(self, size: int):
        super().__init__()
        self.size = size

    def call(self, images):
        patches = keras.ops.image.extract_patches(images, size=self.size)
        return keras.ops.reshape(patches, (-1, patches.shape[1] * patches.shape[2], patches.shape[3]))


def convolutions(channels: int = 1, width: int = 8, units: int = 8, side: int = 8) -> keras.Sequential:
    """A small convolutional encoder."""
    return keras.Sequential(
        [
            keras.Input((side, side, channels)),
            layers.Conv2D(width, 3, strides=2, activation="relu"),
            layers.Conv2D(width, 3, strides=2, activation="relu"),
            layers.Flatten(),
            layers.Dense(units, "relu"),
        ]
    )
