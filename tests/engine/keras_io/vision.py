"""Examples of keras.io/examples/vision that train with Keras's own step."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from tests.engine.keras_io.example import (
    Example,
    Patches,
    classes,
    convolutions,
    example,
    numbers,
    one_hot,
    pictures,
    stream,
)

SPARSE_LOGITS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def functional(inputs: keras.KerasTensor, outputs: object, optimizer: object, loss: object, **arguments) -> keras.Model:
    model = keras.Model(inputs, outputs)
    model.compile(optimizer, loss, **arguments)
    return model


@example("vision/mnist_convnet")
def mnist_convnet() -> Example:
    def build() -> keras.Model:
        model = keras.Sequential(
            [
                keras.Input((10, 10, 1)),
                layers.Conv2D(6, 3, activation="relu"),
                layers.MaxPooling2D(),
                layers.Conv2D(8, 3, activation="relu"),
                layers.MaxPooling2D(),
                layers.Flatten(),
                layers.Dropout(0.5),
                layers.Dense(10, "softmax"),
            ]
        )
        model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
        return model

    targets = keras.utils.to_categorical(classes(10), 10)
    return Example(build, lambda: {"x": pictures(10), "y": targets})


@example("vision/image_classification_from_scratch")
def image_classification_from_scratch() -> Example:
    def build() -> keras.Model:
        inputs = keras.Input((12, 12, 3))
        x = layers.Rescaling(2.0, offset=-1)(inputs)
        x = layers.Activation("relu")(layers.BatchNormalization()(layers.Conv2D(8, 3, strides=2, padding="same")(x)))
        shortcut = layers.Conv2D(8, 1, strides=2, padding="same")(x)
        x = layers.BatchNormalization()(layers.SeparableConv2D(8, 3, padding="same")(layers.Activation("relu")(x)))
        x = layers.add([layers.MaxPooling2D(3, strides=2, padding="same")(x), shortcut])
        x = layers.Dropout(0.25)(layers.GlobalAveragePooling2D()(x))
        loss = keras.losses.BinaryCrossentropy(from_logits=True)
        return functional(
            inputs,
            layers.Dense(1, activation=None)(x),
            keras.optimizers.Adam(3e-4),
            loss,
            metrics=[keras.metrics.BinaryAccuracy(name="acc")],
        )

    def data() -> dict:
        augment = keras.Sequential([layers.RandomFlip("horizontal", seed=1), layers.RandomRotation(0.1, seed=2)])
        batches = stream((pictures(12, 3), classes(2).astype("float32")))
        return {"x": batches.map(lambda x, y: (augment(x, training=True), y)).prefetch(1)}

    return Example(build, data)


@example("vision/image_classification_with_vision_transformer")
def image_classification_with_vision_transformer() -> Example:
    class PatchEncoder(layers.Layer):
        def __init__(self, count: int, width: int):
            super().__init__()
            self.count = count
            self.projection, self.place = layers.Dense(width), layers.Embedding(count, width)

        def call(self, patches):
            return self.projection(patches) + self.place(ops.expand_dims(ops.arange(self.count), 0))

    def build() -> keras.Model:
        augmentation = keras.Sequential(
            [
                layers.Normalization(),
                layers.RandomFlip("horizontal"),
                layers.RandomRotation(0.02),
                layers.RandomZoom(0.2, 0.2),
            ]
        )
        augmentation.layers[0].adapt(pictures(8, 3))
        inputs = keras.Input((8, 8, 3))
        x = PatchEncoder(4, 8)(Patches(4)(augmentation(inputs)))
        attended = layers.MultiHeadAttention(2, 8, dropout=0.1)(*[layers.LayerNormalization(epsilon=1e-6)(x)] * 2)
        x = layers.Add()([attended, x])
        hidden = layers.Dropout(0.1)(layers.Dense(8, "gelu")(layers.LayerNormalization(epsilon=1e-6)(x)))
        x = layers.Dropout(0.5)(layers.Flatten()(layers.Add()([hidden, x])))
        metrics = [keras.metrics.SparseTopKCategoricalAccuracy(2)]
        optimizer = keras.optimizers.AdamW(0.001, weight_decay=0.0001)
        return functional(inputs, layers.Dense(5)(x), optimizer, SPARSE_LOGITS, metrics=metrics)

    return Example(build, lambda: {"x": pictures(8, 3), "y": classes(5)})


@example("vision/mlp_image_classification")
def mlp_image_classification() -> Example:
    class Mixer(layers.Layer):
        def __init__(self, pieces: int, width: int):
            super().__init__()
            self.across = keras.Sequential([layers.Dense(pieces, "gelu"), layers.Dense(pieces), layers.Dropout(0.2)])
            self.within = keras.Sequential([layers.Dense(width, "gelu"), layers.Dense(width), layers.Dropout(0.2)])
            self.norm = layers.LayerNormalization(epsilon=1e-6)

        def call(self, inputs):
            turned = ops.transpose(self.norm(inputs), (0, 2, 1))
            x = ops.transpose(self.across(turned), (0, 2, 1)) + inputs
            return x + self.within(self.norm(x))

    def build() -> keras.Model:
        inputs = keras.Input((8, 8, 3))
        x = layers.Dense(8)(Patches(4)(layers.Resizing(8, 8)(layers.RandomFlip("horizontal")(inputs))))
        x = layers.GlobalAveragePooling1D()(Mixer(4, 8)(Mixer(4, 8)(x)))
        optimizer = keras.optimizers.AdamW(0.005, weight_decay=0.0001)
        return functional(inputs, layers.Dense(5)(layers.Dropout(0.2)(x)), optimizer, SPARSE_LOGITS, metrics=["acc"])

    return Example(build, lambda: {"x": pictures(8, 3), "y": classes(5)})


@example("vision/cct")
def cct() -> Example:
    class StochasticDepth(layers.Layer):
        """Leaves out a branch for some of the images."""

        def __init__(self, share: float):
            super().__init__()
            self.share, self.seed_generator = share, keras.random.SeedGenerator(1337)

        def call(self, x, training=None):
            if not training:
                return x
            kept = 1 - self.share
            draw = keras.random.uniform((ops.shape(x)[0], 1, 1), 0, 1, seed=self.seed_generator)
            return x / kept * ops.floor(kept + draw)

    class SequencePooling(layers.Layer):
        def __init__(self):
            super().__init__()
            self.attention = layers.Dense(1)

        def call(self, x):
            weights = ops.transpose(ops.softmax(self.attention(x), axis=1), (0, 2, 1))
            return ops.squeeze(ops.matmul(weights, x), -2)

    def build() -> keras.Model:
        inputs = keras.Input((8, 8, 3))
        x = layers.Rescaling(1.0)(layers.RandomCrop(8, 8)(layers.RandomFlip("horizontal")(inputs)))
        x = layers.MaxPooling2D(3, 2, "same")(layers.Conv2D(8, 3, padding="same", activation="relu", use_bias=False)(x))
        x = layers.Reshape((16, 8))(x)
        for share in (0.0, 0.1):
            attended = layers.MultiHeadAttention(2, 8, dropout=0.1)(*[layers.LayerNormalization(epsilon=1e-5)(x)] * 2)
            x = layers.Add()([StochasticDepth(share)(attended), x])
        outputs = layers.Dense(5)(SequencePooling()(layers.LayerNormalization(epsilon=1e-5)(x)))
        loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)
        return functional(inputs, outputs, keras.optimizers.AdamW(0.001, weight_decay=0.0001), loss)

    return Example(build, lambda: {"x": pictures(8, 3), "y": keras.utils.to_categorical(classes(5), 5)})


@example("vision/involution")
def involution() -> Example:
    class Involution(layers.Layer):
        """A kernel for each pixel, made from the pixel itself."""

        def __init__(self, channels: int):
            super().__init__()
            self.make = keras.Sequential(
                [layers.Conv2D(2, 1), layers.BatchNormalization(), layers.ReLU(), layers.Conv2D(9, 1)]
            )
            self.channels = channels

        def call(self, x):
            kernels = ops.expand_dims(self.make(x), -1)
            around = tf.image.extract_patches(x, [1, 3, 3, 1], [1, 1, 1, 1], [1, 1, 1, 1], "SAME")
            around = ops.reshape(around, (-1, x.shape[1], x.shape[2], 9, self.channels))
            return ops.sum(kernels * around, axis=3)

    def build() -> keras.Model:
        inputs = keras.Input((8, 8, 3))
        x = layers.MaxPooling2D()(layers.ReLU()(Involution(3)(inputs)))
        x = layers.Flatten()(layers.ReLU()(Involution(3)(x)))
        return functional(inputs, layers.Dense(5)(layers.Dense(8, "relu")(x)), "adam", SPARSE_LOGITS)

    # It shuffles; a seed makes the order the same for the tuner and for the training that it is compared with.
    return Example(
        build,
        lambda: {"x": tf.data.Dataset.from_tensor_slices((pictures(8, 3), classes(5))).shuffle(256, seed=3).batch(8)},
    )


@example("vision/captcha_ocr")
def captcha_ocr() -> Example:
    class CTC(layers.Layer):
        """Adds the loss itself, so that the model is compiled without one."""

        def call(self, y_true, y_pred):
            rows = ops.shape(y_true)[0]
            lengths = [ops.full((rows,), side.shape[1], dtype="int32") for side in (y_true, y_pred)]
            self.add_loss(ops.mean(ops.ctc_loss(ops.cast(y_true, "int32"), ops.log(y_pred + 1e-7), *lengths)))
            return y_pred

    def build() -> keras.Model:
        image, label = keras.Input((16, 8, 1), name="image"), keras.Input((3,), name="label", dtype="float32")
        x = layers.MaxPooling2D()(layers.Conv2D(4, 3, activation="relu", padding="same")(image))
        x = layers.Dropout(0.2)(layers.Dense(8, "relu")(layers.Reshape((8, 16))(x)))
        x = layers.Bidirectional(layers.LSTM(6, return_sequences=True, dropout=0.25))(x)
        outputs = CTC()(label, layers.Dense(6, "softmax")(x))
        model = keras.Model([image, label], outputs)
        model.compile(keras.optimizers.Adam())
        return model

    def data() -> dict:
        labels = 1 + classes(5, (72, 3)).astype("float32")
        return {"x": stream({"image": pictures(16)[:, :, :8], "label": labels})}

    return Example(build, data)


@example("vision/oxford_pets_image_segmentation")
def oxford_pets_image_segmentation() -> Example:
    def build() -> keras.Model:
        inputs = keras.Input((8, 8, 3))
        x = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(6, 3, strides=2, padding="same")(inputs)))
        before = x
        x = layers.BatchNormalization()(layers.SeparableConv2D(8, 3, padding="same")(layers.ReLU()(x)))
        x = layers.add([layers.MaxPooling2D(3, 2, "same")(x), layers.Conv2D(8, 1, strides=2, padding="same")(before)])
        for _ in range(2):
            before = x
            x = layers.BatchNormalization()(layers.Conv2DTranspose(6, 3, padding="same")(layers.ReLU()(x)))
            shortcut = layers.Conv2D(6, 1, padding="same")(layers.UpSampling2D()(before))
            x = layers.add([layers.UpSampling2D()(x), shortcut])
        outputs = layers.Conv2D(3, 3, activation="softmax", padding="same")(x)
        return functional(inputs, outputs, keras.optimizers.Adam(1e-4), "sparse_categorical_crossentropy")

    masks = classes(3, (72, 8, 8, 1)).astype("uint8")
    return Example(build, lambda: {"x": stream((pictures(8, 3), masks))})


@example("vision/super_resolution_sub_pixel")
def super_resolution_sub_pixel() -> Example:
    class DepthToSpace(layers.Layer):
        def call(self, x):
            return tf.nn.depth_to_space(x, 2)

    def build() -> keras.Model:
        inputs = keras.Input((None, None, 1))
        settings = {"activation": "relu", "kernel_initializer": "orthogonal", "padding": "same"}
        x = layers.Conv2D(4, 3, **settings)(layers.Conv2D(8, 5, **settings)(inputs))
        return functional(inputs, DepthToSpace()(x), keras.optimizers.Adam(0.001), keras.losses.MeanSquaredError())

    def data() -> dict:
        batches = stream(pictures(16))
        return {"x": batches.map(lambda image: (tf.image.resize(image, (8, 8), method="area"), image))}

    return Example(build, data)


@example("vision/autoencoder")
def autoencoder() -> Example:
    def build() -> keras.Model:
        inputs = keras.Input((8, 8, 1))
        x = layers.MaxPooling2D(padding="same")(layers.Conv2D(6, 3, activation="relu", padding="same")(inputs))
        x = layers.Conv2DTranspose(6, 3, strides=2, activation="relu", padding="same")(x)
        outputs = layers.Conv2D(1, 3, activation="sigmoid", padding="same")(x)
        return functional(inputs, outputs, "adam", "binary_crossentropy")

    noisy = np.clip(pictures() + 0.4 * numbers(72, 8, 8, 1), 0, 1)
    return Example(build, lambda: {"x": noisy, "y": pictures()})


@example("vision/conv_lstm")
def conv_lstm() -> Example:
    def build() -> keras.Model:
        inputs = keras.Input((None, 8, 8, 1))
        x = layers.ConvLSTM2D(4, 3, padding="same", return_sequences=True, activation="relu")(inputs)
        x = layers.ConvLSTM2D(4, 1, padding="same", return_sequences=True, activation="relu")(
            layers.BatchNormalization()(x)
        )
        outputs = layers.Conv3D(1, 3, activation="sigmoid", padding="same")(x)
        return functional(inputs, outputs, keras.optimizers.Adam(), keras.losses.binary_crossentropy)

    films = np.stack([pictures(seed=seed) for seed in range(4)], 1)
    return Example(build, lambda: {"x": films[:, :-1], "y": films[:, 1:]})


@example("vision/mixup")
def mixup() -> Example:
    def build() -> keras.Model:
        model = keras.Sequential([keras.Input((8, 8, 1)), convolutions(), layers.Dense(5, "softmax")])
        model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
        return model

    def data() -> dict:
        one, two = (
            tf.data.Dataset.from_tensor_slices((pictures(), one_hot(classes(5), 5))).shuffle(72, seed=seed).batch(8)
            for seed in (1, 2)
        )

        def mix(first, second):
            gammas = [tf.random.gamma((8,), 0.2, seed=seed) for seed in (3, 4)]
            share = gammas[0] / (gammas[0] + gammas[1])
            images = first[0] * share[:, None, None, None] + second[0] * (1 - share)[:, None, None, None]
            return images, first[1] * share[:, None] + second[1] * (1 - share)[:, None]

        return {"x": tf.data.Dataset.zip((one, two)).map(mix)}

    return Example(build, data)
