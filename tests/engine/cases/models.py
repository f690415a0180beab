"""Layers and kinds of models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from tests.engine.cases.case import (
    IMAGES,
    SEQUENCES,
    TOKENS,
    Case,
    X,
    Y,
    case,
    classifier,
    compiled,
    mlp,
)

MIDDLES: dict[str, tuple[np.ndarray, tuple[Callable[[], keras.layers.Layer], ...]]] = {
    "Dense": (X, (lambda: layers.Dense(16, "relu"),)),
    "Conv1D": (SEQUENCES, (lambda: layers.Conv1D(6, 3, activation="relu"),)),
    "Conv2D": (IMAGES, (lambda: layers.Conv2D(6, 3, activation="relu"), lambda: layers.MaxPooling2D())),
    "DepthwiseConv2D": (IMAGES, (lambda: layers.DepthwiseConv2D(3, depth_multiplier=3),)),
    "SeparableConv2D": (IMAGES, (lambda: layers.SeparableConv2D(6, 3),)),
    "Conv2DTranspose": (IMAGES, (lambda: layers.Conv2DTranspose(3, 3),)),
    "BatchNormalization": (X, (lambda: layers.Dense(16), lambda: layers.BatchNormalization())),
    "LayerNormalization": (X, (lambda: layers.Dense(16), lambda: layers.LayerNormalization())),
    "GroupNormalization": (IMAGES, (lambda: layers.Conv2D(6, 3), lambda: layers.GroupNormalization(3))),
    "Dropout": (X, (lambda: layers.Dense(16), lambda: layers.Dropout(0.4))),
    "Dropout, seeded": (X, (lambda: layers.Dense(16), lambda: layers.Dropout(0.4, seed=3))),
    "SpatialDropout2D": (IMAGES, (lambda: layers.Conv2D(6, 3), lambda: layers.SpatialDropout2D(0.4))),
    "AlphaDropout": (X, (lambda: layers.Dense(16, "selu"), lambda: layers.AlphaDropout(0.3))),
    "GaussianDropout": (X, (lambda: layers.Dense(16), lambda: layers.GaussianDropout(0.4))),
    "GaussianNoise": (X, (lambda: layers.GaussianNoise(0.3), lambda: layers.Dense(16))),
    "RandomFlip and RandomRotation": (IMAGES, (lambda: layers.RandomFlip(), lambda: layers.RandomRotation(0.2))),
    "Embedding": (TOKENS, (lambda: layers.Embedding(17, 4),)),
    "LSTM": (SEQUENCES, (lambda: layers.LSTM(6),)),
    "LSTM with dropout": (SEQUENCES, (lambda: layers.LSTM(6, dropout=0.3, recurrent_dropout=0.3),)),
    "GRU": (SEQUENCES, (lambda: layers.GRU(6),)),
    "Bidirectional": (SEQUENCES, (lambda: layers.Bidirectional(layers.GRU(4)),)),
    "ConvLSTM1D": (X.reshape(-1, 4, 4, 4), (lambda: layers.ConvLSTM1D(3, 2),)),
    "constraint": (X, (lambda: layers.Dense(16, kernel_constraint=keras.constraints.MaxNorm(0.3)),)),
}
for _name, (_x, _middle) in MIDDLES.items():
    case("model", _name)(
        lambda x=_x, middle=_middle: Case(compiled(classifier(x.shape[1:], *middle), "adam"), x, data={})
    )


@case("model")
def stateful_GRU() -> Case:
    def build() -> keras.Model:
        inputs = keras.Input(batch_shape=(8, 8, 8))
        return keras.Model(inputs, layers.Dense(10, "softmax")(layers.GRU(6, stateful=True)(inputs)))

    return Case(compiled(build, "adam"), SEQUENCES, settings={"batch_size": 8}, trained=True)


@case("model", "stateful, another batch size")
def stateful_refused() -> Case:
    return Case(stateful_GRU().make, SEQUENCES, refused="`batch_size` must be 8, the batch size that .* batches of 12")


@case("model")
def MultiHeadAttention() -> Case:
    def build() -> keras.Model:
        inputs = keras.Input((8, 8))
        attended = layers.MultiHeadAttention(2, 4, dropout=0.2)(inputs, inputs)
        joined = layers.LayerNormalization()(layers.Add()([inputs, attended]))
        return keras.Model(inputs, layers.Dense(10, "softmax")(layers.GlobalAveragePooling1D()(joined)))

    return Case(compiled(build, "adam"), SEQUENCES)


@case("model")
def shared_layers() -> Case:
    def build() -> keras.Model:
        inputs, shared, drop = keras.Input((64,)), layers.Dense(64, "tanh"), layers.Dropout(0.3)
        return keras.Model(inputs, layers.Dense(10, "softmax")(drop(shared(drop(shared(inputs))))))

    return Case(compiled(build, "adam"))


def frozen_middle(layer: Callable[[], keras.layers.Layer]) -> Callable[[], keras.Model]:
    def build() -> keras.Model:
        model = classifier((64,), lambda: layers.Dense(16), layer)()
        model.layers[1].trainable = False
        return model

    return build


@case("model")
def frozen_layer() -> Case:
    return Case(compiled(frozen_middle(lambda: layers.Dense(16, "relu")), "adam"))


@case("model")
def frozen_BatchNormalization() -> Case:
    return Case(compiled(frozen_middle(layers.BatchNormalization), "adam"))


@case("model")
def all_layers_frozen() -> Case:
    def build() -> keras.Model:
        model = mlp()
        model.trainable = False
        return model

    return Case(compiled(build), refused="must have trainable weights")


@case("model")
def nested_models() -> Case:
    def build() -> keras.Model:
        inner = keras.Sequential([keras.Input((64,)), layers.Dense(16, "relu"), layers.BatchNormalization()])
        inputs = keras.Input((64,))
        return keras.Model(inputs, layers.Dense(10, "softmax")(layers.Dropout(0.2)(inner(inputs))))

    return Case(compiled(build, "adam"))


# The first blocks of large models have all kinds of their layers, and are traced in a tenth of the time.
def blocks(name: str, end: str) -> Callable[[], keras.Model]:
    def build() -> keras.Model:
        whole = getattr(keras.applications, name)(weights=None, include_top=False, input_shape=(32, 32, 3))
        middle = whole.get_layer(end).output
        return keras.Model(whole.input, layers.Dense(10, "softmax")(layers.GlobalAveragePooling2D()(middle)))

    return compiled(build)


@case("model", "keras.applications.MobileNetV2's blocks")
def mobilenet() -> Case:
    x = np.repeat(np.kron(IMAGES[:64], np.ones((1, 4, 4, 1), "float32")), 3, axis=-1)
    settings = {"batch_size": 8, "lr_space": (1e-3, 0.1)}
    return Case(blocks("MobileNetV2", "block_2_add"), x, Y[:64], settings=settings, rtol=1e-3)


@case("model", "keras.applications.ResNet50V2's blocks")
def resnet() -> Case:
    x = np.repeat(np.kron(IMAGES[:64], np.ones((1, 4, 4, 1), "float32")), 3, axis=-1)
    settings = {"batch_size": 8, "lr_space": (1e-4, 0.03)}
    return Case(blocks("ResNet50V2", "conv2_block2_out"), x, Y[:64], settings=settings, rtol=1e-3)


@case("model")
def unbuilt_Sequential() -> Case:
    return Case(compiled(lambda: keras.Sequential([layers.Dense(16, "relu"), layers.Dense(10, "softmax")]), "adam"))


class Subclassed(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.drop, self.last = layers.Dense(16, "relu"), layers.Dropout(0.3), layers.Dense(10, "softmax")

    def call(self, inputs: Any, training: bool = False) -> Any:
        return self.last(self.drop(self.first(inputs), training=training))


@case("model", "unbuilt subclass")
def unbuilt_subclass() -> Case:
    return Case(compiled(Subclassed, "adam"))


class WithoutTraining(Subclassed):
    def call(self, inputs: Any) -> Any:
        return self.last(self.first(inputs))


@case("model")
def subclass_whose_call_has_no_training_argument() -> Case:
    return Case(compiled(WithoutTraining, "adam"))


class Sampling(layers.Layer):
    """A layer with random numbers, as in the guides of Keras, and a variable that counts the calls."""

    def __init__(self) -> None:
        super().__init__()
        self.seeds = keras.random.SeedGenerator(1)
        self.calls = self.add_weight(initializer="zeros", trainable=False, name="calls")

    def call(self, inputs: Any) -> Any:
        self.calls.assign_add(1.0)
        noise = keras.random.normal(keras.ops.shape(inputs), seed=self.seeds)
        return inputs + 0.3 * noise / (1.0 + self.calls)


@case("model")
def layer_that_draws_and_counts() -> Case:
    return Case(compiled(classifier((64,), lambda: layers.Dense(16), Sampling), "adam"))


@case("model")
def layer_that_writes_its_own_weights() -> Case:
    return Case(compiled(classifier((64,), lambda: layers.SpectralNormalization(layers.Dense(16)))))


class Untracked(layers.Layer):
    def __init__(self) -> None:
        super().__init__()
        self.calls = tf.Variable(0.0)

    def call(self, inputs: Any) -> Any:
        self.calls.assign_add(1.0)
        return inputs


@case("model")
def layer_that_writes_a_raw_tf_Variable() -> Case:
    return Case(compiled(classifier((64,), Untracked)))


@case("model")
def layer_that_draws_from_tf_random() -> Case:
    class TensorFlowNoise(layers.Layer):
        def call(self, inputs: Any) -> Any:
            return inputs + tf.random.normal(tf.shape(inputs))

    return Case(compiled(classifier((64,), TensorFlowNoise)), repeatable=True)


@case("model")
def layer_that_draws_from_the_global_generator() -> Case:
    class GlobalNoise(layers.Layer):
        def call(self, inputs: Any) -> Any:
            return inputs + keras.random.normal(keras.ops.shape(inputs))

    return Case(compiled(classifier((64,), GlobalNoise)), repeatable=True)


@case("model")
def run_eagerly() -> Case:
    return Case(compiled(mlp, "adam", run_eagerly=True))


@case("model", "run_eagerly, since it can't be traced")
def untraceable() -> Case:
    class Eager(layers.Layer):
        def call(self, inputs: Any) -> Any:
            return inputs * float(np.mean(inputs.numpy()) > -1)

        def compute_output_shape(self, shape: Any) -> Any:
            return shape

    return Case(compiled(classifier((64,), Eager), "adam", run_eagerly=True), refused="must be traceable, even with")


@case("model", "run_eagerly, writing a raw tf.Variable")
def eager_untracked() -> Case:
    return Case(compiled(classifier((64,), Untracked), run_eagerly=True))


@case("model")
def not_compiled() -> Case:
    return Case(mlp, refused="must be compiled")
