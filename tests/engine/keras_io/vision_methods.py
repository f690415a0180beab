"""Examples of keras.io/examples/vision that are about an optimizer, a loss or a regularizer of their own."""

from __future__ import annotations

import keras
import tensorflow as tf
from keras import layers, ops

from tests.engine.keras_io.example import (
    Example,
    Patches,
    Transformer,
    classes,
    convolutions,
    example,
    numbers,
    pictures,
    stream,
)

SPARSE_LOGITS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


@example("vision/gradient_centralization")
def gradient_centralization() -> Example:
    class CentredRMSprop(keras.optimizers.RMSprop):
        """Subtracts the mean of each unit's gradient before the step."""

        def apply(self, grads, trainable_variables=None):
            centred = [g - ops.mean(g, axis=tuple(range(len(g.shape) - 1)), keepdims=True) for g in grads]
            return super().apply(
                [c if len(g.shape) > 1 else g for c, g in zip(centred, grads, strict=True)], trainable_variables
            )

    def build() -> keras.Model:
        model = keras.Sequential(
            [
                keras.Input((12, 12, 3)),
                layers.Conv2D(6, 3, activation="relu"),
                layers.MaxPooling2D(),
                layers.Dropout(0.5),
                layers.Flatten(),
                layers.Dense(8, "relu"),
                layers.Dense(1, "sigmoid"),
            ]
        )
        model.compile(CentredRMSprop(1e-4), "binary_crossentropy", metrics=["accuracy"])
        return model

    return Example(build, lambda: {"x": stream((pictures(12, 3), classes(2).astype("float32"))).cache().prefetch(2)})


@example("vision/knowledge_distillation")
def knowledge_distillation() -> Example:
    class Distiller(keras.Model):
        """Overrides `compute_loss`: the labels' loss and the distance from a teacher that is not trained."""

        def __init__(self, student: keras.Model, teacher: keras.Model):
            super().__init__()
            self.student, self.teacher = student, teacher

        def compile(self, optimizer, metrics, student_loss, distillation_loss, alpha, temperature):
            super().compile(optimizer=optimizer, metrics=metrics)
            self.student_loss, self.distillation_loss = student_loss, distillation_loss
            self.alpha, self.temperature = alpha, temperature

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, allow_empty=False):
            softened = [ops.softmax(z / self.temperature, axis=1) for z in (self.teacher(x, training=False), y_pred)]
            distance = self.distillation_loss(*softened) * self.temperature**2
            return self.alpha * self.student_loss(y, y_pred) + (1 - self.alpha) * distance

        def call(self, x):
            return self.student(x)

    def build() -> keras.Model:
        teacher = keras.Sequential([convolutions(width=12), layers.Dropout(0.3), layers.Dense(5)])
        teacher.trainable = False
        model = Distiller(keras.Sequential([convolutions(width=4), layers.Dense(5)]), teacher)
        model.compile(
            keras.optimizers.Adam(),
            [keras.metrics.SparseCategoricalAccuracy()],
            SPARSE_LOGITS,
            keras.losses.KLDivergence(),
            alpha=0.1,
            temperature=10,
        )
        return model

    return Example(build, lambda: {"x": pictures(), "y": classes(5)})


@example("vision/supervised-contrastive-learning")
def supervised_contrastive_learning() -> Example:
    class SupervisedContrastiveLoss(keras.losses.Loss):
        def __init__(self, temperature: float):
            super().__init__()
            self.temperature = temperature

        def __call__(self, labels, features, sample_weight=None):
            features = ops.normalize(features, axis=1)
            logits = ops.matmul(features, ops.transpose(features)) / self.temperature
            same = ops.cast(ops.equal(ops.reshape(labels, (-1, 1)), ops.reshape(labels, (1, -1))), "float32")
            targets = same / ops.sum(same, axis=1, keepdims=True)
            return ops.mean(tf.nn.softmax_cross_entropy_with_logits(targets, logits))

    def build() -> keras.Model:
        inputs = keras.Input((8, 8, 3))
        features = convolutions(3)(layers.RandomRotation(0.02)(layers.RandomFlip("horizontal")(inputs)))
        model = keras.Model(inputs, layers.Dense(8, "relu")(features))
        model.compile(keras.optimizers.Adam(0.001), SupervisedContrastiveLoss(0.05))
        return model

    return Example(build, lambda: {"x": pictures(8, 3), "y": classes(5, (72, 1))})


@example("vision/pointnet")
def pointnet() -> Example:
    class Orthogonal(keras.regularizers.Regularizer):
        """Keeps the transforms that the network makes close to rotations."""

        def __init__(self, size: int):
            self.size = size

        def __call__(self, x):
            x = ops.reshape(x, (-1, self.size, self.size))
            square = ops.tensordot(x, x, axes=(2, 2))
            square = ops.reshape(square, (-1, self.size, self.size))
            return ops.sum(0.001 * ops.square(square - ops.eye(self.size)))

    def block(x, width: int, kind: type = layers.Conv1D):
        x = kind(width, 1, padding="valid")(x) if kind is layers.Conv1D else kind(width)(x)
        return layers.Activation("relu")(layers.BatchNormalization(momentum=0.0)(x))

    def turned(inputs, size: int):
        x = block(layers.GlobalMaxPooling1D()(block(inputs, 8)), 8, layers.Dense)
        identity = keras.initializers.Constant([float(i % (size + 1) == 0) for i in range(size * size)])
        x = layers.Dense(
            size * size,
            "linear",
            kernel_initializer="zeros",
            bias_initializer=identity,
            activity_regularizer=Orthogonal(size),
        )(x)
        return layers.Dot(axes=(2, 1))([inputs, layers.Reshape((size, size))(x)])

    def build() -> keras.Model:
        inputs = keras.Input((12, 3))
        x = layers.GlobalMaxPooling1D()(block(turned(block(turned(inputs, 3), 4), 4), 8))
        x = layers.Dropout(0.3)(block(x, 8, layers.Dense))
        model = keras.Model(inputs, layers.Dense(4, "softmax")(x))
        model.compile(keras.optimizers.Adam(0.001), "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    def data() -> dict:
        # The points are shaken, as in the example, but by a seeded draw.
        def shaken(points, label):
            return points + tf.random.stateless_uniform((12, 3), [1, 2], -0.005, 0.005), label

        points = tf.data.Dataset.from_tensor_slices((numbers(72, 12, 3), classes(4)))
        return {"x": points.shuffle(72, seed=1).map(shaken).batch(8)}

    return Example(build, data)


@example("vision/perceiver_image_classification")
def perceiver_image_classification() -> Example:
    class Perceiver(keras.Model):
        def __init__(self):
            super().__init__()
            self.patches, self.project = Patches(4), layers.Dense(8)
            self.cross = layers.MultiHeadAttention(1, 8, dropout=0.2)
            self.norms = [layers.LayerNormalization(epsilon=1e-6) for _ in range(3)]
            self.inner = layers.MultiHeadAttention(2, 8, dropout=0.2)
            self.flip, self.head = layers.RandomFlip("horizontal"), layers.Dense(5)

        def build(self, shape):
            self.latents = self.add_weight(shape=(3, 8), initializer="random_normal", name="latents")
            super().build(shape)

        def call(self, images):
            pieces = self.norms[0](self.project(self.patches(self.flip(images))))
            latents = ops.repeat(ops.expand_dims(self.latents, 0), ops.shape(images)[0], axis=0)
            for _ in range(2):
                latents = latents + self.cross(self.norms[1](latents), pieces)
                latents = latents + self.inner(self.norms[2](latents), latents)
            return self.head(ops.mean(latents, axis=1))

    def build() -> keras.Model:
        model = Perceiver()
        model.compile(keras.optimizers.Lamb(0.001, weight_decay=0.0001), SPARSE_LOGITS, metrics=["acc"])
        return model

    return Example(build, lambda: {"x": pictures(8, 3), "y": classes(5)})


@example("vision/retinanet")
def retinanet() -> Example:
    class BoxesAndClasses(keras.losses.Loss):
        """Smooth L1 for the boxes and a focal loss for the classes; rows with class -1 count for nothing."""

        def call(self, y_true, y_pred):
            offset = ops.abs(y_true[..., :4] - y_pred[..., :4])
            box = ops.sum(ops.where(offset < 1.0, 0.5 * offset**2, offset - 0.5), axis=-1)
            kind = y_true[..., 4]
            wanted = ops.one_hot(ops.cast(ops.maximum(kind, 0), "int32"), 3) * ops.expand_dims(
                ops.cast(kind >= 0, "float32"), -1
            )
            entropy = tf.nn.sigmoid_cross_entropy_with_logits(wanted, y_pred[..., 4:])
            chance = ops.sigmoid(y_pred[..., 4:])
            focal = ops.sum((1 - ops.where(wanted == 1.0, chance, 1 - chance)) ** 2 * entropy, axis=-1)
            positive = ops.cast(kind >= 0, "float32")
            count = ops.maximum(ops.sum(positive, axis=-1), 1.0)
            return (ops.sum(focal, axis=-1) + ops.sum(box * positive, axis=-1)) / count

    class RetinaNet(keras.Model):
        """Two heads over two sizes of feature maps, as a subclass that is built by its first batch."""

        def __init__(self):
            super().__init__()
            self.body = layers.Conv2D(6, 3, strides=2, padding="same", activation="relu")
            self.norm = layers.BatchNormalization()
            self.smaller = layers.Conv2D(6, 3, strides=2, padding="same")
            prior = keras.initializers.Constant(-4.6)
            self.boxes = layers.Conv2D(4, 3, padding="same")
            self.kinds = layers.Conv2D(3, 3, padding="same", bias_initializer=prior)

        def call(self, images, training=False):
            large = self.norm(self.body(images), training=training)
            found = [
                layers.concatenate(
                    [
                        ops.reshape(head(x), (-1, x.shape[1] * x.shape[2], head.filters))
                        for head in (self.boxes, self.kinds)
                    ]
                )
                for x in (large, self.smaller(large))
            ]
            return ops.concatenate(found, axis=1)

    def build() -> keras.Model:
        model = RetinaNet()
        schedule = keras.optimizers.schedules.PiecewiseConstantDecay([125, 250], [2.5e-06, 0.0006, 0.001])
        model.compile(keras.optimizers.SGD(schedule, momentum=0.9), BoxesAndClasses())
        return model

    boxes = numbers(72, 20, 4)
    kinds = classes(4, (72, 20, 1)).astype("float32") - 1
    return Example(build, lambda: {"x": stream((pictures(8, 3), tf.concat([boxes, kinds], -1)))})


@example("vision/shiftvit")
def shiftvit() -> Example:
    class Shift(layers.Layer):
        """Moves some of the channels by one pixel, in place of attention."""

        def call(self, x):
            moved = [
                ops.roll(x[..., i : i + 1], shift, axis=axis)
                for i, (shift, axis) in enumerate([(1, 1), (-1, 1), (1, 2), (-1, 2)])
            ]
            return ops.concatenate([*moved, x[..., 4:]], axis=-1)

    class ShiftViT(keras.Model):
        """Overrides `train_step` for the sake of an augmentation inside of the model."""

        def __init__(self):
            super().__init__()
            self.augmentation = keras.Sequential([layers.RandomFlip("horizontal"), layers.Rescaling(1 / 0.5)])
            self.patch, self.shift = layers.Conv2D(8, 2, strides=2), Shift()
            self.norm, self.dense = layers.LayerNormalization(epsilon=1e-5), layers.Dense(8, "gelu")
            self.drop, self.head = layers.Dropout(0.2), layers.Dense(5)

        def classified(self, images, training):
            x = self.patch(self.augmentation(images, training=training))
            x = self.shift(x)
            x = x + self.drop(self.dense(self.norm(x)), training=training)
            return self.head(ops.mean(x, axis=(1, 2)))

        def train_step(self, data):
            images, labels = data
            with tf.GradientTape() as tape:
                logits = self.classified(images, training=True)
                loss = self.compute_loss(images, labels, logits)
            weights = [v for part in (self.patch, self.norm, self.dense, self.head) for v in part.trainable_variables]
            self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
            for metric in self.metrics:
                if metric.name == "loss":
                    metric.update_state(loss)
                else:
                    metric.update_state(labels, logits)
            return {m.name: m.result() for m in self.metrics}

        def call(self, images):
            return self.classified(images, training=False)

    class WarmUpCosine(keras.optimizers.schedules.LearningRateSchedule):
        """Without `get_config`, as on the page."""

        def __call__(self, step):
            step = ops.cast(step, "float32")
            return ops.where(step < 10, 0.001 * step / 10, 0.0005 * (1 + ops.cos(3.14 * (step - 10) / 100)))

    def build() -> keras.Model:
        model = ShiftViT()
        model.compile(
            keras.optimizers.AdamW(WarmUpCosine(), weight_decay=1e-4),
            SPARSE_LOGITS,
            metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
        )
        return model

    return Example(build, lambda: {"x": stream((pictures(8, 3), classes(5)))})


@example("vision/token_learner")
def token_learner() -> Example:
    class TokenLearner(layers.Layer):
        """Gathers the picture into a few tokens, each by a map of attention of its own."""

        def __init__(self, count: int):
            super().__init__()
            self.maps, self.norm = (
                layers.Conv2D(count, 3, padding="same", activation="sigmoid"),
                (layers.LayerNormalization(epsilon=1e-6)),
            )

        def call(self, x):
            return ops.einsum("bhwt,bhwc->btc", self.maps(self.norm(x)), x) / (x.shape[1] * x.shape[2])

    def build() -> keras.Model:
        inputs = keras.Input((8, 8, 3))
        x = layers.Conv2D(8, 2, strides=2)(augmenter_of_colours()(inputs))
        x = layers.GlobalAvgPool1D()(Transformer(8)(TokenLearner(3)(x)))
        model = keras.Model(inputs, layers.Dense(5, "softmax")(x))
        model.compile(keras.optimizers.AdamW(0.001, weight_decay=1e-4), "sparse_categorical_crossentropy")
        return model

    return Example(build, lambda: {"x": stream((pictures(8, 3), classes(5)))})


def augmenter_of_colours() -> keras.Sequential:
    return keras.Sequential([layers.Rescaling(1.0), layers.RandomFlip("horizontal"), layers.RandomBrightness(0.2)])
