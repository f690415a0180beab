"""The models, losses, optimizers and data that the engine measures exactly, or refuses.

Each case is a function that returns a `Case`; its decorator names its row in the table.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import h5py
import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from keras import layers, optimizers
from scipy import sparse
from sklearn.datasets import load_digits

X, Y = load_digits(return_X_y=True)
X, Y = (X / 16).astype("float32"), Y.astype("int64")
IMAGES, TOKENS, SEQUENCES = X.reshape(-1, 8, 8, 1), (X[:, :16] * 16).astype("int64"), X.reshape(-1, 8, 8)
#: Between 0 and 1, one a row.
WEIGHTS = np.random.default_rng(0).uniform(0, 1, len(X))
CROSSENTROPY = "sparse_categorical_crossentropy"


@dataclass
class Case:
    """A model and data; ``refused`` is what the `ValueError` says, or None where the numbers must be exact."""

    make: Callable[[], keras.Model]
    x: Any = field(default_factory=lambda: X)
    y: Any = field(default_factory=lambda: Y)
    data: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    refused: str | None = None
    trained: bool = False
    rounds: int = 2
    rtol: float = 2e-4


CASES: dict[str, Callable[[], Case]] = {}


def case(group: str, name: str | None = None) -> Callable[[Callable[[], Case]], Callable[[], Case]]:
    def note(function: Callable[[], Case]) -> Callable[[], Case]:
        key = f"{group}: {name or function.__name__.replace('_', ' ').strip()}"
        assert key not in CASES
        CASES[key] = function
        return function

    return note


def compiled(build: Callable[[], keras.Model], optimizer: Any = "sgd", loss: Any = CROSSENTROPY, **arguments: Any):
    """A maker of models that are built from the same seed and compiled alike."""

    def make() -> keras.Model:
        keras.utils.set_random_seed(0)
        model = build()
        made = optimizer() if callable(optimizer) else optimizer
        model.compile(made, loss() if inspect.isclass(loss) else loss, **arguments)
        return model

    return make


def classifier(shape: tuple[int, ...], *middle: Callable[[], keras.layers.Layer]) -> Callable[[], keras.Model]:
    """Builds a network with these layers in front of a softmax."""
    return lambda: keras.Sequential(
        [keras.Input(shape), *(layer() for layer in middle), layers.Flatten(), layers.Dense(10, "softmax")]
    )


def mlp() -> keras.Model:
    return classifier((64,), lambda: layers.Dense(16, "relu"))()


# --- models ---------------------------------------------------------------------------------------------------------

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
    return Case(stateful_GRU().make, SEQUENCES, refused="`batch_size` must be 8, the batch size that .*batch_size=12")


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

    return Case(compiled(build), refused="must have weights to train")


@case("model")
def nested_models() -> Case:
    def build() -> keras.Model:
        inner = keras.Sequential([keras.Input((64,)), layers.Dense(16, "relu"), layers.BatchNormalization()])
        inputs = keras.Input((64,))
        return keras.Model(inputs, layers.Dense(10, "softmax")(layers.Dropout(0.2)(inner(inputs))))

    return Case(compiled(build, "adam"))


@case("model", "keras.applications.MobileNetV2")
def mobilenet() -> Case:
    x = np.repeat(np.kron(IMAGES[:64], np.ones((1, 4, 4, 1), "float32")), 3, axis=-1)
    make = compiled(lambda: keras.applications.MobileNetV2((32, 32, 3), 0.35, weights=None, classes=10))
    settings = {"batch_size": 8, "lr_space": (1e-3, 0.1)}
    return Case(make, x, Y[:64], settings=settings, rounds=1, rtol=1e-3)


@case("model", "keras.applications.ResNet50V2's blocks")
def resnet() -> Case:
    x = np.repeat(np.kron(IMAGES[:64], np.ones((1, 4, 4, 1), "float32")), 3, axis=-1)

    def build() -> keras.Model:
        whole = keras.applications.ResNet50V2(weights=None, include_top=False, input_shape=(32, 32, 3))
        middle = whole.get_layer("conv2_block2_out").output
        return keras.Model(whole.input, layers.Dense(10, "softmax")(layers.GlobalAveragePooling2D()(middle)))

    return Case(compiled(build), x, Y[:64], settings={"batch_size": 8, "lr_space": (1e-4, 0.03)}, rtol=1e-3)


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
    """Random numbers as Keras's guides draw them, and a variable that counts the calls."""

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
    make = compiled(classifier((64,), lambda: layers.SpectralNormalization(layers.Dense(16))))
    return Case(make, refused="a layer that writes to .*dense.*kernel when it is called")


class Untracked(layers.Layer):
    def __init__(self) -> None:
        super().__init__()
        self.calls = tf.Variable(0.0)

    def call(self, inputs: Any) -> Any:
        self.calls.assign_add(1.0)
        return inputs


@case("model")
def layer_that_writes_a_raw_tf_Variable() -> Case:
    return Case(compiled(classifier((64,), Untracked)), refused="uses variables that Keras does not track")


@case("model")
def layer_that_draws_from_tf_random() -> Case:
    class TensorFlowNoise(layers.Layer):
        def call(self, inputs: Any) -> Any:
            return inputs + tf.random.normal(tf.shape(inputs))

    return Case(compiled(classifier((64,), TensorFlowNoise)), refused="RandomStandardNormal.*SeedGenerator")


@case("model")
def layer_that_draws_from_the_global_generator() -> Case:
    class GlobalNoise(layers.Layer):
        def call(self, inputs: Any) -> Any:
            return inputs + keras.random.normal(keras.ops.shape(inputs))

    return Case(compiled(classifier((64,), GlobalNoise)), refused="variables that Keras does not track")


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
    return Case(compiled(classifier((64,), Untracked), run_eagerly=True), refused="variables that Keras does not track")


@case("model")
def not_compiled() -> Case:
    return Case(mlp, refused="must be compiled")


# --- structure ------------------------------------------------------------------------------------------------------

HALVES = {"left": X[:, :32], "right": X[:, 32:]}
BINARY = (Y % 2).astype("float32")


def two_inputs(structure: Callable[[keras.KerasTensor, keras.KerasTensor], Any]) -> Callable[[], keras.Model]:
    def build() -> keras.Model:
        left, right = keras.Input((32,), name="left"), keras.Input((32,), name="right")
        joined = layers.Concatenate()([layers.Dense(8, "relu")(left), layers.Dense(8, "tanh")(right)])
        return keras.Model(structure(left, right), layers.Dense(10, "softmax")(joined))

    return build


def two_outputs(structure: Callable[[Any, Any], Any]) -> Callable[[], keras.Model]:
    def build() -> keras.Model:
        inputs = keras.Input((64,))
        hidden = layers.Dense(16, "relu")(inputs)
        digit, odd = layers.Dense(10, "softmax", name="digit")(hidden), layers.Dense(1, "sigmoid", name="odd")(hidden)
        return keras.Model(inputs, structure(digit, odd))

    return build


@case("structure")
def inputs_as_list() -> Case:
    return Case(compiled(two_inputs(lambda *i: list(i)), "adam"), list(HALVES.values()))


@case("structure")
def inputs_as_tuple() -> Case:
    return Case(compiled(two_inputs(lambda *i: i), "adam"), tuple(HALVES.values()))


@case("structure")
def inputs_as_dict() -> Case:
    return Case(compiled(two_inputs(lambda a, b: {"left": a, "right": b}), "adam"), HALVES)


LOSSES = [CROSSENTROPY, "binary_crossentropy"]


@case("structure")
def outputs_as_list() -> Case:
    return Case(compiled(two_outputs(lambda *o: list(o)), "adam", LOSSES), y=[Y, BINARY])


@case("structure")
def outputs_as_tuple() -> Case:
    return Case(compiled(two_outputs(lambda *o: o), "adam", tuple(LOSSES)), y=(Y, BINARY))


@case("structure")
def outputs_as_dict() -> Case:
    losses = dict(zip(("digit", "odd"), LOSSES, strict=True))
    build = two_outputs(lambda a, b: {"digit": a, "odd": b})
    return Case(compiled(build, "adam", losses), y={"digit": Y, "odd": BINARY})


@case("structure")
def output_without_a_loss() -> Case:
    build = two_outputs(lambda a, b: {"digit": a, "odd": b})
    return Case(compiled(build, "adam", {"digit": CROSSENTROPY, "odd": None}), y={"digit": Y, "odd": BINARY})


# --- losses ---------------------------------------------------------------------------------------------------------


@case("loss")
def string() -> Case:
    return Case(compiled(mlp))


@case("loss")
def function() -> Case:
    return Case(compiled(mlp, loss=keras.losses.sparse_categorical_crossentropy))


@case("loss")
def lambda_of_one_s_own() -> Case:
    make = compiled(mlp, "adam", lambda y, p: keras.ops.mean((keras.ops.one_hot(y, 10) - p) ** 2, axis=-1))
    return Case(make)


@case("loss", "object")
def loss_object() -> Case:
    return Case(compiled(mlp, loss=keras.losses.SparseCategoricalCrossentropy))


@case("loss", "object that sums")
def summing() -> Case:
    loss = keras.losses.SparseCategoricalCrossentropy(reduction="sum")
    return Case(compiled(mlp, loss=loss), settings={"lr_space": (1e-4, 1e-2)})


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

    return Case(compiled(OwnStep), refused="a OwnStep that overrides it.*override `compute_loss` instead")


@case("loss")
def no_loss() -> Case:
    return Case(compiled(mlp, loss=None), refused="No loss to compute")


@case("loss")
def sampled_by_TensorFlow() -> Case:
    def sampled(y: Any, p: Any) -> Any:
        labels = tf.cast(tf.reshape(y, (-1, 1)), "int64")
        candidates = tf.random.log_uniform_candidate_sampler(labels, 1, 5, True, 10)[0]
        return -tf.math.log(tf.gather(p, candidates, axis=1)[:, 0] + 0.1)

    return Case(compiled(mlp, loss=sampled), refused="LogUniformCandidateSampler")


@case("loss")
def NaN_before_any_step() -> Case:
    return Case(
        compiled(mlp, loss=lambda y, p: keras.ops.log(-p[:, 0])), refused="The loss is nan before any step.*a logarithm"
    )


# --- weights --------------------------------------------------------------------------------------------------------


@case("weights")
def sample_weight() -> Case:
    return Case(compiled(mlp, "adam"), data={"sample_weight": WEIGHTS})


@case("weights")
def sample_weight_per_output() -> Case:
    losses = dict(zip(("digit", "odd"), LOSSES, strict=True))
    weights = {"digit": WEIGHTS, "odd": WEIGHTS[::-1].copy()}
    build = two_outputs(lambda a, b: {"digit": a, "odd": b})
    return Case(compiled(build, "adam", losses), y={"digit": Y, "odd": BINARY}, data={"sample_weight": weights})


@case("weights")
def sample_weight_per_step_of_a_sequence() -> Case:
    weights = np.random.default_rng(1).uniform(0, 1, TOKENS.shape)
    return Case(masked_sequences().make, TOKENS, TOKENS, data={"sample_weight": weights})


CLASS_WEIGHT = {0: 5.0, 3: 0.25, 7: 0.0}


@case("weights")
def class_weight() -> Case:
    return Case(compiled(mlp, "adam"), data={"class_weight": CLASS_WEIGHT})


@case("weights")
def class_weight_of_one_hot_targets() -> Case:
    return Case(compiled(mlp, "adam", "categorical_crossentropy"), y=np.eye(10)[Y], data={"class_weight": CLASS_WEIGHT})


@case("weights")
def class_weight_beside_sample_weight() -> Case:
    data = {"class_weight": CLASS_WEIGHT, "sample_weight": WEIGHTS}
    return Case(compiled(mlp), data=data, refused="`class_weight` needs a single target and no `sample_weight`")


# --- optimizers -----------------------------------------------------------------------------------------------------

#: Whatever class Keras has gets a case.
_CLASSES = {
    name: value
    for name, value in vars(optimizers).items()
    if inspect.isclass(value)
    and issubclass(value, optimizers.Optimizer)
    and name not in ("Optimizer", "MultiOptimizer", "LossScaleOptimizer")
}
OPTIMIZERS: dict[str, Callable[[], keras.Optimizer]] = {
    **_CLASSES,
    "SGD, momentum": lambda: optimizers.SGD(momentum=0.9),
    "SGD, Nesterov": lambda: optimizers.SGD(momentum=0.9, nesterov=True),
    "SGD, weight decay": lambda: optimizers.SGD(weight_decay=0.1),
    "RMSprop, centred with momentum": lambda: optimizers.RMSprop(momentum=0.5, centered=True),
    "Adam, AMSGrad": lambda: optimizers.Adam(amsgrad=True),
    "Adam, clipnorm": lambda: optimizers.Adam(clipnorm=0.05),
    "SGD, clipnorm": lambda: optimizers.SGD(clipnorm=0.05),
    "SGD, clipvalue": lambda: optimizers.SGD(clipvalue=0.01),
    "SGD, global_clipnorm": lambda: optimizers.SGD(global_clipnorm=0.1),
    "Adam, use_ema": lambda: optimizers.Adam(use_ema=True),
    "Adam, use_ema, overwriting": lambda: optimizers.Adam(use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=2),
    "SGD, loss_scale_factor": lambda: optimizers.SGD(loss_scale_factor=128.0),
    "Adam, a schedule": lambda: optimizers.Adam(optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)),
    "LossScaleOptimizer": lambda: optimizers.LossScaleOptimizer(optimizers.Adam(), dynamic_growth_steps=3),
}
#: Rates at which a step of theirs can be told from rounding.
LARGE = {"Adadelta": (1e-1, 100), "SGD, clipnorm": (1e-2, 1)}
for _name, _make in OPTIMIZERS.items():
    for _trained in (False, True):
        case("optimizer", f"{_name}, {'in mid-training' if _trained else 'fresh'}")(
            lambda name=_name, make=_make, trained=_trained: Case(
                # Adafactor makes NaN of weights whose gradients are all 0: no pixels at the border, then.
                compiled(classifier((4,)), make) if name == "Adafactor" else compiled(mlp, make),
                X[:, 26:30] if name == "Adafactor" else X,
                trained=trained,
                settings={"lr_space": LARGE[name]} if name in LARGE else {},
            )
        )


class SignSGD(optimizers.Optimizer):
    """A user's own optimizer, with an argument of its own."""

    def __init__(self, learning_rate: float = 0.01, softness: float = 0.1, name: str = "sign_sgd") -> None:
        super().__init__(learning_rate, name=name)
        self.softness = softness

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        scaled = keras.ops.tanh(gradient / self.softness)
        self.assign_sub(variable, keras.ops.cast(learning_rate, variable.dtype) * scaled)

    def get_config(self) -> dict[str, Any]:
        return {"learning_rate": 0.01, "softness": self.softness, "name": self.name}


@case("optimizer")
def custom_subclass() -> Case:
    return Case(compiled(mlp, lambda: SignSGD(softness=0.5)), trained=True)


@case("optimizer")
def custom_subclass_inside_LossScaleOptimizer() -> Case:
    return Case(compiled(mlp, lambda: optimizers.LossScaleOptimizer(SignSGD(softness=0.5))))


@case("optimizer")
def custom_subclass_without_its_config() -> Case:
    class NoConfig(SignSGD):
        def __init__(self, softness: float) -> None:
            super().__init__(softness=softness)

    return Case(compiled(mlp, lambda: NoConfig(0.5)), refused="type NoConfig that can't be copied")


@case("optimizer")
def exclude_from_weight_decay() -> Case:
    def build() -> keras.Model:
        model = mlp()
        model.mine = optimizers.AdamW(weight_decay=0.5)
        model.mine.exclude_from_weight_decay(var_list=[model.layers[0].kernel], var_names=["bias"])
        return model

    def make() -> keras.Model:
        keras.utils.set_random_seed(0)
        model = build()
        model.compile(model.mine, CROSSENTROPY)
        return model

    return Case(make)


@case("optimizer", "Muon, excluding a layer by its path")
def muon() -> Case:
    def build() -> keras.Model:
        return keras.Sequential(
            [keras.Input((64,)), layers.Dense(16, "relu", name="plain"), layers.Dense(10, "softmax", name="head")]
        )

    return Case(compiled(build, lambda: optimizers.Muon(exclude_layers=["head"])), trained=True)


if not hasattr(optimizers, "Muon"):
    del CASES["optimizer: Muon, excluding a layer by its path"]


@case("optimizer")
def gradient_accumulation_steps() -> Case:
    make = compiled(mlp, lambda: optimizers.SGD(gradient_accumulation_steps=4))
    return Case(make, refused="gradient_accumulation_steps=4, .*`batch_size` 4 times as large")


@case("optimizer")
def MultiOptimizer() -> Case:
    make = compiled(mlp, lambda: optimizers.MultiOptimizer(lambda variable: optimizers.SGD()))
    return Case(make, refused="of type MultiOptimizer")


if not hasattr(optimizers, "MultiOptimizer"):
    del CASES["optimizer: MultiOptimizer"]


# --- precision ------------------------------------------------------------------------------------------------------


def with_policy(policy: str) -> Callable[[], keras.Model]:
    def build() -> keras.Model:
        return keras.Sequential(
            [
                keras.Input((64,)),
                layers.Dense(16, "relu", dtype=policy),
                layers.BatchNormalization(dtype=policy),
                layers.Dense(10, dtype=policy),
                layers.Activation("softmax", dtype="float64" if policy == "float64" else "float32"),
            ]
        )

    return build


@case("precision")
def float64() -> Case:
    return Case(compiled(with_policy("float64"), "adam"), rtol=1e-5)


@case("precision")
def float64_layers_under_float32() -> Case:
    build = classifier((64,), lambda: layers.Dense(16, "relu", dtype="float64"))
    return Case(compiled(build, "adam"))


# The relative error of these formats is 1e-3 and 8e-3.
@case("precision")
def bfloat16_weights() -> Case:
    def build() -> keras.Model:
        hidden, last = layers.Dense(16, "relu", dtype="bfloat16"), layers.Dense(10, "softmax", dtype="float32")
        return keras.Sequential([keras.Input((64,)), hidden, last])

    make = compiled(build)
    return Case(make, settings={"lr_space": (3e-2, 1.0)}, rtol=1e-2)


@case("precision")
def mixed_float16() -> Case:
    make = compiled(with_policy("mixed_float16"), lambda: optimizers.LossScaleOptimizer(optimizers.Adam()))
    return Case(make, trained=True, rtol=1e-2)


@case("precision", "mixed_float16, the scale overflows")
def overflow() -> Case:
    policy = with_policy("mixed_float16")
    make = compiled(policy, lambda: optimizers.LossScaleOptimizer(optimizers.Adam(), initial_scale=2.0**40))
    return Case(make, rtol=0)


@case("precision")
def mixed_bfloat16() -> Case:
    make = compiled(with_policy("mixed_bfloat16"), "adam")
    return Case(make, settings={"lr_space": (3e-3, 0.3)}, rtol=3e-2)


# --- data -----------------------------------------------------------------------------------------------------------


@case("data", "NumPy, float64")
def numpy_double() -> Case:
    return Case(compiled(mlp), X.astype("float64"), Y.astype("int8"))


@case("data", "pandas")
def pandas_frame() -> Case:
    return Case(compiled(mlp), pd.DataFrame(X), pd.Series(Y))


@case("data", "pandas, integer and boolean columns")
def pandas_mixed() -> Case:
    frame = pd.DataFrame({"a": X[:, 20] > 0.5, "b": Y, "c": X[:, 12]})
    return Case(compiled(classifier((3,))), frame, pd.Series(Y))


@case("data", "pandas, nullable without missing values")
def pandas_nullable() -> Case:
    return Case(compiled(mlp), pd.DataFrame(X).astype("Float32"), pd.Series(Y, dtype="Int64"))


@case("data", "pandas, nullable with missing values")
def pandas_missing() -> Case:
    frame = pd.DataFrame(X).astype("Float32")
    frame.iloc[3, 5] = pd.NA
    return Case(compiled(mlp), frame, refused="column 5 of dtype Float32, with missing values in 1 rows.*fillna")


@case("data", "pandas, categorical")
def pandas_categorical() -> Case:
    frame = pd.DataFrame({"a": pd.Categorical(Y)})
    return Case(compiled(classifier((1,))), frame, refused="column 'a' of dtype category.*cat.codes")


@case("data", "pandas, strings")
def pandas_strings() -> Case:
    frame = pd.DataFrame({"a": Y.astype(str)})
    return Case(compiled(classifier((1,))), frame, refused="column 'a' of dtype .*which is no number")


@case("data")
def tensors() -> Case:
    return Case(compiled(mlp), tf.constant(X), tf.constant(Y))


@case("data")
def dataset_in_batches() -> Case:
    return Case(compiled(mlp), tf.data.Dataset.from_tensor_slices((X, Y)).batch(10), None)


@case("data")
def dataset_not_in_batches() -> Case:
    return Case(compiled(mlp), tf.data.Dataset.from_tensor_slices((X, Y)), None)


@case("data")
def dataset_without_end() -> Case:
    return Case(compiled(mlp), tf.data.Dataset.from_tensor_slices((X, Y)).shuffle(500, seed=1).repeat().batch(32), None)


@case("data")
def dataset_of_unknown_length() -> Case:
    spec = (tf.TensorSpec((None, 64), tf.float32), tf.TensorSpec((None,), tf.int64))
    dataset = tf.data.Dataset.from_generator(lambda: ((X[i : i + 7], Y[i : i + 7]) for i in range(0, 700, 7)),
                                             output_signature=spec)  # fmt: skip
    return Case(compiled(mlp), dataset, None)


@case("data")
def dataset_of_inputs_alone() -> Case:
    return Case(add_loss_alone().make, tf.data.Dataset.from_tensor_slices(X).batch(10), None,
                settings={"lr_space": (1e-2, 10)})  # fmt: skip


@case("data")
def dataset_with_weights() -> Case:
    return Case(compiled(mlp), tf.data.Dataset.from_tensor_slices((X, Y, WEIGHTS)).batch(10), None)


@case("data")
def dataset_with_class_weight() -> Case:
    dataset = tf.data.Dataset.from_tensor_slices((X, Y)).batch(10)
    return Case(compiled(mlp), dataset, None, data={"class_weight": CLASS_WEIGHT})


@case("data")
def dataset_of_dicts() -> Case:
    dataset = tf.data.Dataset.from_tensor_slices((HALVES, Y)).batch(10)
    return Case(inputs_as_dict().make, dataset, None)


@case("data")
def dataset_of_columns_that_Keras_expands() -> Case:
    def build() -> keras.Model:
        inputs = {name: keras.Input((1,), name=name) for name in ("a", "b")}
        joined = layers.Concatenate()(list(inputs.values()))
        return keras.Model(inputs, layers.Dense(10, "softmax")(joined))

    dataset = tf.data.Dataset.from_tensor_slices(({"a": X[:, 20], "b": X[:, 12]}, Y)).batch(10)
    return Case(compiled(build, "adam"), dataset, None, settings={"lr_space": (1e-2, 1)})


@case("data")
def dataset_of_less_than_a_round() -> Case:
    dataset = tf.data.Dataset.from_tensor_slices((X[:20], Y[:20])).batch(5)
    return Case(compiled(mlp), dataset, None)


@case("data")
def empty_dataset() -> Case:
    return Case(compiled(mlp), tf.data.Dataset.from_tensor_slices((X[:0], Y[:0])).batch(5), None,
                refused="`x` must yield at least one observation")  # fmt: skip


@case("data")
def targets_beside_a_dataset() -> Case:
    return Case(compiled(mlp), tf.data.Dataset.from_tensor_slices((X, Y)).batch(5), Y,
                refused="`y` and `sample_weight` must be None")  # fmt: skip


class Batches(keras.utils.PyDataset):
    def __len__(self) -> int:
        return len(X) // 10

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        return X[10 * index : 10 * index + 10], Y[10 * index : 10 * index + 10]


@case("data")
def PyDataset() -> Case:
    return Case(compiled(mlp), Batches(), None)


@case("data")
def PyDataset_without_end() -> Case:
    class Endless(Batches):
        num_batches = None

        def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
            return super().__getitem__(index % 100)

    return Case(compiled(mlp), Endless(), None)


@case("data")
def generator() -> Case:
    def batches() -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        for i in count():
            rows = np.arange(9 * i, 9 * i + 9) % len(X)
            yield X[rows], Y[rows], WEIGHTS[rows]

    return Case(compiled(mlp), batches(), None)


class LikeTorch:
    """An array as torch hands it over: by `__array__` alone."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self.array


@case("data", "what a torch DataLoader looks like")
def loader() -> Case:
    class Loader:
        def __len__(self) -> int:
            return 10

        def __iter__(self) -> Iterator[list[LikeTorch]]:
            return ([LikeTorch(X[i : i + 16]), LikeTorch(Y[i : i + 16])] for i in range(0, 160, 16))

    return Case(compiled(mlp), Loader(), None)


@case("data")
def scipy_sparse() -> Case:
    return Case(compiled(mlp), sparse.csr_matrix(X), refused="`x` must have a length, and rows that are arrays")


@case("data")
def dictionaries_in_another_order_than_the_outputs() -> Case:
    def build() -> keras.Model:
        inputs = keras.Input((64,))
        odd, digit = layers.Dense(1, "sigmoid", name="b")(inputs), layers.Dense(10, "softmax", name="a")(inputs)
        return keras.Model(inputs, [odd, digit])

    losses = {"b": "binary_crossentropy", "a": CROSSENTROPY}
    return Case(compiled(build, "adam", losses), y={"a": Y, "b": BINARY})


@case("data")
def memmap() -> Case:
    path = Path(mkdtemp()) / "x.npy"
    np.save(path, X.astype("float64"))
    return Case(compiled(mlp), np.load(path, mmap_mode="r"))


@case("data")
def NaN_in_a_memmap() -> Case:
    path = Path(mkdtemp()) / "x.npy"
    x = X.astype("float64")
    x[:, 0] = np.nan
    np.save(path, x)
    return Case(
        compiled(mlp), np.load(path, mmap_mode="r"), refused=r"in (12|36|48) of \1 rows, the first of them row \d"
    )


@case("data")
def HDF5() -> Case:
    file = h5py.File(Path(mkdtemp()) / "x.h5", "w")
    return Case(compiled(mlp), file.create_dataset("x", data=X), file.create_dataset("y", data=Y))


@case("data")
def anything_with_rows() -> Case:
    class Rows:
        def __len__(self) -> int:
            return len(X)

        def __getitem__(self, index: int) -> np.ndarray:
            assert isinstance(index, int), "one row at a time"
            return X[index]

    return Case(compiled(mlp), Rows())


@case("data")
def strings() -> Case:
    return Case(compiled(mlp), Y.astype(str)[:, None], refused="`x` must be an array of numbers")


@case("data")
def NaN() -> Case:
    x = X.copy()
    x[7, 3] = np.nan
    return Case(compiled(mlp), x, refused="NaN or infinity in 1 of 1797 rows, the first of them row 7")


@case("data")
def NaN_in_a_stream() -> Case:
    x = X.copy()
    x[7, 3] = np.nan
    dataset = tf.data.Dataset.from_tensor_slices((x, Y)).batch(10)
    return Case(compiled(mlp), dataset, None, refused="`x` must hold finite numbers.*in 1 of 10 rows, .* row 7")


@case("data")
def labels_outside_of_the_loss_s_range() -> Case:
    return Case(compiled(mlp), y=Y + 1, refused="`y` must lie between 0 and 9 for the loss sparse_.*from 1 to 10")


@case("data")
def labels_outside_of_a_binary_loss_s_range() -> Case:
    loss = keras.losses.BinaryCrossentropy
    make = compiled(lambda: keras.Sequential([keras.Input((64,)), layers.Dense(1, "sigmoid")]), loss=loss)
    return Case(make, y=2 * BINARY - 1, refused="`y` must lie between 0 and 1 for the loss Bin")


@case("data")
def a_model_whose_weights_are_NaN() -> Case:
    def build() -> keras.Model:
        model = mlp()
        model.layers[0].bias.assign(np.full(16, np.nan))
        return model

    return Case(compiled(build), refused="has weights that are NaN or infinite")
