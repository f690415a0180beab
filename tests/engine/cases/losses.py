"""Loss functions."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from tests.engine.cases.case import (
    TOKENS,
    Case,
    Y,
    case,
    classifier,
    compiled,
    linear,
)
from tests.engine.cases.models import Subclassed
from tests.engine.cases.structure import BINARY, LOSSES, two_outputs


@case("loss")
def string() -> Case:
    return Case(compiled(linear))


@case("loss")
def function() -> Case:
    return Case(compiled(linear, loss=keras.losses.sparse_categorical_crossentropy))


@case("loss")
def custom_lambda() -> Case:
    make = compiled(linear, "adam", lambda y, p: keras.ops.mean((keras.ops.one_hot(y, 10) - p) ** 2, axis=-1))
    return Case(make)


@case("loss", "object")
def loss_object() -> Case:
    return Case(compiled(linear, loss=keras.losses.SparseCategoricalCrossentropy))


@case("loss", "object that sums")
def summing() -> Case:
    loss = keras.losses.SparseCategoricalCrossentropy(reduction="sum")
    return Case(compiled(linear, loss=loss), settings={"lr_space": (1e-4, 1e-2)})


@case("loss", "list with loss_weights")
def weighted_list() -> Case:
    return Case(compiled(two_outputs(lambda *o: list(o)), "adam", LOSSES, loss_weights=[0.3, 2.0]), y=[Y, BINARY])


@case("loss", "dict with loss_weights")
def weighted_dict() -> Case:
    losses, weights = dict(zip(("digit", "odd"), LOSSES, strict=True)), {"digit": 0.3, "odd": 2.0}
    build = two_outputs(lambda a, b: {"digit": a, "odd": b})
    return Case(compiled(build, "adam", losses, loss_weights=weights), y={"digit": Y, "odd": BINARY})


class ActivityLoss(layers.Layer):
    def call(self, inputs: Any) -> Any:
        self.add_loss(0.1 * keras.ops.mean(inputs**2))
        return inputs


@case("loss", "add_loss in a layer")
def add_loss() -> Case:
    return Case(compiled(classifier((64,), lambda: layers.Dense(16), ActivityLoss), "adam"), trained=True)


class AddsLoss(Subclassed):
    def call(self, inputs: Any, training: bool = False) -> Any:
        hidden = self.first(inputs)
        self.add_loss(0.1 * keras.ops.mean(hidden**2))
        return self.last(self.drop(hidden, training=training))


@case("loss", "add_loss in a subclass, after fit")
def add_loss_subclass() -> Case:
    return Case(compiled(AddsLoss, "adam"), trained=True)


@case("loss", "add_loss alone")
def add_loss_alone() -> Case:
    return Case(compiled(AddsLoss, "sgd", None), y=None, settings={"lr_space": (1e-2, 10)})


@case("loss")
def regularisers() -> Case:
    def dense() -> layers.Layer:
        activity = keras.regularizers.L2(1e-3)
        return layers.Dense(16, "relu", kernel_regularizer="l2", bias_regularizer="l1", activity_regularizer=activity)

    return Case(compiled(classifier((64,), dense), "adam"), trained=True)


@case("loss")
def masked_sequences() -> Case:
    def build() -> keras.Model:
        inputs = keras.Input((16,), dtype="int64")
        hidden = layers.GRU(6, return_sequences=True)(layers.Embedding(17, 4, mask_zero=True)(inputs))
        return keras.Model(inputs, layers.Dense(17, "softmax")(hidden))

    return Case(compiled(build, "adam"), TOKENS, np.roll(TOKENS, -1, axis=1))


class OwnLoss(Subclassed):
    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        return keras.ops.mean((keras.ops.one_hot(y, 10) - y_pred) ** 2) + 0.1 * keras.ops.mean(x)


@case("loss")
def compute_loss_overridden() -> Case:
    return Case(compiled(OwnLoss, "adam", None))


class OlderLoss(Subclassed):
    def __init__(self) -> None:
        super().__init__()
        self.tracker = keras.metrics.Mean(name="mine")

    def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None) -> Any:
        loss = super().compute_loss(x, y, y_pred, sample_weight) * 2.0
        self.tracker.update_state(loss)
        return loss


@case("loss", "compute_loss overridden without training, with a metric")
def compute_loss_older() -> Case:
    return Case(compiled(OlderLoss, "adam"), trained=True)


@case("loss")
def train_step_overridden() -> Case:
    class OwnStep(Subclassed):
        def train_step(self, data: Any) -> Any:
            return super().train_step(data)

    return Case(compiled(OwnStep))


@case("loss", "fit overridden")
def own_fit() -> Case:
    class OwnFit(Subclassed):
        def fit(self, *arguments: Any, **named: Any) -> Any:
            return super().fit(*arguments, **named)

    return Case(compiled(OwnFit), refused="must train by Keras's own `fit`.*type OwnFit.*Override `train_step`")


@case("loss", "train_on_batch overridden")
def own_train_on_batch() -> Case:
    class OwnBatch(Subclassed):
        def train_on_batch(self, *arguments: Any, **named: Any) -> Any:
            return super().train_on_batch(*arguments, **named)

    return Case(compiled(OwnBatch), refused="must train by Keras's own `train_on_batch`.*type OwnBatch")


@case("loss", "make_train_function overridden")
def own_train_function() -> Case:
    class OwnFunction(Subclassed):
        def make_train_function(self, force: bool = False) -> Any:
            return super().make_train_function(force)

    return Case(compiled(OwnFunction), refused="must train by Keras's own `make_train_function`.*type OwnFunction")


@case("loss")
def no_loss() -> Case:
    return Case(compiled(linear, loss=None), refused="No loss to compute")


@case("loss")
def sampled_by_TensorFlow() -> Case:
    def sampled(y: Any, p: Any) -> Any:
        labels = tf.cast(tf.reshape(y, (-1, 1)), "int64")
        candidates = tf.random.log_uniform_candidate_sampler(labels, 1, 5, True, 10)[0]
        return -tf.math.log(tf.gather(p, candidates, axis=1)[:, 0] + 0.1)

    return Case(compiled(linear, loss=sampled), refused="LogUniformCandidateSampler")


@case("loss")
def NaN_before_any_step() -> Case:
    return Case(
        compiled(linear, loss=lambda y, p: keras.ops.log(-p[:, 0])),
        refused="The loss is nan before the first step.*a logarithm",
    )
