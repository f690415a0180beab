"""Examples of keras.io/examples/keras_recipes."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from tests.engine.keras_io.example import Example, classes, convolutions, example, numbers, pictures, step_on, stream

DIGITS = pictures().reshape(72, 64)


@example("keras_recipes/quasi_svm")
def quasi_svm() -> Example:
    class RandomFourierFeatures(layers.Layer):
        """Cosines of random directions, which are drawn once and never trained."""

        def __init__(self, units: int, scale: float):
            super().__init__()
            self.units, self.scale = units, scale

        def build(self, shape):
            normal = keras.initializers.RandomNormal(stddev=1.0 / self.scale)
            self.kernel = self.add_weight(shape=(shape[-1], self.units), initializer=normal, trainable=False)
            uniform = keras.initializers.RandomUniform(0.0, 2 * np.pi)
            self.bias = self.add_weight(shape=(self.units,), initializer=uniform, trainable=False)

        def call(self, inputs):
            return ops.cos(ops.matmul(inputs, self.kernel) + self.bias)

    def build() -> keras.Model:
        model = keras.Sequential([keras.Input((64,)), RandomFourierFeatures(32, 10.0), layers.Dense(10)])
        model.compile(
            keras.optimizers.Adam(1e-3), keras.losses.hinge, metrics=[keras.metrics.CategoricalAccuracy(name="acc")]
        )
        return model

    return Example(build, lambda: {"x": DIGITS, "y": keras.utils.to_categorical(classes(10), 10)})


@example("keras_recipes/antirectifier")
def antirectifier() -> Example:
    class Antirectifier(layers.Layer):
        def build(self, shape):
            self.kernel = self.add_weight(shape=(2 * shape[-1], shape[-1]), initializer="he_normal", name="kernel")

        def call(self, inputs):
            inputs = (
                ops.nn.normalize(inputs - ops.mean(inputs, axis=-1, keepdims=True), axis=-1)
                if hasattr(ops.nn, "normalize")
                else inputs
            )
            return ops.matmul(ops.concatenate([ops.relu(inputs), ops.relu(-inputs)], axis=-1), self.kernel)

    def build() -> keras.Model:
        model = keras.Sequential(
            [
                keras.Input((64,)),
                layers.Dense(12),
                Antirectifier(),
                layers.Dense(12),
                Antirectifier(),
                layers.Dropout(0.5),
                layers.Dense(10),
            ]
        )
        model.compile(
            keras.optimizers.RMSprop(),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=[keras.metrics.SparseCategoricalAccuracy()],
        )
        return model

    return Example(build, lambda: {"x": DIGITS, "y": classes(10)}, fit={"validation_split": 0.15})


@example("keras_recipes/approximating_non_function_mappings")
def approximating_non_function_mappings() -> Example:
    def mixture_loss(y, outputs):
        """Minus the logarithm of the chance of ``y`` under a mixture of three normal distributions."""
        means, spreads, shares = outputs[..., :3], 1e-3 + ops.softplus(outputs[..., 3:6]), outputs[..., 6:]
        log_chance = -0.5 * ((y - means) / spreads) ** 2 - ops.log(spreads) - 0.919
        return -ops.logsumexp(log_chance + ops.log_softmax(shares), axis=-1)

    def build() -> keras.Model:
        model = keras.Sequential([layers.Dense(16, "relu"), layers.Dense(16, "relu"), layers.Dense(9)])
        model.compile(loss=mixture_loss, optimizer="adam")
        return model

    y = np.random.default_rng(0).uniform(-1, 1, (72, 1))
    return Example(build, lambda: {"x": 7 * np.sin(5 * y) + 3 * y, "y": y}, fit={"validation_split": 0.15})


@example("keras_recipes/memory_efficient_embeddings")
def memory_efficient_embeddings() -> Example:
    class QuotientRemainder(layers.Layer):
        """The product of two small tables stands in for one large table."""

        def __init__(self, buckets: int, width: int):
            super().__init__()
            self.buckets = buckets
            self.quotient, self.remainder = (layers.Embedding(buckets, width) for _ in range(2))

        def call(self, index):
            return self.quotient(ops.floor_divide(index, self.buckets)) * self.remainder(ops.mod(index, self.buckets))

    def build() -> keras.Model:
        inputs = {name: keras.Input((), name=name, dtype="int32") for name in ("user", "movie")}
        embedded = [QuotientRemainder(5, 6)(inputs["user"]), layers.Embedding(25, 6)(inputs["movie"])]
        model = keras.Model(inputs, layers.Activation("sigmoid")(layers.Dot(axes=1)(embedded)))
        model.compile(keras.optimizers.Adam(), keras.losses.MeanSquaredError(), metrics=["mae"])
        return model

    rows = {"user": classes(25), "movie": classes(25, seed=2)}, np.linspace(0, 1, 72).astype("float32")
    return Example(build, lambda: {"x": stream(rows)})


@example("keras_recipes/subclassing_conv_layers")
def subclassing_conv_layers() -> Example:
    class Standardized(layers.Conv2D):
        """Sets its own kernel to one with mean 0 and deviation 1, before it is used."""

        def call(self, inputs):
            mean, variance = tf.nn.moments(self.kernel.value, axes=[0, 1, 2], keepdims=True)
            self.kernel.assign((self.kernel - mean) / tf.sqrt(variance + 1e-10))
            return super().call(inputs)

    def build() -> keras.Model:
        model = keras.Sequential(
            [
                keras.Input((8, 8, 1)),
                Standardized(6, 3, activation="relu"),
                layers.MaxPooling2D(),
                Standardized(6, 3, activation="relu"),
                layers.Flatten(),
                layers.Dropout(0.5),
                layers.Dense(10, "softmax"),
            ]
        )
        model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
        return model

    return Example(build, lambda: {"x": pictures(), "y": keras.utils.to_categorical(classes(10), 10)})


@example("keras_recipes/trainer_pattern")
def trainer_pattern() -> Example:
    class Trainer(keras.Model):
        """A train step that is shared by models: the model is an attribute."""

        def __init__(self, model: keras.Model):
            super().__init__()
            self.model = model
            # `compile` makes metrics that only Keras's own step creates; these are the page's own.
            self.loss_tracker = keras.metrics.Mean(name="loss")
            self.accuracy = keras.metrics.SparseCategoricalAccuracy(name="accuracy")

        @property
        def metrics(self):
            return [self.loss_tracker, self.accuracy]

        def train_step(self, data):
            x, y = data
            with tf.GradientTape() as tape:
                found = self.model(x, training=True)
                loss = self.compute_loss(x, y, found)
            step_on(self, tape, loss, self.trainable_variables)
            self.loss_tracker.update_state(loss)
            self.accuracy.update_state(y, found)
            return {m.name: m.result() for m in self.metrics}

        def call(self, x):
            return self.model(x)

    def build() -> keras.Model:
        # Without an input, and with a flat image as float64, as on the page.
        model = Trainer(
            keras.Sequential(
                [layers.Flatten(), layers.Dense(12, "relu"), layers.Dropout(0.2), layers.Dense(10, "softmax")]
            )
        )
        model.compile(keras.optimizers.SGD(), loss="sparse_categorical_crossentropy")
        return model

    return Example(build, lambda: {"x": pictures()[..., 0].astype("float64"), "y": classes(10)})


@example("keras_recipes/endpoint_layer_pattern")
def endpoint_layer_pattern() -> Example:
    class LogisticEndpoint(layers.Layer):
        """Takes the targets as an input and adds the loss."""

        def __init__(self):
            super().__init__()
            self.loss_fn = keras.losses.BinaryCrossentropy(from_logits=True)
            self.accuracy_metric = keras.metrics.BinaryAccuracy(name="accuracy")

        def call(self, logits, targets=None, sample_weight=None):
            if targets is not None:
                self.add_loss(self.loss_fn(targets, logits, sample_weight))
                self.accuracy_metric.update_state(targets, logits, sample_weight)
            return ops.softmax(logits)

    def build() -> keras.Model:
        inputs, targets = keras.Input((3,), name="inputs"), keras.Input((10,), name="targets")
        model = keras.Model(
            {"inputs": inputs, "targets": targets}, LogisticEndpoint()(layers.Dense(10)(inputs), targets)
        )
        model.compile(keras.optimizers.Adam(1e-3))
        return model

    return Example(build, lambda: {"x": {"inputs": numbers(72, 3), "targets": abs(numbers(72, 10)) % 1.0}})


@example("keras_recipes/better_knowledge_distillation")
def better_knowledge_distillation() -> Example:
    class Distiller(keras.Model):
        """Teacher and student see the same mixed pictures. The mix comes with the batch."""

        def __init__(self, student: keras.Model, teacher: keras.Model):
            super().__init__()
            self.student, self.teacher = student, teacher
            self.loss_tracker = keras.metrics.Mean(name="distillation_loss")

        @property
        def metrics(self):
            return [self.loss_tracker]

        def compile(self, optimizer, metrics, distillation_loss_fn, temperature):
            super().compile(optimizer=optimizer, metrics=metrics)
            self.distillation_loss_fn, self.temperature = distillation_loss_fn, temperature

        def train_step(self, data):
            images, _ = data
            says = self.teacher(images, training=False)
            with tf.GradientTape() as tape:
                pair = [tf.nn.softmax(z / self.temperature, 1) for z in (says, self.student(images, training=True))]
                loss = self.distillation_loss_fn(*pair)
            step_on(self, tape, loss, self.student.trainable_variables)
            self.loss_tracker.update_state(loss)
            return {"distillation_loss": self.loss_tracker.result()}

    class WarmUpCosine(keras.optimizers.schedules.LearningRateSchedule):
        """Without `get_config`, as on the page."""

        def __call__(self, step):
            step = tf.cast(step, tf.float32)
            return tf.where(step < 5, 1e-3 * step / 5, 5e-4 * (1 + tf.cos(step / 40)))

    def build() -> keras.Model:
        teacher = keras.Sequential([convolutions(width=12), layers.BatchNormalization(), layers.Dense(5)])
        # It is not frozen: only its weights are left out of the step.
        model = Distiller(
            keras.Sequential([convolutions(width=4), layers.BatchNormalization(), layers.Dense(5)]), teacher
        )
        optimizer = keras.optimizers.AdamW(WarmUpCosine(), weight_decay=1e-4)
        model.compile(optimizer, None, keras.losses.KLDivergence(), temperature=10)
        return model

    def data() -> dict:
        mixed = stream((pictures(), classes(5)))
        return {"x": mixed.map(lambda x, y: (0.7 * x + 0.3 * tf.reverse(x, [0]), y)).prefetch(1)}

    return Example(build, data)


@example("proposed/eikonal")
def eikonal() -> Example:
    def build() -> keras.Model:
        """The loss of a physical law: it contains the network's own slope, so its gradient is of second order."""
        source, receiver = keras.Input((2,), name="source"), keras.Input((2,), name="receiver")
        velocity = keras.Input((1,), name="velocity")
        bell = {"activation": lambda z: tf.math.exp(-(z**2)), "kernel_initializer": "he_normal"}
        body = [layers.Dense(8, **bell), layers.Dense(8, **bell), layers.Dense(1, "sigmoid")]

        class Slope(layers.Layer):
            def __init__(self):
                super().__init__()
                self.body = body

            def call(self, start, end):
                with tf.GradientTape() as tape:
                    tape.watch(end)
                    x = tf.concat([start, end], -1)
                    for layer in self.body:
                        x = layer(x)
                    time = (0.3 + 0.7 * x) * tf.norm(end - start, axis=-1, keepdims=True)
                return tf.norm(tape.gradient(time, end), axis=-1, keepdims=True)

        law = ((Slope()(source, receiver) * velocity) ** 2 - 1.0) / 2
        model = keras.Model({"source": source, "receiver": receiver, "velocity": velocity}, law)
        model.compile(keras.optimizers.Adam(2.5e-3), "mae")
        return model

    uniform = np.random.default_rng(0).uniform
    points = {"source": uniform(size=(72, 2)), "receiver": uniform(size=(72, 2)), "velocity": 1 + uniform(size=(72, 1))}
    return Example(build, lambda: {"x": points, "y": np.zeros(72)})


@example("keras_recipes/reproducibility_recipes")
def reproducibility_recipes() -> Example:
    def build() -> keras.Model:
        model = keras.Sequential(
            [
                layers.Input((8, 8, 1)),
                layers.RandomFlip("horizontal", seed=1),
                layers.Conv2D(6, 3, activation="relu", kernel_initializer=keras.initializers.RandomUniform(seed=2)),
                layers.GlobalAveragePooling2D(),
                layers.Dropout(0.5, seed=3),
                layers.Dense(10, "softmax"),
            ]
        )
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=False)
        return model

    # It goes through the data twice, in another order each time.
    pairs = tf.data.Dataset.from_tensor_slices((pictures(), classes(10)))
    return Example(build, lambda: {"x": pairs.shuffle(72, seed=4).batch(8).repeat(2)})
