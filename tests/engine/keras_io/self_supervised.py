"""Examples of keras.io/examples/vision that override `train_step` to learn from pairs, triples and teachers."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from tests.engine.keras_io.example import (
    REPEATABLE,
    Example,
    Patches,
    Transformer,
    classes,
    convolutions,
    example,
    pictures,
    step_on,
    stream,
)

SPARSE_LOGITS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


class Tracking(keras.Model):
    """A model whose only metric is the mean of the loss."""

    def __init__(self):
        super().__init__()
        self.loss_tracker = keras.metrics.Mean(name="loss")

    @property
    def metrics(self):
        return [self.loss_tracker]

    def tracked(self, loss):
        self.loss_tracker.update_state(loss)
        return {"loss": self.loss_tracker.result()}


def augmenter() -> keras.Sequential:
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.RandomFlip("horizontal"),
            layers.RandomTranslation(0.1, 0.1),
            layers.RandomZoom((-0.3, 0.0), (-0.3, 0.0)),
        ]
    )


@example("vision/simsiam")
def simsiam() -> Example:
    class SimSiam(Tracking):
        def __init__(self, encoder: keras.Model, predictor: keras.Model):
            super().__init__()
            self.encoder, self.predictor = encoder, predictor

        def train_step(self, data):
            def apart(p, z):
                z = tf.math.l2_normalize(tf.stop_gradient(z), axis=1)
                return -tf.reduce_mean(tf.reduce_sum(tf.math.l2_normalize(p, axis=1) * z, axis=1))

            with tf.GradientTape() as tape:
                z = [self.encoder(view) for view in data]
                p = [self.predictor(one) for one in z]
                loss = apart(p[0], z[1]) / 2 + apart(p[1], z[0]) / 2
            step_on(self, tape, loss, self.encoder.trainable_variables + self.predictor.trainable_variables)
            return self.tracked(loss)

    def build() -> keras.Model:
        decay = {"use_bias": False, "kernel_regularizer": keras.regularizers.L2(0.0005)}
        encoder = keras.Sequential(
            [convolutions(), layers.Dense(8, **decay), layers.BatchNormalization(), layers.ReLU()]
        )
        predictor = keras.Sequential(
            [keras.Input((8,)), layers.Dense(4, **decay), layers.ReLU(), layers.BatchNormalization(), layers.Dense(8)]
        )
        model = SimSiam(encoder, predictor)
        schedule = keras.optimizers.schedules.CosineDecay(0.03, 100)
        model.compile(keras.optimizers.SGD(schedule, momentum=0.6))
        return model

    def data() -> dict:
        views = (
            tf.data.Dataset.from_tensor_slices(pictures())
            .shuffle(72, seed=1)
            .map(lambda image, flip=flip: tf.reverse(image, [1]) if flip else image * 0.8)
            .batch(8)
            for flip in (False, True)
        )
        return {"x": tf.data.Dataset.zip(tuple(views))}

    return Example(build, data)


class Contrastive(keras.Model):
    """An encoder trained by one optimizer, and a linear probe of its features trained by another."""

    def __init__(self):
        super().__init__()
        self.contrastive_augmenter, self.classification_augmenter = augmenter(), augmenter()
        self.encoder = convolutions()
        self.projection_head = keras.Sequential([keras.Input((8,)), layers.Dense(8, "relu"), layers.Dense(8)])
        self.linear_probe = keras.Sequential([keras.Input((8,)), layers.Dense(5)])

    def compile(self, contrastive_optimizer, probe_optimizer, **arguments):
        super().compile(**arguments)
        self.contrastive_optimizer, self.probe_optimizer = contrastive_optimizer, probe_optimizer
        self.probe_loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self.contrastive_loss_tracker = keras.metrics.Mean(name="c_loss")
        self.probe_loss_tracker = keras.metrics.Mean(name="p_loss")

    @property
    def metrics(self):
        return [self.contrastive_loss_tracker, self.probe_loss_tracker]

    def contrastive_loss(self, one, two):
        """One value per image: the page never takes their mean."""
        similar = tf.matmul(*(tf.math.l2_normalize(z, axis=1) for z in (one, two)), transpose_b=True) / 0.1
        same = tf.range(tf.shape(one)[0])
        losses = [
            keras.losses.sparse_categorical_crossentropy(same, logits, from_logits=True)
            for logits in (similar, tf.transpose(similar))
        ]
        return (losses[0] + losses[1]) / 2

    def train_step(self, data):
        (unlabeled, _), (labeled, labels) = data
        images = tf.concat((unlabeled, labeled), axis=0)
        views = [self.contrastive_augmenter(images, training=True) for _ in range(2)]
        with tf.GradientTape() as tape:
            projections = [self.projection_head(self.encoder(view, training=True), training=True) for view in views]
            loss = self.contrastive_loss(*projections)
        weights = self.encoder.trainable_weights + self.projection_head.trainable_weights
        gradients = tape.gradient(loss, weights)
        self.contrastive_optimizer.apply_gradients(zip(gradients, weights, strict=True))
        self.contrastive_loss_tracker.update_state(loss)
        labeled = self.classification_augmenter(labeled, training=True)
        with tf.GradientTape() as tape:
            logits = self.linear_probe(self.encoder(labeled, training=False), training=True)
            probe_loss = self.probe_loss(labels, logits)
        gradients = tape.gradient(probe_loss, self.linear_probe.trainable_weights)
        self.probe_optimizer.apply_gradients(zip(gradients, self.linear_probe.trainable_weights, strict=True))
        self.probe_loss_tracker.update_state(probe_loss)
        return {m.name: m.result() for m in self.metrics}


def labeled_and_not() -> dict:
    unlabeled = stream((pictures(seed=5), classes(5, seed=6)), 6)
    return {"x": tf.data.Dataset.zip((unlabeled, stream((pictures(), classes(5)), 4))).prefetch(1)}


def contrastive(kind: type[Contrastive]) -> keras.Model:
    model = kind()
    model.compile(contrastive_optimizer=keras.optimizers.Adam(), probe_optimizer=keras.optimizers.Adam())
    return model


@example("vision/semisupervised_simclr")
def semisupervised_simclr() -> Example:
    return Example(lambda: contrastive(Contrastive), labeled_and_not, {"optimizer": "contrastive_optimizer"})


@example("vision/semisupervised_simclr, its probe")
def probe_of_simclr() -> Example:
    return Example(lambda: contrastive(Contrastive), labeled_and_not, {"optimizer": "probe_optimizer"}, which=1)


@example("vision/nnclr")
def nnclr() -> Example:
    class NNCLR(Contrastive):
        """Each image's nearest neighbour in a queue of earlier features stands in for its other view."""

        def __init__(self):
            super().__init__()
            start = np.random.default_rng(0).normal(size=(20, 8)).astype("float32")
            self.feature_queue = tf.Variable(start / np.linalg.norm(start, axis=1, keepdims=True), trainable=False)

        def contrastive_loss(self, one, two):
            views = [tf.math.l2_normalize(z, axis=1) for z in (one, two)]

            def neighbour(features):
                closest = tf.argmax(tf.matmul(features, self.feature_queue, transpose_b=True), axis=1)
                found = tf.gather(self.feature_queue, closest)
                return features + tf.stop_gradient(found - features)

            pairs = [(neighbour(views[0]), views[1]), (neighbour(views[1]), views[0])]
            logits = [tf.matmul(a, b, transpose_b=True) / 0.1 for a, b in pairs]
            same = tf.concat([tf.range(tf.shape(one)[0])] * 4, axis=0)
            loss = keras.losses.sparse_categorical_crossentropy(
                same, tf.concat([z for pair in logits for z in (pair, tf.transpose(pair))], axis=0), from_logits=True
            )
            self.feature_queue.assign(tf.concat([views[0], self.feature_queue], axis=0)[:20])
            return loss

    return Example(lambda: contrastive(NNCLR), labeled_and_not, {"optimizer": "contrastive_optimizer"})


@example("vision/siamese_network")
def siamese_network() -> Example:
    class Distances(layers.Layer):
        def call(self, anchor, positive, negative):
            return ops.sum(ops.square(anchor - positive), -1), ops.sum(ops.square(anchor - negative), -1)

    class Siamese(Tracking):
        def __init__(self, network: keras.Model):
            super().__init__()
            self.network = network

        def call(self, inputs):
            return self.network(inputs)

        def train_step(self, data):
            with tf.GradientTape() as tape:
                near, far = self.network(data)
                loss = tf.maximum(near - far + 0.5, 0.0)
            step_on(self, tape, loss, self.network.trainable_weights)
            return self.tracked(loss)

    def build() -> keras.Model:
        body = convolutions()
        for layer in body.layers[:1]:
            layer.trainable = False
        embedding = keras.Sequential([body, layers.BatchNormalization(), layers.Dense(6)])
        inputs = [keras.Input((8, 8, 1), name=name) for name in ("anchor", "positive", "negative")]
        model = Siamese(keras.Model(inputs, Distances()(*[embedding(one) for one in inputs])))
        model.compile(keras.optimizers.Adam(0.0001))
        return model

    def data() -> dict:
        anchors, positives, negatives = (tf.data.Dataset.from_tensor_slices(pictures(seed=seed)) for seed in range(3))
        negatives = negatives.shuffle(72, seed=1)
        return {"x": tf.data.Dataset.zip((anchors, positives, negatives)).batch(8)}

    return Example(build, data)


@example("vision/metric_learning")
def metric_learning() -> Example:
    class Pairs(keras.utils.PyDataset):
        """Batches of two pictures of each class: shape ``(2, classes, 8, 8, 1)``."""

        def __len__(self):
            return 9

        def __getitem__(self, index):
            return np.stack([pictures(rows=6, seed=index), pictures(rows=6, seed=100 + index)])

    class Embedding(keras.Model):
        def train_step(self, data):
            if isinstance(data, tuple):
                data = data[0]
            with tf.GradientTape() as tape:
                anchors, positives = self(data[0], training=True), self(data[1], training=True)
                similar = ops.einsum("ae,pe->ap", anchors, positives) / 0.2
                labels = ops.arange(6)
                loss = self.compute_loss(y=labels, y_pred=similar)
            step_on(self, tape, loss, self.trainable_variables)
            for metric in self.metrics:
                metric.update_state(loss) if metric.name == "loss" else metric.update_state(labels, similar)
            return {m.name: m.result() for m in self.metrics}

    class Normalized(layers.Layer):
        def call(self, x):
            return ops.normalize(x, axis=-1)

    def build() -> keras.Model:
        inputs = keras.Input((8, 8, 1))
        model = Embedding(inputs, Normalized()(layers.Dense(6)(convolutions()(inputs))))
        model.compile(keras.optimizers.Adam(1e-3), SPARSE_LOGITS)
        return model

    return Example(build, lambda: {"x": Pairs()})


@example("vision/masked_image_modeling")
def masked_image_modeling() -> Example:
    class WarmUpCosine(keras.optimizers.schedules.LearningRateSchedule):
        def __call__(self, step):
            return 5e-3 * tf.minimum(tf.cast(step, tf.float32) / 10, 1.0)

    class MaskedAutoencoder(keras.Model):
        """Reconstructs the patches that it does not see. Which these are comes from `tf.random`."""

        def __init__(self):
            super().__init__()
            self.augmentation, self.patch_layer = augmenter(), Patches(2)
            self.project, self.place = layers.Dense(8), layers.Embedding(16, 8)
            self.encoder = keras.Sequential([keras.Input((4, 8)), Transformer(8)])
            self.decoder = keras.Sequential(
                [keras.Input((16, 8)), layers.Dense(4), Transformer(4), layers.Flatten(), layers.Dense(64, "sigmoid")]
            )

        def build(self, shape=None):
            self.mask_token = self.add_weight(shape=(1, 4), name="mask_token")
            self.built = True

        def calculate_loss(self, images):
            patches = self.patch_layer(self.augmentation(images, training=True))
            order = tf.argsort(tf.random.uniform((tf.shape(patches)[0], 16)), axis=-1)
            hidden, seen = order[:, :12], order[:, 12:]
            places = tf.broadcast_to(self.place(tf.range(16))[None], (tf.shape(patches)[0], 16, 8))
            embedded = self.project(patches) + places
            found = self.encoder(tf.gather(embedded, seen, batch_dims=1))
            token = tf.broadcast_to(self.project(self.mask_token), (tf.shape(patches)[0], 12, 8))
            masked = token + tf.gather(places, hidden, batch_dims=1)
            decoded = self.decoder(tf.concat([found + tf.gather(places, seen, batch_dims=1), masked], axis=1))
            decoded = self.patch_layer(tf.reshape(decoded, (-1, 8, 8, 1)))
            pair = [tf.gather(x, hidden, batch_dims=1) for x in (patches, decoded)]
            return self.compute_loss(None, *pair), pair

        def train_step(self, images):
            with tf.GradientTape() as tape:
                loss, pair = self.calculate_loss(images)
            parts = [self.project, self.place, self.encoder, self.decoder]
            weights = [self.mask_token, *(v for part in parts for v in part.trainable_variables)]
            step_on(self, tape, loss, weights)
            for metric in self.metrics:
                metric.update_state(loss) if metric.name == "loss" else metric.update_state(*pair)
            return {m.name: m.result() for m in self.metrics}

    def build() -> keras.Model:
        model = MaskedAutoencoder()
        model.build()
        optimizer = keras.optimizers.AdamW(WarmUpCosine(), weight_decay=1e-4)
        model.compile(optimizer, keras.losses.MeanSquaredError(), metrics=["mae"])
        return model

    return Example(build, lambda: {"x": stream(pictures()).prefetch(1)}, expected=REPEATABLE)
