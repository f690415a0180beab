"""Examples of keras.io/examples/generative that write text."""

from __future__ import annotations

import keras
from keras import layers

from tests.engine.keras_io.example import (
    Example,
    TokenAndPosition,
    Transformer,
    classes,
    example,
    stream,
    tokens,
)


@example("generative/lstm_character_level_text_generation")
def lstm_character_level_text_generation() -> Example:
    def build() -> keras.Model:
        model = keras.Sequential([keras.Input((6, 12)), layers.LSTM(8), layers.Dense(12, "softmax")])
        model.compile(loss="categorical_crossentropy", optimizer=keras.optimizers.RMSprop(learning_rate=0.01))
        return model

    one_hot = keras.utils.to_categorical(classes(12, (72, 7)), 12).astype("bool")
    return Example(build, lambda: {"x": one_hot[:, :-1], "y": one_hot[:, -1]})


@example("generative/text_generation_with_miniature_gpt")
def text_generation_with_miniature_gpt() -> Example:
    def build() -> keras.Model:
        inputs = keras.Input((8,), dtype="int32")
        x = Transformer(8, causal=True)(TokenAndPosition(20, 8, 8)(inputs))
        model = keras.Model(inputs, [layers.Dense(20)(x), x])
        # The second output has no loss.
        model.compile("adam", loss=[keras.losses.SparseCategoricalCrossentropy(from_logits=True), None])
        return model

    text = tokens(20, 9)
    return Example(build, lambda: {"x": stream(text).map(lambda row: (row[:, :-1], row[:, 1:])).prefetch(1)})


@example("generative/text_generation_gpt")
def text_generation_gpt() -> Example:
    def build() -> keras.Model:
        inputs = keras.Input((None,), dtype="int32")
        embedded = layers.Embedding(20, 8, mask_zero=True)(inputs)
        outputs = layers.Dense(20)(Transformer(8, causal=True)(embedded))
        model = keras.Model(inputs, outputs)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile("adam", loss, weighted_metrics=["accuracy"])
        return model

    text = tokens(20, 9)
    return Example(build, lambda: {"x": stream(text).map(lambda row: (row[:, :-1], row[:, 1:]))})
