"""Examples of keras.io that override `train_step` to learn from guesses: a teacher's or their own."""

from __future__ import annotations

import keras
import tensorflow as tf
from keras import layers, ops

from tests.engine.keras_io.example import (
    REPEATABLE,
    Example,
    Transformer,
    classes,
    convolutions,
    example,
    numbers,
    pictures,
    step_on,
    stream,
)
from tests.engine.keras_io.self_supervised import Tracking, augmenter

SPARSE_LOGITS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


@example("vision/consistency_training")
def consistency_training() -> Example:
    class SelfTrainer(keras.Model):
        """A student of noisy pictures learns what a frozen teacher says of the clean ones."""

        def __init__(self, student: keras.Model, teacher: keras.Model):
            super().__init__()
            self.student, self.teacher = student, teacher
            self.student_loss_tracker = keras.metrics.Mean(name="student_loss")
            self.teacher.trainable = False

        def compile(self, optimizer, metrics, student_loss_fn, distillation_loss_fn, temperature):
            super().compile(optimizer=optimizer, metrics=metrics)
            self.student_loss_fn, self.distillation_loss_fn = student_loss_fn, distillation_loss_fn
            self.temperature = temperature

        def train_step(self, data):
            (clean, labels), (noisy, _) = data
            says = self.teacher(clean, training=False)
            with tf.GradientTape() as tape:
                found = self.student(noisy, training=True)
                student_loss = self.student_loss_fn(labels, found)
                softened = [ops.softmax(z / self.temperature, axis=1) for z in (says, found)]
                loss = (student_loss + self.distillation_loss_fn(*softened)) / 2
            step_on(self, tape, loss, self.student.trainable_variables)
            self.student_loss_tracker.update_state(loss)
            for metric in self.metrics:
                if metric.name not in ("loss", "student_loss"):
                    metric.update_state(labels, found)
            return {m.name: m.result() for m in self.metrics}

    def build() -> keras.Model:
        student = keras.Sequential([convolutions(), layers.BatchNormalization(), layers.Dropout(0.5), layers.Dense(5)])
        model = SelfTrainer(student, keras.Sequential([convolutions(width=12), layers.Dense(5)]))
        model.compile(
            keras.optimizers.Adam(),
            [keras.metrics.SparseCategoricalAccuracy(name="acc")],
            SPARSE_LOGITS,
            keras.losses.KLDivergence(),
            temperature=10,
        )
        return model

    def data() -> dict:
        clean = stream((pictures(), classes(5)))
        return {"x": tf.data.Dataset.zip((clean, clean.map(lambda x, y: (tf.image.flip_left_right(x) * 0.9, y))))}

    return Example(build, data)


@example("vision/adamatch")
def adamatch() -> Example:
    class AdaMatch(keras.Model):
        """Learns from labelled pictures of one kind and from confident guesses about pictures of another."""

        def __init__(self, model: keras.Model):
            super().__init__()
            self.model = model
            self.weight = tf.Variable(0.0, trainable=False)
            self.loss_tracker = keras.metrics.Mean(name="loss")

        @property
        def metrics(self):
            return [self.loss_tracker]

        def train_step(self, data):
            (source_weak, source_strong, labels), (target_weak, target_strong) = data
            # Its weight of the second loss grows from batch to batch.
            self.weight.assign_add(0.1)
            with tf.GradientTape() as tape:
                both = self.model(tf.concat([source_weak, source_strong, target_weak, target_strong], 0), training=True)
                source, target = tf.split(both, 2)
                alone = self.model(tf.concat([source_weak, source_strong], 0), training=True)
                mixed = alone + (source - alone) * 0.5
                source_losses = [
                    tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(labels, part, from_logits=True))
                    for part in tf.split(mixed, 2)
                ]
                guess = tf.stop_gradient(tf.nn.softmax(tf.split(target, 2)[0]))
                sure = tf.cast(tf.reduce_max(guess, axis=1) > 0.25, tf.float32)
                entropy = keras.losses.sparse_categorical_crossentropy(
                    tf.argmax(guess, axis=1), tf.split(target, 2)[1], from_logits=True
                )
                loss = source_losses[0] + source_losses[1] + self.weight * tf.reduce_mean(entropy * sure)
            step_on(self, tape, loss, self.model.trainable_variables)
            self.loss_tracker.update_state(loss)
            return {"loss": self.loss_tracker.result()}

    def build() -> keras.Model:
        body = keras.Sequential([convolutions(), layers.BatchNormalization(), layers.Dense(4)])
        model = AdaMatch(body)
        model.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.03, 100, 0.25)))
        return model

    def data() -> dict:
        source = stream((pictures(), 1 - pictures(), classes(4)), 4)
        target = stream((pictures(seed=7), 1 - pictures(seed=7)), 4)
        return {"x": tf.data.Dataset.zip((source, target))}

    return Example(build, data)


@example("vision/barlow_twins")
def barlow_twins() -> Example:
    class BarlowLoss(keras.losses.Loss):
        """The correlation of the features of two views should be the identity."""

        def call(self, one, two):
            one, two = ((z - tf.reduce_mean(z, 0)) / (tf.math.reduce_std(z, 0) + 1e-6) for z in (one, two))
            correlation = tf.matmul(one, two, transpose_a=True) / tf.cast(tf.shape(one)[0], tf.float32)
            weight = tf.eye(8) + 5e-3 * (1 - tf.eye(8))
            return tf.reduce_sum(tf.square(correlation - tf.eye(8)) * weight)

    class BarlowTwins(Tracking):
        def __init__(self):
            super().__init__()
            self.encoder = keras.Sequential([convolutions(), layers.Dense(8), layers.BatchNormalization()])

        def train_step(self, batch):
            with tf.GradientTape() as tape:
                one, two = (self.encoder(view, training=True) for view in batch)
                loss = self.loss(one, two)
            step_on(self, tape, loss, self.encoder.trainable_variables)
            return self.tracked(loss)

    def build() -> keras.Model:
        model = BarlowTwins()
        model.compile(keras.optimizers.Lamb(), BarlowLoss())
        return model

    return Example(build, lambda: {"x": stream((pictures(), pictures() * 0.8 + 0.1))})


@example("other/swav")
def swav() -> Example:
    class SwAV(Tracking):
        """Views of a picture predict each other's cluster. The clusters' directions are normalized in each step."""

        def __init__(self):
            super().__init__()
            self.augment, self.encoder = augmenter(), convolutions()
            self.prototypes = layers.Dense(6, use_bias=False)
            self.prototypes.build((None, 8))

        def train_step(self, images):
            self.prototypes.kernel.assign(tf.math.l2_normalize(self.prototypes.kernel, axis=0))
            with tf.GradientTape() as tape:
                views = [self.augment(images, training=True) for _ in range(2)]
                scores = [self.prototypes(tf.math.l2_normalize(self.encoder(v, training=True), 1)) for v in views]
                loss = 0.0
                for here, there in (scores, scores[::-1]):
                    code = tf.stop_gradient(tf.nn.softmax(tf.exp(here / 0.5) / tf.reduce_sum(tf.exp(here / 0.5), 0)))
                    loss -= tf.reduce_mean(tf.reduce_sum(code * tf.nn.log_softmax(there / 0.1), axis=1)) / 2
            step_on(self, tape, loss, self.encoder.trainable_variables + self.prototypes.trainable_variables)
            return self.tracked(loss)

    def build() -> keras.Model:
        model = SwAV()
        model.compile(keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.1, 100), momentum=0.9))
        return model

    return Example(build, lambda: {"x": stream(pictures())})


@example("proposed/ijepa")
def ijepa() -> Example:
    class IJEPA(keras.Model):
        """Predicts the features of hidden patches from those of seen ones. Which are hidden comes from `tf.random`."""

        def __init__(self):
            super().__init__()
            self.context, self.target = Transformer(8, dropout=0.0), Transformer(8, dropout=0.0)
            self.predictor = keras.Sequential([layers.Dense(8, "gelu"), layers.Dense(8)])

        def train_step(self, data):
            x, _ = data
            with tf.GradientTape() as tape:
                order = tf.argsort(tf.random.uniform((tf.shape(x)[0], 8)), axis=-1)
                hidden, seen = (tf.gather(x, part, batch_dims=1) for part in (order[:, :4], order[:, 4:]))
                pair = self.predictor(self.context(seen)), self.target(hidden)
                pair = [tf.math.l2_normalize(z, axis=-1) for z in pair]
                loss = -tf.reduce_mean(tf.reduce_sum(pair[0] * pair[1], axis=-1))
            step_on(self, tape, loss, self.trainable_variables)
            return {"loss": loss}

    def build() -> keras.Model:
        model = IJEPA()
        model.compile(optimizer=keras.optimizers.Adam(0.001))
        return model

    return Example(build, lambda: {"x": stream((numbers(72, 8, 8), classes(5)))}, expected=REPEATABLE)
