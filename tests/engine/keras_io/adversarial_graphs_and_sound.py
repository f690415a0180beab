"""Examples of keras.io with two networks that train against each other, for graphs and for sound."""

from __future__ import annotations

import keras
import tensorflow as tf
from keras import layers, ops

from tests.engine.keras_io.example import (
    ADVERSARIAL,
    Example,
    classes,
    example,
    numbers,
    stream,
    waves,
)

LATENT = 4
CROSSENTROPY = keras.losses.BinaryCrossentropy(from_logits=True)


@example("graph/wgan-graphs")
def wgan_graphs() -> Example:
    class GraphWGAN(keras.Model):
        """Invents small graphs: matrices of bonds and of atoms."""

        def __init__(self):
            super().__init__()
            latent = keras.Input((LATENT,))
            hidden = layers.Dropout(0.2)(layers.Dense(8, "tanh")(latent))
            bonds = layers.Softmax(axis=1)(layers.Reshape((2, 4, 4))(layers.Dense(32)(hidden)))
            atoms = layers.Softmax(axis=2)(layers.Reshape((4, 3))(layers.Dense(12)(hidden)))
            self.generator = keras.Model(latent, [bonds, atoms])
            given = keras.Input((2, 4, 4)), keras.Input((4, 3))
            spread = layers.Lambda(lambda pair: ops.sum(ops.matmul(pair[0], pair[1][:, None]), axis=1))(given)
            pooled = layers.GlobalAveragePooling1D()(layers.Dense(8, "relu")(spread))
            self.discriminator = keras.Model(given, layers.Dense(1)(pooled))
            self.seed_generator = keras.random.SeedGenerator(5)

        def compile(self, optimizer_generator, optimizer_discriminator, **arguments):
            super().compile(**arguments)
            self.optimizer_generator, self.optimizer_discriminator = optimizer_generator, optimizer_discriminator

        def train_step(self, inputs):
            graph_real = inputs[0]
            latent = keras.random.normal((tf.shape(graph_real[0])[0], LATENT), seed=self.seed_generator)
            fake = self.generator(latent, training=True)
            with tf.GradientTape() as tape:
                said = [self.discriminator(graph, training=True) for graph in (graph_real, fake)]
                d_loss = tf.reduce_mean(said[1]) - tf.reduce_mean(said[0])
            weights = self.discriminator.trainable_weights
            self.optimizer_discriminator.apply_gradients(zip(tape.gradient(d_loss, weights), weights, strict=True))
            with tf.GradientTape() as tape:
                g_loss = -tf.reduce_mean(self.discriminator(self.generator(latent, training=True), training=True))
            weights = self.generator.trainable_weights
            self.optimizer_generator.apply_gradients(zip(tape.gradient(g_loss, weights), weights, strict=True))
            return {"loss_gen": g_loss, "loss_dis": d_loss}

    def build() -> keras.Model:
        model = GraphWGAN()
        model.compile(
            optimizer_generator=keras.optimizers.Adam(5e-4), optimizer_discriminator=keras.optimizers.Adam(5e-4)
        )
        return model

    bonds = tf.nn.softmax(numbers(72, 2, 4, 4), axis=1).numpy()
    atoms = tf.nn.softmax(numbers(72, 4, 3), axis=2).numpy()
    return Example(
        build,
        lambda: {"x": stream(((bonds, atoms), classes(2)))},
        {"optimizer": "optimizer_generator"},
        expected=ADVERSARIAL,
    )


@example("audio/melgan_spectrogram_inversion")
def melgan() -> Example:
    class MelGAN(keras.Model):
        """Sound from spectrograms. The discriminator's features also guide the generator."""

        def __init__(self):
            super().__init__()
            self.generator = keras.Sequential(
                [
                    keras.Input((8, 1)),
                    layers.Conv1D(6, 3, padding="same"),
                    layers.LeakyReLU(),
                    layers.Conv1DTranspose(1, 4, strides=2, padding="same", activation="tanh"),
                ]
            )
            sound = keras.Input((16, 1))
            features = layers.LeakyReLU()(layers.Conv1D(6, 5, strides=2, padding="same")(sound))
            self.discriminator = keras.Model(sound, [features, layers.Conv1D(1, 3, padding="same")(features)])

        def compile(self, gen_optimizer, disc_optimizer):
            super().compile()
            self.gen_optimizer, self.disc_optimizer = gen_optimizer, disc_optimizer
            self.gen_loss_tracker = keras.metrics.Mean(name="gen_loss")
            self.disc_loss_tracker = keras.metrics.Mean(name="disc_loss")

        def train_step(self, batch):
            x, y = batch
            squared = keras.losses.MeanSquaredError()
            with tf.GradientTape() as gen_tape, tf.GradientTape() as disc_tape:
                fake = self.generator(x, training=True)
                (real_features, real), (fake_features, said) = self.discriminator(y), self.discriminator(fake)
                alike = tf.reduce_mean(tf.abs(real_features - fake_features))
                gen_loss = squared(tf.ones_like(said), said) + 10 * alike
                disc_loss = squared(tf.ones_like(real), real) + squared(tf.zeros_like(said), said)
            for tape, loss, network, optimizer in (
                (gen_tape, gen_loss, self.generator, self.gen_optimizer),
                (disc_tape, disc_loss, self.discriminator, self.disc_optimizer),
            ):
                weights = network.trainable_weights
                optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
            self.gen_loss_tracker.update_state(gen_loss)
            self.disc_loss_tracker.update_state(disc_loss)
            return {"gen_loss": self.gen_loss_tracker.result(), "disc_loss": self.disc_loss_tracker.result()}

    def build() -> keras.Model:
        model = MelGAN()
        model.compile(*(keras.optimizers.Adam(1e-5, beta_1=0.5, beta_2=0.9, clipnorm=1) for _ in range(2)))
        return model

    return Example(
        build, lambda: {"x": stream((waves(8), waves(16)))}, {"optimizer": "gen_optimizer"}, expected=ADVERSARIAL
    )
