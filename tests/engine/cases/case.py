"""The class of a case, and the data and models that cases share."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from keras import layers
from sklearn.datasets import load_digits

X, Y = load_digits(return_X_y=True)
X, Y = (X / 16).astype("float32"), Y.astype("int64")
IMAGES, TOKENS, SEQUENCES = X.reshape(-1, 8, 8, 1), (X[:, :16] * 16).astype("int64"), X.reshape(-1, 8, 8)
#: Sample weights between 0 and 1.
WEIGHTS = np.random.default_rng(0).uniform(0, 1, len(X))
CROSSENTROPY = "sparse_categorical_crossentropy"


@dataclass
class Case:
    """A model and data. ``refused`` matches the message of the `ValueError`; None if the numbers must be exact.

    ``repeatable``: the random numbers are not those of real training, so two runs are compared.
    """

    make: Callable[[], keras.Model]
    x: Any = field(default_factory=lambda: X)
    y: Any = field(default_factory=lambda: Y)
    data: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    refused: str | None = None
    repeatable: bool = False
    trained: bool = False
    rounds: int = 2
    rtol: float = 2e-4


CASES: dict[str, Callable[[], Case]] = {}


def case(group: str, name: str | None = None) -> Callable[[Callable[[], Case]], Callable[[], Case]]:
    """A decorator that adds a function to `CASES`, by default under its own name."""

    def register(function: Callable[[], Case]) -> Callable[[], Case]:
        key = f"{group}: {name or function.__name__.replace('_', ' ').strip()}"
        assert key not in CASES
        CASES[key] = function
        return function

    return register


def compiled(build: Callable[[], keras.Model], optimizer: Any = "sgd", loss: Any = CROSSENTROPY, **arguments: Any):
    """A function that builds and compiles the same model from the same seed each time."""

    def make() -> keras.Model:
        keras.utils.set_random_seed(0)
        model = build()
        made = optimizer() if callable(optimizer) else optimizer
        model.compile(made, loss() if inspect.isclass(loss) else loss, **arguments)
        return model

    return make


def classifier(shape: tuple[int, ...], *middle: Callable[[], keras.layers.Layer]) -> Callable[[], keras.Model]:
    """A function that builds a network with these layers before a softmax layer."""
    return lambda: keras.Sequential(
        [keras.Input(shape), *(layer() for layer in middle), layers.Flatten(), layers.Dense(10, "softmax")]
    )


def linear() -> keras.Model:
    """A network without a hidden layer, which takes less time to trace, where the layers do not matter."""
    return keras.Sequential([keras.Input((64,)), layers.Dense(10, "softmax")])


def mlp() -> keras.Model:
    return classifier((64,), lambda: layers.Dense(16, "relu"))()
