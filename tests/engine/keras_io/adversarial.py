"""Examples of keras.io with two networks that train against each other: no learning rate makes such a loss smallest."""

from __future__ import annotations

import keras
import tensorflow as tf
from keras import layers, ops

from tests.engine.keras_io.example import (
    ADVERSARIAL,
    Example,
    classes,
    example,
    one_hot,
    pictures,
    stream,
)

LATENT = 4
CROSSENTROPY = keras.losses.BinaryCrossentropy(from_logits=True)


def discriminator(channels: int = 1) -> keras.Sequential:
    return keras.Sequential(
        [
            keras.Input((8, 8, channels)),
            layers.Conv2D(6, 3, strides=2, padding="same"),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Flatten(),
            layers.Dropout(0.2),
            layers.Dense(1),
        ]
    )


def generator(inputs: int = LATENT) -> keras.Sequential:
    return keras.Sequential(
        [
            keras.Input((inputs,)),
            layers.Dense(64),
            layers.BatchNormalization(),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Reshape((4, 4, 4)),
            layers.Conv2DTranspose(1, 4, strides=2, padding="same", activation="sigmoid"),
        ]
    )


class GAN(keras.Model):
    """A generator and a discriminator, each with an optimizer."""

    def __init__(self, discriminator: keras.Model, generator: keras.Model):
        super().__init__()
        self.discriminator, self.generator = discriminator, generator
        self.seed_generator = keras.random.SeedGenerator(1337)

    def compile(self, d_optimizer, g_optimizer, loss_fn=None):
        super().compile()
        self.d_optimizer, self.g_optimizer, self.loss_fn = d_optimizer, g_optimizer, loss_fn
        self.trackers = [keras.metrics.Mean(name=name) for name in ("d_loss", "g_loss")]

    @property
    def metrics(self):
        return self.trackers

    def latent(self, count):
        return keras.random.normal((count, LATENT), seed=self.seed_generator)

    def stepped(self, optimizer, tape, loss, weights, place):
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        self.trackers[place].update_state(loss)

    def results(self):
        return {m.name: m.result() for m in self.metrics}


def compiled(model: GAN) -> keras.Model:
    model.compile(keras.optimizers.Adam(0.0003), keras.optimizers.Adam(0.0003), CROSSENTROPY)
    return model


@example("generative/dcgan_overriding_train_step")
def dcgan() -> Example:
    class DCGAN(GAN):
        def train_step(self, real):
            count = ops.shape(real)[0]
            images = ops.concatenate([self.generator(self.latent(count)), real], axis=0)
            labels = ops.concatenate([ops.ones((count, 1)), ops.zeros((count, 1))], axis=0)
            labels += 0.05 * tf.random.uniform(tf.shape(labels))
            with tf.GradientTape() as tape:
                loss = self.loss_fn(labels, self.discriminator(images))
            self.stepped(self.d_optimizer, tape, loss, self.discriminator.trainable_weights, 0)
            latent = self.latent(count)
            with tf.GradientTape() as tape:
                loss = self.loss_fn(ops.zeros((count, 1)), self.discriminator(self.generator(latent)))
            self.stepped(self.g_optimizer, tape, loss, self.generator.trainable_weights, 1)
            return self.results()

    return Example(
        lambda: compiled(DCGAN(discriminator(), generator())),
        lambda: {"x": stream(pictures())},
        {"optimizer": "g_optimizer"},
        expected=ADVERSARIAL,
    )


@example("generative/wgan_gp")
def wgan_gp() -> Example:
    class WGAN(GAN):
        def penalty(self, real, fake):
            share = tf.random.uniform((tf.shape(real)[0], 1, 1, 1))
            between = real + share * (fake - real)
            with tf.GradientTape() as tape:
                tape.watch(between)
                said = self.discriminator(between, training=True)
            slope = tape.gradient(said, between)
            return tf.reduce_mean((tf.sqrt(tf.reduce_sum(tf.square(slope), axis=[1, 2, 3]) + 1e-12) - 1.0) ** 2)

        def train_step(self, real):
            count = tf.shape(real)[0]
            for _ in range(2):
                latent = self.latent(count)
                with tf.GradientTape() as tape:
                    fake = self.generator(latent, training=True)
                    said = [tf.reduce_mean(self.discriminator(x, training=True)) for x in (real, fake)]
                    loss = said[1] - said[0] + 10.0 * self.penalty(real, fake)
                self.stepped(self.d_optimizer, tape, loss, self.discriminator.trainable_variables, 0)
            latent = self.latent(count)
            with tf.GradientTape() as tape:
                loss = -tf.reduce_mean(self.discriminator(self.generator(latent, training=True), training=True))
            self.stepped(self.g_optimizer, tape, loss, self.generator.trainable_variables, 1)
            return self.results()

    return Example(
        lambda: compiled(WGAN(discriminator(), generator())),
        lambda: {"x": pictures()},
        {"optimizer": "d_optimizer"},
        expected=ADVERSARIAL,
    )


@example("generative/conditional_gan")
def conditional_gan() -> Example:
    class ConditionalGAN(GAN):
        def train_step(self, data):
            real, label = data
            count = tf.shape(real)[0]
            as_image = tf.repeat(label, 64, axis=0)
            as_image = tf.reshape(as_image, (-1, 8, 8, 3))
            fake = self.generator(tf.concat([self.latent(count), label], axis=1))
            images = tf.concat([tf.concat([x, as_image], -1) for x in (fake, real)], axis=0)
            labels = tf.concat([tf.ones((count, 1)), tf.zeros((count, 1))], axis=0)
            with tf.GradientTape() as tape:
                loss = self.loss_fn(labels, self.discriminator(images))
            self.stepped(self.d_optimizer, tape, loss, self.discriminator.trainable_weights, 0)
            latent = tf.concat([self.latent(count), label], axis=1)
            with tf.GradientTape() as tape:
                said = self.discriminator(tf.concat([self.generator(latent), as_image], -1))
                loss = self.loss_fn(tf.zeros((count, 1)), said)
            self.stepped(self.g_optimizer, tape, loss, self.generator.trainable_weights, 1)
            return self.results()

    labels = one_hot(classes(3), 3)
    return Example(
        lambda: compiled(ConditionalGAN(discriminator(4), generator(LATENT + 3))),
        lambda: {"x": stream((pictures(), labels))},
        {"optimizer": "g_optimizer"},
        expected=ADVERSARIAL,
    )


@example("generative/cyclegan")
def cyclegan() -> Example:
    def painter() -> keras.Sequential:
        return keras.Sequential(
            [
                keras.Input((8, 8, 1)),
                layers.Conv2D(6, 3, padding="same", activation="relu"),
                layers.GroupNormalization(groups=-1),
                layers.Conv2D(1, 3, padding="same", activation="tanh"),
            ]
        )

    class CycleGAN(keras.Model):
        """Four networks and four optimizers, with one persistent tape."""

        def __init__(self):
            super().__init__()
            self.gen_G, self.gen_F, self.disc_X, self.disc_Y = painter(), painter(), discriminator(), discriminator()

        def call(self, inputs):
            return self.disc_X(inputs), self.disc_Y(inputs), self.gen_G(inputs), self.gen_F(inputs)

        def compile(self, **optimizers):
            super().compile()
            for name, optimizer in optimizers.items():
                setattr(self, name, optimizer)
            self.distance, self.adversarial = keras.losses.MeanAbsoluteError(), keras.losses.MeanSquaredError()

        def train_step(self, batch):
            x, y = batch
            with tf.GradientTape(persistent=True) as tape:
                fake_y, fake_x = self.gen_G(x, training=True), self.gen_F(y, training=True)
                cycles = self.gen_F(fake_y, training=True), self.gen_G(fake_x, training=True)
                said = {
                    "X": [self.disc_X(image, training=True) for image in (x, fake_x)],
                    "Y": [self.disc_Y(image, training=True) for image in (y, fake_y)],
                }
                turned = [10.0 * self.distance(a, b) for a, b in zip((y, x), cycles[::-1], strict=True)]
                losses = {
                    "gen_G": self.adversarial(tf.ones_like(said["Y"][1]), said["Y"][1]) + turned[0],
                    "gen_F": self.adversarial(tf.ones_like(said["X"][1]), said["X"][1]) + turned[1],
                }
                for name in "XY":
                    real, fake = said[name]
                    parts = self.adversarial(tf.ones_like(real), real) + self.adversarial(tf.zeros_like(fake), fake)
                    losses[f"disc_{name}"] = parts * 0.5
            gradients = {
                name: tape.gradient(loss, getattr(self, name).trainable_variables) for name, loss in losses.items()
            }
            for name, found in gradients.items():
                weights = getattr(self, name).trainable_variables
                getattr(self, f"{name}_optimizer").apply_gradients(zip(found, weights, strict=True))
            return losses

    def build() -> keras.Model:
        model = CycleGAN()
        names = ("gen_G", "gen_F", "disc_X", "disc_Y")
        model.compile(**{f"{name}_optimizer": keras.optimizers.Adam(2e-4, beta_1=0.5) for name in names})
        return model

    def data() -> dict:
        return {"x": tf.data.Dataset.zip((stream(pictures()), stream(pictures(seed=9))))}

    return Example(build, data, {"optimizer": "gen_G_optimizer"}, expected=ADVERSARIAL)


@example("generative/gaugan")
def gaugan() -> Example:
    class GauGAN(GAN):
        """Draws a picture after a map of its parts; hinge losses, and the features of the discriminator."""

        def train_step(self, data):
            labels, real = data
            latent = tf.concat([self.latent(tf.shape(real)[0]), labels], axis=1)
            fake = self.generator(latent, training=False)
            with tf.GradientTape() as tape:
                said = [self.discriminator(x, training=True) for x in (real, fake)]
                loss = tf.reduce_mean(tf.nn.relu(1 - said[0])) + tf.reduce_mean(tf.nn.relu(1 + said[1]))
            self.stepped(self.d_optimizer, tape, loss, self.discriminator.trainable_variables, 0)
            self.discriminator.trainable = False
            with tf.GradientTape() as tape:
                fake = self.generator(latent, training=True)
                loss = -tf.reduce_mean(self.discriminator(fake)) + 10.0 * tf.reduce_mean(tf.abs(real - fake))
            self.stepped(self.g_optimizer, tape, loss, self.generator.trainable_variables, 1)
            self.discriminator.trainable = True
            return self.results()

    labels = one_hot(classes(3), 3)
    return Example(
        lambda: compiled(GauGAN(discriminator(), generator(LATENT + 3))),
        lambda: {"x": stream((labels, pictures()))},
        {"optimizer": "g_optimizer"},
        expected=ADVERSARIAL,
    )


@example("generative/gan_ada")
def gan_ada() -> Example:
    class AdaptiveGAN(GAN):
        """One persistent tape, an average of the generator's weights, and as much augmentation as it takes."""

        def __init__(self, discriminator: keras.Model, generator: keras.Model):
            super().__init__(discriminator, generator)
            self.ema_generator = keras.models.clone_model(generator)
            self.probability = tf.Variable(0.0, trainable=False)
            self.flip = layers.RandomFlip("horizontal")

        def augmented(self, images):
            some = keras.random.uniform((tf.shape(images)[0], 1, 1, 1), seed=self.seed_generator)
            return tf.where(some < self.probability, self.flip(images, training=True), images)

        def train_step(self, real):
            real = self.augmented(real)
            latent = self.latent(tf.shape(real)[0])
            with tf.GradientTape(persistent=True) as tape:
                fake = self.augmented(self.generator(latent, training=True))
                said = [self.discriminator(x, training=True) for x in (real, fake)]
                g_loss = self.loss_fn(tf.ones_like(said[1]), said[1])
                d_loss = (
                    self.loss_fn(tf.ones_like(said[0]), said[0]) + self.loss_fn(tf.zeros_like(said[1]), said[1])
                ) / 2
            self.stepped(self.g_optimizer, tape, g_loss, self.generator.trainable_weights, 1)
            self.stepped(self.d_optimizer, tape, d_loss, self.discriminator.trainable_weights, 0)
            sure = tf.reduce_mean(tf.cast(said[0] > 0, tf.float32))
            self.probability.assign(tf.clip_by_value(self.probability + (sure - 0.85) / 10, 0.0, 1.0))
            for weight, average in zip(self.generator.weights, self.ema_generator.weights, strict=True):
                average.assign(0.99 * average + 0.01 * weight)
            return self.results()

    return Example(
        lambda: compiled(AdaptiveGAN(discriminator(), generator())),
        lambda: {"x": stream(pictures())},
        {"optimizer": "g_optimizer"},
        expected=ADVERSARIAL,
    )
