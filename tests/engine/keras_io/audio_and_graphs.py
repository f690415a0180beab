"""Examples of keras.io/examples/audio and keras.io/examples/graph."""

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
    step_on,
    stream,
    tokens,
    waves,
)

SPARSE_LOGITS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


@example("audio/transformer_asr")
def transformer_asr() -> Example:
    class Speech(keras.Model):
        """From sound to letters, with the letters before as a second input. The batch is a dict."""

        def __init__(self):
            super().__init__()
            self.loss_metric = keras.metrics.Mean(name="loss")
            self.encoder = keras.Sequential(
                [layers.Conv1D(8, 5, strides=2, padding="same", activation="relu"), Transformer(8)]
            )
            self.letters, self.decoder = TokenAndPosition(12, 8, 8), Transformer(8, causal=True)
            self.attend, self.drop = layers.MultiHeadAttention(2, 8), layers.Dropout(0.5)
            self.norm, self.classifier = layers.LayerNormalization(epsilon=1e-6), layers.Dense(12)

        def call(self, inputs):
            source, target = inputs
            written = self.decoder(self.letters(target))
            return self.classifier(self.norm(written + self.drop(self.attend(written, self.encoder(source)))))

        @property
        def metrics(self):
            return [self.loss_metric]

        def train_step(self, batch):
            source, target = batch["source"], batch["target"]
            before, wanted = target[:, :-1], target[:, 1:]
            with tf.GradientTape() as tape:
                found = self([source, before])
                mask = tf.math.logical_not(tf.math.equal(wanted, 0))
                loss = self.compute_loss(None, tf.one_hot(wanted, depth=12), found, sample_weight=mask)
            step_on(self, tape, loss, self.trainable_variables)
            self.loss_metric.update_state(loss)
            return {"loss": self.loss_metric.result()}

    class WarmUpAndDown(keras.optimizers.schedules.LearningRateSchedule):
        """Without `get_config`, as on the page."""

        def __call__(self, step):
            epoch = tf.cast(step // 5, "float32")
            return tf.math.minimum(1e-5 + 1e-4 * epoch, tf.math.maximum(1e-5, 1e-3 - 1e-5 * epoch))

    def build() -> keras.Model:
        model = Speech()
        loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)
        model.compile(optimizer=keras.optimizers.Adam(WarmUpAndDown()), loss=loss)
        return model

    def data() -> dict:
        pairs = tf.data.Dataset.zip(tuple(tf.data.Dataset.from_tensor_slices(a) for a in (waves(12, 4), tokens(12, 7))))
        return {"x": pairs.map(lambda x, y: {"source": x, "target": y}).batch(8).prefetch(1)}

    return Example(build, data)


@example("audio/ctc_asr")
def ctc_asr() -> Example:
    def ctc(y_true, y_pred):
        rows = tf.shape(y_true)[0]
        lengths = [tf.fill((rows,), tf.shape(side)[1]) for side in (y_true, y_pred)]
        return ops.ctc_loss(tf.cast(y_true, tf.int32), y_pred, *lengths)

    def build() -> keras.Model:
        inputs = keras.Input((None, 4))
        x = layers.Reshape((-1, 4, 1))(inputs)
        x = layers.Conv2D(3, (5, 3), strides=(2, 2), padding="same", use_bias=False)(x)
        x = layers.Reshape((-1, 6))(layers.ReLU()(layers.BatchNormalization()(x)))
        x = layers.Dropout(0.5)(layers.Bidirectional(layers.GRU(6, return_sequences=True, reset_after=True))(x))
        model = keras.Model(inputs, layers.Dense(8)(layers.Dropout(0.5)(layers.Dense(8, "relu")(x))))
        model.compile(optimizer=keras.optimizers.Adam(1e-4), loss=ctc)
        return model

    def data() -> dict:
        sounds = [wave[:length] for wave, length in zip(waves(24, 4), 16 + classes(9), strict=True)]
        letters = 1 + classes(7, (72, 3))
        made = tf.data.Dataset.from_generator(
            lambda: zip(sounds, letters, strict=True),
            output_signature=(tf.TensorSpec((None, 4), tf.float32), tf.TensorSpec((3,), tf.int64)),
        )
        return {"x": made.padded_batch(8).prefetch(1)}

    return Example(build, data)


@example("audio/speaker_recognition_using_cnn")
def speaker_recognition_using_cnn() -> Example:
    def block(x, filters: int):
        shortcut = layers.Conv1D(filters, 1, padding="same")(x)
        x = layers.Activation("relu")(layers.Conv1D(filters, 3, padding="same")(x))
        x = layers.Add()([layers.Conv1D(filters, 3, padding="same")(x), shortcut])
        return layers.MaxPool1D(2, 2)(layers.Activation("relu")(x))

    def build() -> keras.Model:
        inputs = keras.Input((16, 1), name="input")
        x = layers.AveragePooling1D(2, 2)(block(block(inputs, 4), 6))
        outputs = layers.Dense(4, "softmax", name="output")(layers.Dense(8, "relu")(layers.Flatten()(x)))
        model = keras.Model(inputs, outputs)
        model.compile(optimizer="Adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    def data() -> dict:
        batches = stream((waves(32), classes(4)))

        def spectrum(sound, label):
            found = tf.signal.fft(tf.cast(tf.squeeze(sound, -1), tf.complex64))
            return tf.math.abs(found[:, :16, tf.newaxis]), label

        return {"x": batches.map(spectrum).prefetch(1)}

    return Example(build, data)


NODES = 40
NODE_STATES = numbers(NODES, 6)
EDGES = classes(NODES, (120, 2))
PAPERS = np.random.default_rng(5).permutation(np.tile(np.arange(NODES), 2))[:72]


class GraphAttention(layers.Layer):
    """Each node gathers the states of its neighbours, by attention."""

    def __init__(self, units: int):
        super().__init__()
        self.units = units

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[0][-1], self.units), name="kernel")
        self.kernel_attention = self.add_weight(shape=(2 * self.units, 1), name="kernel_attention")
        self.built = True

    def call(self, inputs):
        states, edges = inputs
        z = tf.matmul(states, self.kernel)
        pairs = tf.reshape(tf.gather(z, edges), (tf.shape(edges)[0], -1))
        scores = tf.squeeze(tf.nn.leaky_relu(tf.matmul(pairs, self.kernel_attention)), -1)
        scores = tf.math.exp(tf.clip_by_value(scores, -2, 2))
        total = tf.math.unsorted_segment_sum(scores, edges[:, 0], tf.shape(states)[0])
        share = scores / (tf.gather(total, edges[:, 0]) + 1e-8)
        return tf.math.unsorted_segment_sum(
            tf.gather(z, edges[:, 1]) * share[:, None], edges[:, 0], tf.shape(states)[0]
        )


@example("graph/gat_node_classification")
def gat_node_classification() -> Example:
    class GAT(keras.Model):
        """Runs over the whole graph in each step; the batch says whose loss counts."""

        def __init__(self):
            super().__init__()
            self.node_states, self.edges = tf.constant(NODE_STATES), tf.constant(EDGES)
            self.preprocess, self.output_layer = layers.Dense(8, "relu"), layers.Dense(4)
            self.attention_layers = [GraphAttention(8) for _ in range(2)]

        def call(self, inputs):
            x = self.preprocess(inputs[0])
            for layer in self.attention_layers:
                x = tf.nn.relu(layer([x, inputs[1]])) + x
            return self.output_layer(x)

        def train_step(self, data):
            indices, labels = data
            with tf.GradientTape() as tape:
                outputs = tf.gather(self([self.node_states, self.edges]), indices)
                loss = self.compute_loss(y=labels, y_pred=outputs)
            step_on(self, tape, loss, self.trainable_variables)
            for metric in self.metrics:
                metric.update_state(loss) if metric.name == "loss" else metric.update_state(labels, outputs)
            return {m.name: m.result() for m in self.metrics}

    def build() -> keras.Model:
        model = GAT()
        optimizer = keras.optimizers.SGD(0.3, momentum=0.9)
        model.compile(loss=SPARSE_LOGITS, optimizer=optimizer, metrics=["accuracy"])
        return model

    return Example(build, lambda: {"x": PAPERS, "y": PAPERS % 4})


@example("graph/gnn_citations")
def gnn_citations() -> Example:
    class GNN(keras.Model):
        """The inputs are the numbers of nodes; the graph is part of the model."""

        def __init__(self):
            super().__init__()
            self.edges, self.features = tf.constant(EDGES.T), tf.constant(NODE_STATES)
            self.preprocess = keras.Sequential([layers.BatchNormalization(), layers.Dropout(0.2), layers.Dense(8)])
            self.prepare, self.update = layers.Dense(8, "gelu"), layers.Dense(8, "gelu")
            self.out = layers.Dense(4)

        def call(self, indices):
            x = self.preprocess(self.features)
            messages = self.prepare(tf.gather(x, self.edges[1]))
            gathered = tf.math.unsorted_segment_sum(messages, self.edges[0], NODES)
            x = x + self.update(tf.concat([x, gathered], axis=1))
            return self.out(tf.gather(x, indices))

    def build() -> keras.Model:
        model = GNN()
        metrics = [keras.metrics.SparseCategoricalAccuracy(name="acc")]
        model.compile(keras.optimizers.Adam(0.01), SPARSE_LOGITS, metrics=metrics)
        return model

    return Example(build, lambda: {"x": PAPERS, "y": PAPERS % 4})


@example("graph/node2vec_movielens")
def node2vec_movielens() -> Example:
    def build() -> keras.Model:
        target, context = keras.Input((), name="target", dtype="int32"), keras.Input((), name="context", dtype="int32")
        embed = layers.Embedding(20, 6, embeddings_initializer="he_normal", embeddings_regularizer="l2")
        logits = layers.Dot(axes=1)([embed(target), embed(context)])
        model = keras.Model({"target": target, "context": context}, logits)
        model.compile(keras.optimizers.Adam(0.001), keras.losses.BinaryCrossentropy(from_logits=True))
        return model

    pairs = {"target": classes(20, seed=1), "context": classes(20, seed=2)}
    arrays = pairs, classes(2), np.random.default_rng(0).uniform(0.5, 2, 72).astype("float32")
    return Example(build, lambda: {"x": stream(arrays).prefetch(1)})


@example("graph/mpnn-molecular-graphs")
def mpnn_molecular_graphs() -> Example:
    class Molecules(keras.Model):
        """The molecules of a batch are one large graph: more atoms than labels, and never the same number."""

        def __init__(self):
            super().__init__()
            self.embed, self.message = layers.Dense(8, "relu"), layers.Dense(8)
            self.update, self.head = layers.GRUCell(8), layers.Dense(1, "sigmoid")

        def call(self, inputs):
            atoms, bonds, molecule = inputs
            x = self.embed(atoms)
            for _ in range(2):
                arrived = tf.math.unsorted_segment_sum(
                    tf.gather(self.message(x), bonds[:, 1]), bonds[:, 0], tf.shape(x)[0]
                )
                x, _ = self.update(arrived, x)
            return self.head(tf.math.segment_mean(x, molecule))

    def build() -> keras.Model:
        model = Molecules()
        model.compile(
            loss=keras.losses.BinaryCrossentropy(),
            optimizer=keras.optimizers.Adam(learning_rate=5e-4),
            metrics=[keras.metrics.AUC(name="AUC")],
        )
        return model

    def data() -> dict:
        sizes = 2 + classes(4)
        features = [numbers(size, 5, seed=i) for i, size in enumerate(sizes)]

        def batches():
            for first in range(0, 72, 8):
                rows = range(first, first + 8)
                shifts = np.concatenate([[0], np.cumsum(sizes[first : first + 8])])
                ring = [np.stack([np.arange(sizes[i]), np.roll(np.arange(sizes[i]), 1)], 1) for i in rows]
                bonds = np.concatenate([r + shifts[k] for k, r in enumerate(ring)])
                molecule = np.repeat(np.arange(8), sizes[first : first + 8])
                yield (np.concatenate([features[i] for i in rows]), bonds, molecule), classes(2)[first : first + 8]

        whole = tf.TensorSpec((None,), tf.int64)
        signature = (tf.TensorSpec((None, 5), tf.float32), tf.TensorSpec((None, 2), tf.int64), whole), whole
        return {
            "x": tf.data.Dataset.from_generator(batches, output_signature=signature),
            "class_weight": {0: 2.0, 1: 0.5},
        }

    return Example(build, data)
