"""Examples of keras.io/examples/nlp."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from tests.engine.keras_io.example import (
    Example,
    TokenAndPosition,
    Transformer,
    classes,
    example,
    numbers,
    pictures,
    step_on,
    stream,
    tokens,
)

SPARSE_LOGITS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


@example("nlp/text_classification_with_transformer")
def text_classification_with_transformer() -> Example:
    def build() -> keras.Model:
        inputs = keras.Input((10,))
        x = layers.GlobalAveragePooling1D()(Transformer(8)(TokenAndPosition(20, 10, 8)(inputs)))
        x = layers.Dropout(0.1)(layers.Dense(6, "relu")(layers.Dropout(0.1)(x)))
        model = keras.Model(inputs, layers.Dense(2, "softmax")(x))
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    return Example(build, lambda: {"x": tokens(20, 10), "y": classes(2)})


@example("nlp/text_classification_from_scratch")
def text_classification_from_scratch() -> Example:
    words = np.array(["good", "bad", "dull", "great", "not", "and", "very", "plot", "end"])
    texts = np.array([" ".join(words[row]) for row in classes(len(words), (72, 9))])

    def build() -> keras.Model:
        inputs = keras.Input((None,), dtype="int64")
        x = layers.Dropout(0.5)(layers.Embedding(20, 8)(inputs))
        x = layers.Conv1D(8, 3, padding="valid", activation="relu", strides=2)(x)
        x = layers.Dropout(0.5)(layers.Dense(8, "relu")(layers.GlobalMaxPooling1D()(x)))
        model = keras.Model(inputs, layers.Dense(1, "sigmoid")(x))
        model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
        return model

    def data() -> dict:
        vectorize = layers.TextVectorization(max_tokens=20, output_mode="int", output_sequence_length=10)
        vectorize.adapt(texts)
        batches = stream((texts[:, None], classes(2)))
        return {"x": batches.map(lambda text, label: (vectorize(text), label)).cache().prefetch(10)}

    return Example(build, data)


@example("nlp/bidirectional_lstm_imdb")
def bidirectional_lstm_imdb() -> Example:
    def build() -> keras.Model:
        inputs = keras.Input((None,), dtype="int32")
        x = layers.Bidirectional(layers.LSTM(4, return_sequences=True))(layers.Embedding(20, 6)(inputs))
        model = keras.Model(inputs, layers.Dense(1, "sigmoid")(layers.Bidirectional(layers.LSTM(4))(x)))
        model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
        return model

    return Example(build, lambda: {"x": tokens(20, 8), "y": classes(2)})


@example("nlp/addition_rnn")
def addition_rnn() -> Example:
    def build() -> keras.Model:
        model = keras.Sequential([layers.Input((5, 12)), layers.LSTM(8), layers.RepeatVector(3)])
        model.add(layers.LSTM(8, return_sequences=True))
        model.add(layers.Dense(12, "softmax"))
        model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
        return model

    question, answer = (keras.utils.to_categorical(classes(12, (72, n), seed=n), 12).astype(bool) for n in (5, 3))
    return Example(build, lambda: {"x": question, "y": answer})


@example("nlp/lstm_seq2seq")
def lstm_seq2seq() -> Example:
    def build() -> keras.Model:
        source, target = keras.Input((None, 9)), keras.Input((None, 11))
        _, *states = layers.LSTM(8, return_state=True)(source)
        outputs, *_ = layers.LSTM(8, return_sequences=True, return_state=True)(target, initial_state=states)
        model = keras.Model([source, target], layers.Dense(11, "softmax")(outputs))
        model.compile(optimizer="rmsprop", loss="categorical_crossentropy", metrics=["accuracy"])
        return model

    source = keras.utils.to_categorical(classes(9, (72, 6)), 9)
    target = keras.utils.to_categorical(classes(11, (72, 6)), 11)
    return Example(build, lambda: {"x": [source, target[:, :-1]], "y": target[:, 1:]})


@example("nlp/neural_machine_translation_with_transformer")
def neural_machine_translation_with_transformer() -> Example:
    class Decoder(layers.Layer):
        def __init__(self, width: int):
            super().__init__()
            self.own, self.other = (layers.MultiHeadAttention(2, width) for _ in range(2))
            self.dense = keras.Sequential([layers.Dense(16, "relu"), layers.Dense(width)])
            self.norms = [layers.LayerNormalization() for _ in range(3)]
            self.add = layers.Add()
            self.supports_masking = True

        def call(self, inputs, mask=None):
            target, source = inputs
            x = self.norms[0](target + self.own(target, target, use_causal_mask=True))
            x = self.norms[1](x + self.other(x, source))
            return self.norms[2](self.add([x, self.dense(x)]))

    def build() -> keras.Model:
        source = keras.Input((None,), dtype="int64", name="encoder_inputs")
        target = keras.Input((None,), dtype="int64", name="decoder_inputs")
        encoded = Transformer(8)(TokenAndPosition(15, 6, 8)(source))
        x = layers.Dropout(0.5)(Decoder(8)([TokenAndPosition(15, 6, 8)(target), encoded]))
        model = keras.Model({"encoder_inputs": source, "decoder_inputs": target}, layers.Dense(15, "softmax")(x))
        loss = keras.losses.SparseCategoricalCrossentropy(ignore_class=0)
        model.compile("rmsprop", loss=loss, metrics=["accuracy"])
        return model

    def data() -> dict:
        batches = stream((tokens(15, 6), tokens(15, 7, seed=8)))

        def formatted(source, target):
            return {"encoder_inputs": source, "decoder_inputs": target[:, :-1]}, target[:, 1:]

        return {"x": batches.map(formatted).cache().shuffle(2048, seed=1).prefetch(16)}

    return Example(build, data)


@example("nlp/masked_language_modeling")
def masked_language_modeling() -> Example:
    loss_fn = keras.losses.SparseCategoricalCrossentropy(reduction=None)

    class MaskedLanguageModel(keras.Model):
        """Its loss is a value per token, weighted; its tracker belongs to no `__init__`."""

        loss_tracker = keras.metrics.Mean(name="loss")

        def train_step(self, inputs):
            features, labels, weight = inputs
            with tf.GradientTape() as tape:
                loss = loss_fn(labels, self(features, training=True), sample_weight=weight)
            step_on(self, tape, loss, self.trainable_variables)
            self.loss_tracker.update_state(loss, sample_weight=weight)
            return {"loss": self.loss_tracker.result()}

        @property
        def metrics(self):
            return [self.loss_tracker]

    def build() -> keras.Model:
        inputs = keras.Input((8,), dtype="int64")
        x = Transformer(8)(layers.Embedding(20, 8)(inputs) + numbers(8, 8))
        model = MaskedLanguageModel(inputs, layers.Dense(20, "softmax")(x))
        model.compile(optimizer=keras.optimizers.Adam())
        return model

    text = tokens(19, 8)
    hidden = np.random.default_rng(0).uniform(size=text.shape) < 0.25
    arrays = np.where(hidden, 19, text), text, hidden.astype("float32")
    # It shuffles; a seed makes the order the same for the tuner and for the training that it is compared with.
    return Example(build, lambda: {"x": tf.data.Dataset.from_tensor_slices(arrays).shuffle(1000, seed=1).batch(8)})


@example("nlp/ner_transformers")
def ner_transformers() -> Example:
    class TokenLoss(keras.losses.Loss):
        """The mean over all tokens that are not padding."""

        def call(self, y_true, y_pred):
            loss = keras.losses.SparseCategoricalCrossentropy(from_logits=False, reduction=None)(y_true, y_pred)
            mask = ops.cast(y_true > 0, "float32")
            return ops.sum(loss * mask) / ops.sum(mask)

    class NERModel(keras.Model):
        def __init__(self):
            super().__init__()
            self.embedding, self.block = TokenAndPosition(30, 12, 8), Transformer(8)
            self.drops, self.hidden = [layers.Dropout(0.1), layers.Dropout(0.1)], layers.Dense(8, "relu")
            self.final = layers.Dense(5, "softmax")

        def call(self, inputs, training=False):
            x = self.drops[0](self.block(self.embedding(inputs)), training=training)
            return self.final(self.drops[1](self.hidden(x), training=training))

    def build() -> keras.Model:
        model = NERModel()
        model.compile(optimizer="adam", loss=TokenLoss())
        return model

    def data() -> dict:
        # Each batch is padded to its own longest sentence, so batches differ in length.
        rows = [row[row != 0] for row in tokens(30, 12)]
        kind = tf.TensorSpec((None,), tf.int64)
        sentences = tf.data.Dataset.from_generator(
            lambda: ((row, 1 + row % 4) for row in rows), output_signature=(kind, kind)
        )
        return {"x": sentences.padded_batch(8)}

    return Example(build, data)


@example("nlp/text_classification_with_switch_transformer")
def text_classification_with_switch_transformer() -> Example:
    class Switch(layers.Layer):
        """Sends each token to one of a few experts. Its router adds a loss and, in training, noise."""

        def __init__(self, experts: int, width: int):
            super().__init__()
            self.router = layers.Dense(experts)
            self.experts = [layers.Dense(width, "relu") for _ in range(experts)]
            self.seed_generator = keras.random.SeedGenerator(3)

        def call(self, x, training=False):
            flat = ops.reshape(x, (-1, x.shape[-1]))
            if training:
                flat = flat * keras.random.uniform(ops.shape(flat), 0.9, 1.1, seed=self.seed_generator)
            chances = ops.softmax(self.router(flat))
            chosen = ops.one_hot(ops.argmax(chances, axis=-1), len(self.experts))
            load = ops.mean(chosen, axis=0) * ops.mean(chances, axis=0)
            self.add_loss(ops.sum(load) * len(self.experts))
            outputs = ops.stack([expert(flat) for expert in self.experts], axis=1)
            return ops.reshape(ops.sum(outputs * ops.expand_dims(chosen * chances, -1), axis=1), ops.shape(x))

    def build() -> keras.Model:
        inputs = keras.Input((8,))
        x = TokenAndPosition(20, 8, 8)(inputs)
        x = layers.LayerNormalization(epsilon=1e-6)(x + Switch(3, 8)(Transformer(8)(x)))
        x = layers.Dropout(0.25)(layers.GlobalAveragePooling1D()(x))
        model = keras.Model(inputs, layers.Dense(2, "softmax")(x))
        model.compile(keras.optimizers.Adam(0.001), "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    return Example(build, lambda: {"x": tokens(20, 8), "y": classes(2)})


@example("nlp/nl_image_search")
def nl_image_search() -> Example:
    class DualEncoder(keras.Model):
        """Brings a caption and its picture together, with a temperature."""

        def __init__(self, text: keras.Model, image: keras.Model):
            super().__init__()
            self.text_encoder, self.image_encoder = text, image
            self.loss_tracker = keras.metrics.Mean(name="loss")

        @property
        def metrics(self):
            return [self.loss_tracker]

        def call(self, features, training=False):
            return (
                self.text_encoder(features["caption"], training=training),
                self.image_encoder(features["image"], training=training),
            )

        def compute_loss_of(self, captions, images):
            logits = ops.matmul(captions, ops.transpose(images)) / 0.5
            alike = [ops.matmul(z, ops.transpose(z)) for z in (captions, images)]
            targets = ops.softmax((alike[0] + alike[1]) / (2 * 0.5))
            losses = [
                keras.losses.categorical_crossentropy(t, z, from_logits=True)
                for t, z in ((targets, logits), (ops.transpose(targets), ops.transpose(logits)))
            ]
            return (losses[0] + losses[1]) / 2

        def train_step(self, features):
            with tf.GradientTape() as tape:
                loss = self.compute_loss_of(*self(features, training=True))
            step_on(self, tape, loss, self.trainable_variables)
            self.loss_tracker.update_state(loss)
            return {"loss": self.loss_tracker.result()}

    def head(x):
        projected = layers.Dense(8)(x)
        x = layers.Dropout(0.1)(layers.Dense(8)(layers.Activation("gelu")(projected)))
        return layers.LayerNormalization()(layers.Add()([projected, x]))

    def build() -> keras.Model:
        words, image = keras.Input((6,), dtype="int64"), keras.Input((8, 8, 3))
        read = layers.GlobalAveragePooling1D()(layers.Embedding(20, 8)(words))
        seen = layers.GlobalAveragePooling2D()(layers.Conv2D(8, 3, activation="relu", trainable=False)(image))
        model = DualEncoder(keras.Model(words, head(read)), keras.Model(image, head(seen)))
        model.compile(optimizer=keras.optimizers.AdamW(0.001, weight_decay=0.001))
        return model

    return Example(build, lambda: {"x": stream({"caption": tokens(20, 6), "image": pictures(8, 3)})})


@example("nlp/pretrained_word_embeddings")
def pretrained_word_embeddings() -> Example:
    def build() -> keras.Model:
        embedding = layers.Embedding(20, 8, trainable=False)
        embedding.build((1,))
        embedding.set_weights([numbers(20, 8)])
        inputs = keras.Input((None,), dtype="int32")
        x = layers.MaxPooling1D(2)(layers.Conv1D(8, 3, activation="relu")(embedding(inputs)))
        x = layers.GlobalMaxPooling1D()(layers.Conv1D(8, 3, activation="relu")(x))
        x = layers.Dropout(0.5)(layers.Dense(8, "relu")(x))
        model = keras.Model(inputs, layers.Dense(4, "softmax")(x))
        model.compile(loss="sparse_categorical_crossentropy", optimizer="rmsprop", metrics=["acc"])
        return model

    return Example(build, lambda: {"x": tokens(20, 12), "y": classes(4)})


@example("nlp/multi_label_classification")
def multi_label_classification() -> Example:
    def build() -> keras.Model:
        # Without an input: it is built by its first batch.
        model = keras.Sequential([layers.Dense(16, "relu"), layers.Dense(8, "relu"), layers.Dense(5, "sigmoid")])
        model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["binary_accuracy"])
        return model

    labels = (np.random.default_rng(0).uniform(size=(72, 5)) < 0.3).astype("float32")
    return Example(build, lambda: {"x": stream((abs(numbers(72, 20)), labels))})
