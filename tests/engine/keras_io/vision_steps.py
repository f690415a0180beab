"""More examples of keras.io/examples/vision that override `train_step`."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from tests.engine.keras_io.example import (
    Example,
    Transformer,
    classes,
    convolutions,
    example,
    numbers,
    pictures,
    step_on,
    stream,
    tokens,
)
from tests.engine.keras_io.self_supervised import Tracking

SPARSE_LOGITS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


@example("vision/nerf")
def nerf() -> Example:
    def rendered(model, rays, depths):
        found = tf.reshape(model(rays), (-1, 4, 4, 3, 4))
        colour, density = tf.sigmoid(found[..., :-1]), tf.nn.relu(found[..., -1])
        gaps = tf.concat([depths[..., 1:] - depths[..., :-1], 1e10 * tf.ones_like(depths[..., :1])], axis=-1)
        alpha = 1.0 - tf.exp(-density * gaps)
        weight = alpha * tf.math.cumprod(1.0 - alpha + 1e-10, axis=-1, exclusive=True)
        return tf.reduce_sum(weight[..., None] * colour, axis=-2)

    class NeRF(keras.Model):
        """Sets its optimizer itself, after `compile` without arguments."""

        def __init__(self, nerf_model: keras.Model):
            super().__init__()
            self.nerf_model = nerf_model

        def compile(self, optimizer, loss_fn):
            super().compile()
            self.optimizer, self.loss_fn = optimizer, loss_fn
            self.loss_tracker, self.psnr_metric = keras.metrics.Mean(name="loss"), keras.metrics.Mean(name="psnr")

        @property
        def metrics(self):
            return [self.loss_tracker, self.psnr_metric]

        def train_step(self, inputs):
            images, (rays, depths) = inputs
            with tf.GradientTape() as tape:
                colours = rendered(self.nerf_model, rays, depths)
                loss = self.loss_fn(images, colours)
            step_on(self, tape, loss, self.nerf_model.trainable_variables)
            self.loss_tracker.update_state(loss)
            self.psnr_metric.update_state(tf.image.psnr(images, colours, max_val=1.0))
            return {m.name: m.result() for m in self.metrics}

    def build() -> keras.Model:
        inputs = keras.Input((48, 9))
        x = layers.Dense(8, "relu")(layers.concatenate([layers.Dense(8, "relu")(inputs), inputs]))
        model = NeRF(keras.Model(inputs, layers.Dense(4)(x)))
        model.compile(keras.optimizers.Adam(), keras.losses.MeanSquaredError())
        return model

    depths = np.sort(np.random.default_rng(0).uniform(2, 6, (72, 4, 4, 3)).astype("float32"))
    images = pictures(4, 3)
    return Example(build, lambda: {"x": stream((images, (numbers(72, 48, 9), depths)))})


@example("vision/image_captioning")
def image_captioning() -> Example:
    class Captioning(keras.Model):
        """Takes one step of the optimizer for each of two captions of a picture."""

        def __init__(self):
            super().__init__()
            self.cnn_model = convolutions(3)
            self.cnn_model.trainable = False
            self.encoder = layers.Dense(8, "relu")
            self.embedding, self.decoder = layers.Embedding(12, 8), Transformer(8, causal=True)
            self.out = layers.Dense(12)
            self.loss_tracker = keras.metrics.Mean(name="loss")

        @property
        def metrics(self):
            return [self.loss_tracker]

        def train_step(self, batch):
            images, captions = batch
            features, total = self.cnn_model(images), 0.0
            for i in range(2):
                with tf.GradientTape() as tape:
                    picture = self.encoder(features)
                    said, wanted = captions[:, i, :-1], captions[:, i, 1:]
                    logits = self.out(self.decoder(self.embedding(said) + picture[:, None], training=True))
                    mask = tf.cast(said != 0, tf.float32)
                    loss = tf.reduce_sum(self.loss(wanted, logits) * mask) / tf.reduce_sum(mask)
                total += loss
                parts = (self.encoder, self.embedding, self.decoder, self.out)
                step_on(self, tape, loss, [v for part in parts for v in part.trainable_variables])
            self.loss_tracker.update_state(total)
            return {"loss": self.loss_tracker.result()}

    def build() -> keras.Model:
        model = Captioning()
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="none")
        model.compile(keras.optimizers.Adam(), loss)
        return model

    captions = np.stack([tokens(12, 6, seed=seed) for seed in (1, 2)], 1)
    return Example(build, lambda: {"x": stream((pictures(8, 3), captions))}, {"loss": "loss"})


@example("vision/forwardforward")
def forwardforward() -> Example:
    class Local(layers.Layer):
        """A dense layer that trains itself, with an optimizer of its own."""

        def __init__(self, units: int):
            super().__init__()
            self.dense, self.relu = layers.Dense(units), layers.ReLU()
            self.optimizer = keras.optimizers.Adam(0.03)
            self.loss_metric = keras.metrics.Mean()

        def call(self, x):
            return self.relu(self.dense(x / (tf.norm(x, axis=1, keepdims=True) + 1e-4)))

        def trained(self, right, wrong):
            for _ in range(2):
                with tf.GradientTape() as tape:
                    good = tf.reduce_mean(tf.pow(self.call(right), 2), 1)
                    bad = tf.reduce_mean(tf.pow(self.call(wrong), 2), 1)
                    loss = tf.reduce_mean(tf.math.log(1 + tf.exp(tf.concat([1.5 - good, bad - 1.5], 0))))
                self.loss_metric.update_state(loss)
                weights = self.dense.trainable_weights
                self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
            return (*(tf.stop_gradient(self.call(x)) for x in (right, wrong)), self.loss_metric.result())

    class ForwardForward(keras.Model):
        def __init__(self):
            super().__init__()
            self.loss_sum, self.loss_count = (tf.Variable(0.0, trainable=False) for _ in range(2))
            self.parts = [Local(12), Local(8)]

        def train_step(self, data):
            x, y = data
            right = tf.concat([tf.one_hot(y, 5), x], axis=1)
            wrong = tf.concat([tf.one_hot(tf.random.shuffle(y), 5), x], axis=1)
            for part in self.parts:
                right, wrong, loss = part.trained(right, wrong)
                self.loss_sum.assign_add(loss)
                self.loss_count.assign_add(1.0)
            return {"FinalLoss": self.loss_sum / self.loss_count}

    def build() -> keras.Model:
        model = ForwardForward()
        # `compile` gets an optimizer that never steps.
        model.compile(keras.optimizers.Adam(0.03), "mse")
        return model

    # No attribute of the model holds an optimizer that steps.
    refused = "refused: `optimizer`|step"
    return Example(build, lambda: {"x": stream((pictures().reshape(72, 64), classes(5)))}, expected=refused)


@example("vision/depth_estimation")
def depth_estimation() -> Example:
    class DepthEstimation(Tracking):
        def __init__(self):
            super().__init__()
            self.down = layers.Conv2D(6, 3, strides=2, padding="same")
            self.norm, self.relu = layers.BatchNormalization(), layers.LeakyReLU(negative_slope=0.2)
            self.up, self.out = layers.UpSampling2D(), layers.Conv2D(1, 1, activation="tanh")

        def call(self, x):
            return self.out(self.up(self.relu(self.norm(self.down(x)))))

        def calculate_loss(self, target, found):
            edges = [tf.image.image_gradients(image) for image in (target, found)]
            smooth = sum(
                tf.reduce_mean(tf.abs(e * tf.exp(tf.reduce_mean(tf.abs(w))))) for w, e in zip(*edges, strict=True)
            )
            alike = tf.reduce_mean(1 - tf.image.ssim(target, found, max_val=1.0, filter_size=3))
            return 0.85 * alike + 0.1 * tf.reduce_mean(tf.abs(target - found)) + 0.9 * smooth

        def train_step(self, batch):
            images, target = batch
            with tf.GradientTape() as tape:
                loss = self.calculate_loss(target, self(images, training=True))
            step_on(self, tape, loss, self.trainable_variables)
            return self.tracked(loss)

    def build() -> keras.Model:
        model = DepthEstimation()
        model.compile(keras.optimizers.SGD(0.002, nesterov=False), keras.losses.SparseCategoricalCrossentropy())
        return model

    class Depths(keras.utils.PyDataset):
        def __len__(self):
            return 9

        def __getitem__(self, index):
            rows = slice(8 * index, 8 * index + 8)
            return pictures(8, 3)[rows], pictures()[rows]

    return Example(build, lambda: {"x": Depths()})


@example("vision/zero_dce")
def zero_dce() -> Example:
    class ZeroDCE(keras.Model):
        """Brightens pictures. Its loss has four parts and needs no labels."""

        def __init__(self):
            super().__init__()
            self.dce_model = keras.Sequential(
                [
                    keras.Input((8, 8, 3)),
                    layers.Conv2D(6, 3, padding="same", activation="relu"),
                    layers.Conv2D(6, 3, padding="same", activation="tanh"),
                ]
            )

        def compile(self, learning_rate, **arguments):
            super().compile(**arguments)
            self.optimizer = keras.optimizers.Adam(learning_rate)
            self.trackers = {name: keras.metrics.Mean(name=name) for name in ("total_loss", "colour", "exposure")}

        @property
        def metrics(self):
            return [*self.trackers.values()]

        def train_step(self, images):
            with tf.GradientTape() as tape:
                curves = self.dce_model(images)
                better = images
                for part in tf.split(curves, 2, axis=-1):
                    better = better + part * (tf.square(better) - better)
                means = tf.reduce_mean(better, axis=(1, 2))
                colour = 5 * tf.reduce_mean(tf.sqrt(tf.reduce_sum((means - tf.roll(means, 1, 1)) ** 2, -1) + 1e-9))
                exposure = 10 * tf.reduce_mean((tf.nn.avg_pool2d(better, 4, 4, "VALID") - 0.6) ** 2)
                smooth = 200 * tf.reduce_mean((curves[:, 1:] - curves[:, :-1]) ** 2)
                losses = {"total_loss": colour + exposure + smooth, "colour": colour, "exposure": exposure}
            step_on(self, tape, losses["total_loss"], self.dce_model.trainable_weights)
            for name, tracker in self.trackers.items():
                tracker.update_state(losses[name])
            return {m.name: m.result() for m in self.metrics}

    def build() -> keras.Model:
        model = ZeroDCE()
        model.compile(learning_rate=1e-4)
        return model

    return Example(build, lambda: {"x": stream(pictures(8, 3))})


@example("vision/edsr")
def edsr() -> Example:
    class EDSRModel(keras.Model):
        """A functional model with a train step of its own."""

        def train_step(self, data):
            x, y = data
            with tf.GradientTape() as tape:
                found = self(x, training=True)
                loss = self.compute_loss(x, y, found)
            step_on(self, tape, loss, self.trainable_variables)
            for metric in self.metrics:
                metric.update_state(loss) if metric.name == "loss" else metric.update_state(y, found)
            return {m.name: m.result() for m in self.metrics}

    class Upsampling(layers.Layer):
        def __init__(self):
            super().__init__()
            self.convolution = layers.Conv2D(12, 3, padding="same")

        def call(self, x):
            return tf.nn.depth_to_space(self.convolution(x), 2)

    def PSNR(wanted, found):
        return tf.image.psnr(found, wanted, max_val=255)[0]

    def build() -> keras.Model:
        inputs = keras.Input((None, None, 3))
        x = first = layers.Conv2D(6, 3, padding="same")(layers.Rescaling(1.0 / 255)(inputs))
        x = layers.Add()(
            [x, layers.Conv2D(6, 3, padding="same")(layers.Conv2D(6, 3, padding="same", activation="relu")(x))]
        )
        x = layers.Conv2D(3, 3, padding="same")(Upsampling()(layers.Add()([first, x])))
        model = EDSRModel(inputs, layers.Rescaling(255.0)(x))
        schedule = keras.optimizers.schedules.PiecewiseConstantDecay([5000], [1e-4, 5e-5])
        model.compile(keras.optimizers.Adam(schedule), loss="mae", metrics=[PSNR])
        return model

    def data() -> dict:
        pairs = tf.data.Dataset.from_tensor_slices((255 * pictures(6, 3), 255 * pictures(12, 3)))

        def turned(low, high):
            times = tf.random.uniform((), 0, 4, dtype=tf.int32, seed=5)
            return tf.image.rot90(low, times), tf.image.rot90(high, times)

        # It never ends.
        return {"x": pairs.map(turned).batch(8).repeat()}

    return Example(build, data, fit={"steps_per_epoch": 4})


@example("vision/xray_classification_with_tpus")
def xray_classification_with_tpus() -> Example:
    def build() -> keras.Model:
        with tf.distribute.MirroredStrategy(["/cpu:0"]).scope():
            x = inputs = keras.Input((8, 8, 3))
            x = layers.Conv2D(6, 3, activation="relu", padding="same")(x)
            x = layers.MaxPool2D()(layers.BatchNormalization()(layers.SeparableConv2D(6, 3, padding="same")(x)))
            x = layers.Dropout(0.3)(layers.Dense(8, "relu")(layers.Flatten()(x)))
            model = keras.Model(inputs, layers.Dense(1, "sigmoid")(x))
            schedule = keras.optimizers.schedules.ExponentialDecay(0.015, 100000, 0.96, staircase=True)
            model.compile(
                keras.optimizers.Adam(schedule), "binary_crossentropy", metrics=[keras.metrics.BinaryAccuracy()]
            )
        return model

    def data() -> dict:
        return {"x": stream((pictures(8, 3), classes(2).astype("float32"))), "class_weight": {0: 1.9, 1: 0.7}}

    return Example(build, data, expected="refused: distribut|strategy")
