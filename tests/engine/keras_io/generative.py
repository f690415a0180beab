"""Examples of keras.io/examples/generative without an adversary."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from tests.engine.keras_io.example import (
    REPEATABLE,
    Example,
    example,
    numbers,
    pictures,
    step_on,
    stream,
)


class Means(keras.Model):
    """A model with a running mean for each of its losses."""

    def __init__(self, *names: str, **arguments):
        super().__init__(**arguments)
        self.trackers = {name: keras.metrics.Mean(name=name) for name in names}

    @property
    def metrics(self):
        return [*self.trackers.values()]

    def tracked(self, **losses):
        for name, loss in losses.items():
            self.trackers[name].update_state(loss)
        return {name: tracker.result() for name, tracker in self.trackers.items()}


def encoder(outputs: int, width: int = 6) -> keras.Sequential:
    settings = {"activation": "relu", "strides": 2, "padding": "same"}
    return keras.Sequential(
        [keras.Input((8, 8, 1)), layers.Conv2D(width, 3, **settings), layers.Conv2D(width, 3, **settings)]
        + ([layers.Flatten(), layers.Dense(outputs, "relu")] if outputs else [])
    )


def decoder(inputs: int, activation: str | None = "sigmoid") -> keras.Sequential:
    settings = {"activation": "relu", "strides": 2, "padding": "same"}
    return keras.Sequential(
        [
            keras.Input((inputs,)),
            layers.Dense(16, "relu"),
            layers.Reshape((2, 2, 4)),
            layers.Conv2DTranspose(6, 3, **settings),
            layers.Conv2DTranspose(6, 3, **settings),
            layers.Conv2DTranspose(1, 3, activation=activation, padding="same"),
        ]
    )


@example("generative/vae")
def vae() -> Example:
    class Sampling(layers.Layer):
        def __init__(self):
            super().__init__()
            self.seed_generator = keras.random.SeedGenerator(1337)

        def call(self, inputs):
            mean, log_variance = inputs
            return mean + ops.exp(0.5 * log_variance) * keras.random.normal(ops.shape(mean), seed=self.seed_generator)

    class VAE(Means):
        def __init__(self, encoder: keras.Model, decoder: keras.Model):
            super().__init__("total_loss", "reconstruction_loss", "kl_loss")
            self.encoder, self.decoder = encoder, decoder

        def train_step(self, data):
            with tf.GradientTape() as tape:
                mean, log_variance, z = self.encoder(data)
                apart = ops.sum(keras.losses.binary_crossentropy(data, self.decoder(z)), axis=(1, 2))
                reconstruction = ops.mean(apart)
                divergence = -0.5 * (1 + log_variance - ops.square(mean) - ops.exp(log_variance))
                divergence = ops.mean(ops.sum(divergence, axis=1))
                total = reconstruction + divergence
            step_on(self, tape, total, self.trainable_weights)
            return self.tracked(total_loss=total, reconstruction_loss=reconstruction, kl_loss=divergence)

    def build() -> keras.Model:
        inputs = keras.Input((8, 8, 1))
        hidden = encoder(8)(inputs)
        latent = [layers.Dense(2)(hidden), layers.Dense(2)(hidden)]
        model = VAE(keras.Model(inputs, [*latent, Sampling()(latent)]), decoder(2))
        model.compile(optimizer=keras.optimizers.Adam())
        return model

    return Example(build, lambda: {"x": pictures()})


class Diffusion(Means):
    """Tells the noise from the picture, and keeps a moving average of its network's weights."""

    def __init__(self):
        super().__init__("n_loss", "i_loss")
        self.normalizer = layers.Normalization()
        noisy, variance = keras.Input((8, 8, 1)), keras.Input((1, 1, 1))
        waves = ops.concatenate([ops.sin(6.0 * variance), ops.cos(6.0 * variance)], axis=3)
        x = layers.Concatenate()([layers.Conv2D(4, 1)(noisy), layers.UpSampling2D(8)(waves)])
        skip = x = layers.Conv2D(6, 3, padding="same", activation="swish")(x)
        x = layers.BatchNormalization(center=False, scale=False)(layers.AveragePooling2D(2)(x))
        x = layers.UpSampling2D(interpolation="bilinear")(layers.Conv2D(6, 3, padding="same", activation="swish")(x))
        x = layers.Conv2D(1, 1, kernel_initializer="zeros")(layers.Concatenate()([x, skip]))
        self.network = keras.Model([noisy, variance], x)
        self.ema_network = keras.models.clone_model(self.network)

    def noise(self, shape):
        """From Keras's own seed generator, as the page has no other."""
        return keras.random.normal(shape)

    def times(self, shape):
        return keras.random.uniform(shape)

    def train_step(self, images):
        images = self.normalizer(images, training=True)
        noises, times = self.noise((8, 8, 8, 1)), self.times((8, 1, 1, 1))
        angles = ops.arccos(0.95) + times * (ops.arccos(0.02) - ops.arccos(0.95))
        signal, noise = ops.cos(angles), ops.sin(angles)
        mixed = signal * images + noise * noises
        with tf.GradientTape() as tape:
            found = self.network([mixed, noise**2], training=True)
            noise_loss = self.loss(noises, found)
            image_loss = self.loss(images, (mixed - noise * found) / signal)
        step_on(self, tape, noise_loss, self.network.trainable_weights)
        for weight, average in zip(self.network.weights, self.ema_network.weights, strict=True):
            average.assign(0.9 * average + 0.1 * weight)
        return self.tracked(n_loss=noise_loss, i_loss=image_loss)


def diffusion(kind: type[Diffusion]) -> keras.Model:
    model = kind()
    optimizer = keras.optimizers.AdamW(learning_rate=1e-3, weight_decay=1e-4)
    model.compile(optimizer=optimizer, loss=keras.losses.MeanAbsoluteError())
    model.normalizer.adapt(pictures())
    return model


@example("generative/ddim")
def ddim() -> Example:
    # It draws from Keras's global generator, which is another one in each thread.
    data = stream(pictures()).prefetch(1)
    return Example(lambda: diffusion(Diffusion), lambda: {"x": data}, expected=REPEATABLE)


@example("generative/ddpm")
def ddpm() -> Example:
    class FromTensorFlow(Diffusion):
        """Draws from `tf.random`."""

        def noise(self, shape):
            return tf.random.normal(shape)

        def times(self, shape):
            return tf.cast(tf.random.uniform(shape, 0, 10, dtype=tf.int64), tf.float32) / 10

    return Example(lambda: diffusion(FromTensorFlow), lambda: {"x": stream(pictures())}, expected=REPEATABLE)


@example("generative/vq_vae")
def vq_vae() -> Example:
    class VectorQuantizer(layers.Layer):
        """The nearest of a few codes, with the gradient passed straight through. The codes are a `tf.Variable`."""

        def __init__(self, codes: int, width: int):
            super().__init__()
            start = np.random.default_rng(0).uniform(-0.5, 0.5, (width, codes)).astype("float32")
            self.embeddings = tf.Variable(start, trainable=True, name="embeddings")

        def call(self, x):
            flat = tf.reshape(x, (-1, x.shape[-1]))
            away = tf.reduce_sum(flat**2, 1, keepdims=True) + tf.reduce_sum(self.embeddings**2, 0)
            nearest = tf.argmin(away - 2 * tf.matmul(flat, self.embeddings), axis=1)
            one_hot = tf.one_hot(nearest, self.embeddings.shape[1])
            quantized = tf.reshape(tf.matmul(one_hot, self.embeddings, transpose_b=True), tf.shape(x))
            commitment = 0.25 * tf.reduce_mean((tf.stop_gradient(quantized) - x) ** 2)
            self.add_loss(commitment + tf.reduce_mean((quantized - tf.stop_gradient(x)) ** 2))
            return x + tf.stop_gradient(quantized - x)

    class Trainer(Means):
        def __init__(self, vqvae: keras.Model, variance: float):
            super().__init__("loss", "reconstruction_loss", "vqvae_loss")
            self.vqvae, self.variance = vqvae, variance

        def train_step(self, x):
            with tf.GradientTape() as tape:
                found = self.vqvae(x)
                reconstruction = tf.reduce_mean((x - found) ** 2) / self.variance
                total = reconstruction + sum(self.vqvae.losses)
            step_on(self, tape, total, self.vqvae.trainable_variables)
            return self.tracked(loss=total, reconstruction_loss=reconstruction, vqvae_loss=sum(self.vqvae.losses))

    def build() -> keras.Model:
        inputs = keras.Input((8, 8, 1))
        x = VectorQuantizer(6, 4)(layers.Conv2D(4, 1)(encoder(0)(inputs)))
        x = layers.Conv2DTranspose(6, 3, activation="relu", strides=2, padding="same")(x)
        outputs = layers.Conv2DTranspose(1, 3, strides=2, padding="same")(x)
        model = Trainer(keras.Model(inputs, outputs), float(pictures().var()))
        model.compile(optimizer=keras.optimizers.Adam())
        return model

    return Example(build, lambda: {"x": pictures() - 0.5})


@example("generative/pixelcnn")
def pixelcnn() -> Example:
    class MaskedConvolution(layers.Layer):
        """Sets the weights that would see later pixels to zero, each time that it is called."""

        def __init__(self, kind: str, **settings):
            super().__init__()
            self.kind, self.conv = kind, layers.Conv2D(**settings)

        def build(self, shape):
            self.conv.build(shape)
            kernel = self.conv.kernel.shape
            self.mask = np.zeros(kernel, "float32")
            self.mask[: kernel[0] // 2] = 1
            self.mask[kernel[0] // 2, : kernel[1] // 2 + (self.kind == "B")] = 1

        def call(self, inputs):
            self.conv.kernel.assign(self.conv.kernel * self.mask)
            return self.conv(inputs)

    def build() -> keras.Model:
        inputs = keras.Input((8, 8, 1))
        x = MaskedConvolution("A", filters=6, kernel_size=5, activation="relu", padding="same")(inputs)
        before = x
        x = MaskedConvolution("B", filters=3, kernel_size=3, activation="relu", padding="same")(
            layers.Conv2D(6, 1, activation="relu")(layers.ReLU()(x))
        )
        x = layers.add([before, layers.Conv2D(6, 1, activation="relu")(x)])
        model = keras.Model(inputs, layers.Conv2D(1, 1, activation="sigmoid")(x))
        model.compile(keras.optimizers.Adam(0.0005), "binary_crossentropy")
        return model

    dots = (pictures() > 0.5).astype("float32")
    return Example(build, lambda: {"x": dots, "y": dots})


@example("generative/real_nvp")
def real_nvp() -> Example:
    class RealNVP(Means):
        """A flow: invertible layers, trained by the likelihood of what comes out."""

        def __init__(self, count: int):
            super().__init__("loss")
            self.masks = np.array([[0, 1], [1, 0]] * (count // 2), "float32")
            self.couplings = []
            for _ in range(count):
                inputs, decay = keras.Input((2,)), {"kernel_regularizer": keras.regularizers.L2(0.01)}
                hidden = [layers.Dense(8, "relu", **decay)(inputs) for _ in range(2)]
                outputs = [layers.Dense(2, a, **decay)(h) for a, h in zip(("tanh", None), hidden, strict=True)]
                self.couplings.append(keras.Model(inputs, outputs))

        def call(self, x):
            volume = 0.0
            for mask, coupling in zip(self.masks, self.couplings, strict=True):
                scale, shift = (part * (1 - mask) for part in coupling(x * mask))
                x = (1 - mask) * (x - shift) * tf.exp(-scale) + x * mask
                volume -= tf.reduce_sum(scale, 1)
            return x, volume

        def train_step(self, data):
            with tf.GradientTape() as tape:
                y, volume = self(data)
                loss = tf.reduce_mean(0.5 * tf.reduce_sum(y**2, 1) + np.log(2 * np.pi) - volume)
            step_on(self, tape, loss, self.trainable_variables)
            return self.tracked(loss=loss)

    def build() -> keras.Model:
        model = RealNVP(4)
        model.compile(optimizer=keras.optimizers.Adam(0.0001))
        return model

    return Example(build, lambda: {"x": numbers(72, 2)})


@example("generative/adain")
def adain() -> Example:
    class NeuralStyleTransfer(Means):
        """Only its decoder is trained; the encoder also measures the loss."""

        def __init__(self):
            super().__init__("style_loss", "content_loss", "total_loss")
            self.encoder = encoder(0)
            self.encoder.trainable = False
            self.decoder = keras.Sequential(
                [
                    keras.Input((2, 2, 6)),
                    layers.Conv2D(6, 3, padding="same", activation="relu"),
                    layers.UpSampling2D(4),
                    layers.Conv2D(1, 3, padding="same"),
                ]
            )

        def compile(self, optimizer, loss_fn):
            super().compile()
            self.optimizer, self.loss_fn = optimizer, loss_fn

        def train_step(self, inputs):
            style, content = inputs

            def moments(x):
                mean, variance = tf.nn.moments(x, axes=[1, 2], keepdims=True)
                return mean, tf.sqrt(variance + 1e-5)

            with tf.GradientTape() as tape:
                features = [self.encoder(x) for x in (style, content)]
                (m, s), (m_content, s_content) = (moments(x) for x in features)
                wanted = s * (features[1] - m_content) / s_content + m
                found = self.encoder(self.decoder(wanted))
                content_loss = self.loss_fn(wanted, found)
                style_loss = sum(self.loss_fn(a, b) for a, b in zip((m, s), moments(found), strict=True))
                total = content_loss + 4.0 * style_loss
            step_on(self, tape, total, self.decoder.trainable_variables)
            return self.tracked(style_loss=style_loss, content_loss=content_loss, total_loss=total)

    def build() -> keras.Model:
        model = NeuralStyleTransfer()
        model.compile(keras.optimizers.Adam(1e-5), keras.losses.MeanSquaredError())
        return model

    styles, contents = (tf.data.Dataset.from_tensor_slices(pictures(seed=seed)) for seed in (1, 2))
    return Example(
        build, lambda: {"x": tf.data.Dataset.zip((styles, contents)).repeat().batch(8)}, fit={"steps_per_epoch": 5}
    )
