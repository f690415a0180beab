"""The tasks on which recommendations are judged: small, real or generated, chosen before any result was seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np
from keras import layers, optimizers
from sklearn import datasets
from sklearn.model_selection import train_test_split

BATCH = 32
SEEDS = (0, 1, 2)
EPOCHS = (5, 20)

Array = np.ndarray


class Task(NamedTuple):
    """A model and its data. ``build`` makes the model with the current seed, and does not compile it."""

    build: Callable[[], keras.Model]
    loss: str
    x: Array
    y: Array
    x_val: Array
    y_val: Array


def task(build: Callable[[], keras.Model], loss: str, x: Array, y: Array, rows: int | None = None) -> Task:
    """Return a task with three quarters of the first ``rows`` for training, and the rest for validation."""
    x, x_val, y, y_val = train_test_split(x[:rows], y[:rows], random_state=0)
    return Task(build, loss, x.astype("float32"), y, x_val.astype("float32"), y_val)


def network(shape: tuple[int, ...], *middle: Callable[[], layers.Layer]) -> Callable[[], keras.Model]:
    return lambda: keras.Sequential([keras.Input(shape), *(make() for make in middle)])


def dense(units: int, activation: str | None = "relu") -> Callable[[], layers.Layer]:
    return lambda: layers.Dense(units, activation)


def conv(filters: int, activation: str | None = "relu") -> Callable[[], layers.Layer]:
    return lambda: layers.Conv2D(filters, 3, padding="same", activation=activation)


def norm() -> layers.Layer:
    # Keras's default, 0.99, would hardly change the statistics in the 25 steps that a small task has in five epochs.
    return layers.BatchNormalization(momentum=0.9)


def relu() -> layers.Layer:
    return layers.Activation("relu")


def dropout() -> layers.Layer:
    return layers.Dropout(0.3)


def standard(x: Array) -> Array:
    return (x - x.mean(axis=0)) / x.std(axis=0)


def sines(count: int = 1000, length: int = 16) -> tuple[Array, Array]:
    """Return noisy sines of random frequency and phase, and their next values."""
    generator = np.random.default_rng(0)
    frequency, phase = generator.uniform(0.2, 1.2, (count, 1)), generator.uniform(0, 2 * np.pi, (count, 1))
    waves = np.sin(frequency * np.arange(length + 1) + phase) + generator.normal(0, 0.1, (count, length + 1))
    return waves[:, :-1, np.newaxis], waves[:, -1:].astype("float32")


def tasks() -> dict[str, Task]:
    pixels, digits = datasets.load_digits(return_X_y=True)
    pixels = pixels / 16
    images, rows = pixels.reshape(-1, 8, 8, 1), pixels.reshape(-1, 8, 8)
    cancer, benign = datasets.load_breast_cancer(return_X_y=True)
    wine, grape = datasets.load_wine(return_X_y=True)
    patients, progression = datasets.load_diabetes(return_X_y=True)
    friedman, response = datasets.make_friedman1(1000, noise=1.0, random_state=0)
    moons, half = datasets.make_moons(1000, noise=0.2, random_state=0)
    pool, flatten, softmax = layers.MaxPooling2D, layers.Flatten, dense(10, "softmax")
    classes, binary = "sparse_categorical_crossentropy", "binary_crossentropy"

    def column(values: Array) -> Array:
        return values.astype("float32")[:, np.newaxis]

    return {
        "digits-mlp": task(network((64,), dense(128), dense(64), softmax), classes, pixels, digits),
        "digits-cnn": task(network((8, 8, 1), conv(8), conv(16), pool, flatten, softmax), classes, images, digits, 900),
        "digits-cnn-bn": task(
            network((8, 8, 1), conv(8, None), norm, relu, conv(16, None), norm, relu, pool, flatten, softmax),
            classes,
            images,
            digits,
            900,
        ),
        "digits-gru": task(network((8, 8), lambda: layers.GRU(32, unroll=True), softmax), classes, rows, digits, 900),
        "digits-autoencoder": task(
            network((64,), dense(32), dense(16), dense(32), dense(64, "sigmoid")),
            "mse",
            pixels,
            pixels.astype("float32"),
        ),
        "digits-dropout": task(
            network((64,), dense(64, "tanh"), dropout, dense(64, "tanh"), dropout, dense(32, "tanh"), softmax),
            classes,
            pixels,
            digits,
        ),
        "cancer-mlp": task(
            network((30,), dense(32), dense(16), dense(1, "sigmoid")), binary, standard(cancer), column(benign)
        ),
        "wine-bn": task(
            network((13,), dense(32, None), norm, relu, dense(3, "softmax")), classes, standard(wine), grape
        ),
        "diabetes-mlp": task(
            network((10,), dense(32), dense(16), dense(1, None)),
            "mse",
            standard(patients),
            column(standard(progression)),
        ),
        "friedman-mlp": task(
            network((10,), dense(64), dense(32), dense(1, None)), "mse", standard(friedman), column(standard(response))
        ),
        "moons-mlp": task(network((2,), dense(32), dense(32), dense(1, "sigmoid")), binary, moons, column(half)),
        "sine-lstm": task(network((16, 1), lambda: layers.LSTM(16, unroll=True), dense(1, None)), "mse", *sines(), 900),
    }


#: Functions of `learning_rate` that make an optimizer. Without it, they use Keras's default.
OPTIMIZERS: dict[str, Callable[..., keras.Optimizer]] = {
    "sgd": optimizers.SGD,
    "momentum": lambda **rate: optimizers.SGD(momentum=0.9, **rate),
    "adam": optimizers.Adam,
    "rmsprop": optimizers.RMSprop,
}


def compiled(task: Task, optimizer: str, seed: int) -> keras.Model:
    """Return the task's model, compiled, with initial weights that depend on ``seed``."""
    keras.utils.set_random_seed(seed)
    model = task.build()
    model.compile(OPTIMIZERS[optimizer](), task.loss)
    return model
