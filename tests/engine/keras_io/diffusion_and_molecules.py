"""Examples of keras.io/examples/generative with a loss that takes noise from `tf.random`."""

from __future__ import annotations

import keras
import tensorflow as tf
from keras import layers, ops

from tests.engine.keras_io.example import REPEATABLE, Example, example, numbers, pictures, step_on, stream


@example("generative/finetune_stable_diffusion")
def finetune_stable_diffusion() -> Example:
    class Trainer(keras.Model):
        """Denoises what a frozen encoder makes of pictures, with texts beside it, and clips each gradient."""

        def __init__(self, diffusion_model: keras.Model, vae: keras.Model):
            super().__init__()
            self.diffusion_model, self.vae = diffusion_model, vae
            self.vae.trainable = False

        def train_step(self, inputs):
            images, text = inputs["images"], inputs["encoded_text"]
            count = tf.shape(images)[0]
            with tf.GradientTape() as tape:
                latents = self.vae(images, training=False) * 0.18215
                noise = tf.random.normal(tf.shape(latents))
                times = tf.random.uniform((count,), 0, 10, dtype=tf.int32)
                share = tf.gather(tf.linspace(0.1, 0.9, 10), times)[:, None, None, None]
                noisy = tf.sqrt(1 - share) * latents + tf.sqrt(share) * noise

                def embedded(time):
                    angles = tf.cast(time, tf.float32) * tf.constant([0.1, 0.5])
                    return tf.concat([tf.cos(angles), tf.sin(angles)], 0)

                embeddings = tf.map_fn(embedded, times, fn_output_signature=tf.float32)
                found = self.diffusion_model([noisy, embeddings, text], training=True)
                loss = self.compute_loss(y=noise, y_pred=found)
            weights = self.diffusion_model.trainable_variables
            gradients = [tf.clip_by_norm(g, 1.0) for g in tape.gradient(loss, weights)]
            self.optimizer.apply_gradients(zip(gradients, weights, strict=True))
            for metric in self.metrics:
                metric.update_state(loss)
            return {m.name: m.result() for m in self.metrics}

    def build() -> keras.Model:
        latent, time, text = keras.Input((4, 4, 2)), keras.Input((4,)), keras.Input((5, 6))
        x = layers.Conv2D(8, 3, padding="same")(latent)
        x = x + layers.Reshape((1, 1, 8))(layers.Dense(8, "swish")(time))
        pixels = layers.Reshape((16, 8))(layers.GroupNormalization(4)(x))
        x = layers.Reshape((4, 4, 8))(pixels + layers.MultiHeadAttention(2, 4)(pixels, text))
        network = keras.Model([latent, time, text], layers.Conv2D(2, 3, padding="same")(x))
        vae = keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(2, 3, strides=2, padding="same")])
        model = Trainer(network, vae)
        optimizer = keras.optimizers.AdamW(1e-5, weight_decay=1e-2, beta_1=0.9, beta_2=0.999, epsilon=1e-8)
        model.compile(optimizer=optimizer, loss="mse")
        return model

    def data() -> dict:
        return {"x": stream({"images": pictures(8, 3), "encoded_text": numbers(72, 5, 6)}).prefetch(1)}

    return Example(build, data, expected=REPEATABLE)


@example("generative/molecule_generation")
def molecule_generation() -> Example:
    class Sampling(layers.Layer):
        def call(self, inputs):
            mean, log_variance = inputs
            return mean + tf.exp(0.5 * log_variance) * tf.random.normal(tf.shape(mean))

    class Molecules(keras.Model):
        """A VAE of graphs with a gradient penalty. It makes a layer in each call, and notes the size of its batch."""

        def __init__(self):
            super().__init__()
            bonds, atoms = keras.Input((2, 4, 4)), keras.Input((4, 3))
            spread = ops.sum(ops.matmul(bonds, ops.expand_dims(atoms, 1)), axis=1)
            hidden = layers.GlobalAveragePooling1D()(layers.Dense(8, "relu", use_bias=False)(spread))
            self.encoder = keras.Model([bonds, atoms], [layers.Dense(3)(hidden), layers.Dense(3)(hidden)])
            latent = keras.Input((3,))
            x = layers.Dropout(0.2)(layers.Dense(8, "tanh")(latent))
            made = layers.Reshape((2, 4, 4))(layers.Dense(32)(x))
            made = layers.Softmax(axis=1)((made + ops.transpose(made, (0, 1, 3, 2))) / 2)
            kinds = layers.Softmax(axis=2)(layers.Reshape((4, 3))(layers.Dense(12)(x)))
            self.decoder = keras.Model(latent, [made, kinds])
            self.property_prediction_layer = layers.Dense(1)
            self.train_total_loss_tracker = keras.metrics.Mean(name="train_total_loss")

        def call(self, inputs):
            mean, log_variance = self.encoder(inputs)
            made = self.decoder(Sampling()([mean, log_variance]))
            return mean, log_variance, self.property_prediction_layer(mean), *made

        def penalty(self, real, made):
            share = tf.random.uniform((self.batch_size,))
            between = [
                a * tf.reshape(share, shape) + b * (1 - tf.reshape(share, shape))
                for a, b, shape in zip(real, made, ((-1, 1, 1, 1), (-1, 1, 1)), strict=True)
            ]
            with tf.GradientTape() as tape:
                tape.watch(between)
                said = self(between, training=True)[2]
            slopes = tape.gradient(said, between)
            return sum(tf.reduce_mean((1 - tf.norm(slope + 1e-6, axis=i)) ** 2) for i, slope in enumerate(slopes, 1))

        def train_step(self, data):
            *real, goodness = data[0]
            self.batch_size = tf.shape(goodness)[0]
            with tf.GradientTape() as tape:
                mean, log_variance, guess, *made = self(real, training=True)
                losses = [
                    tf.reduce_mean(keras.losses.categorical_crossentropy(a, b, axis=axis))
                    for a, b, axis in zip(real, made, (1, 2), strict=True)
                ]
                losses.append(-0.5 * tf.reduce_mean(1 + log_variance - tf.square(mean) - tf.exp(log_variance)))
                losses.append(tf.reduce_mean(keras.losses.binary_crossentropy(goodness, guess, from_logits=True)))
                loss = sum(losses) + self.penalty(real, made)
            step_on(self, tape, loss, self.trainable_weights)
            self.train_total_loss_tracker.update_state(loss)
            return {"loss": self.train_total_loss_tracker.result()}

    def build() -> keras.Model:
        model = Molecules()
        model.compile(keras.optimizers.Adam(learning_rate=5e-4))
        return model

    bonds = tf.nn.softmax(numbers(72, 2, 4, 4), axis=1).numpy()
    atoms = tf.nn.softmax(numbers(72, 4, 3), axis=2).numpy()
    goodness = abs(numbers(72, 1)) % 1.0
    # One tuple of arrays, as `fit` gives a list of inputs without targets.
    return Example(build, lambda: {"x": [bonds, atoms, goodness]}, expected=REPEATABLE)
