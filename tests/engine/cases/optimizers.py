"""Optimizers."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import keras
from keras import layers, optimizers

from tests.engine.cases.case import (
    CASES,
    CROSSENTROPY,
    Case,
    X,
    case,
    classifier,
    compiled,
    linear,
    mlp,
)

#: Every optimizer class of Keras has a case.
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
#: Optimizers with such small steps that smaller rates would only show rounding errors.
LARGE = {"Adadelta": (1e-1, 100), "ScheduleFreeAdamW": (1e-3, 1)}
LARGE |= dict.fromkeys(("SGD, clipnorm", "SGD, clipvalue", "SGD, global_clipnorm"), (1e-2, 1))
for _name, _make in OPTIMIZERS.items():
    for _trained in (False, True):
        case("optimizer", f"{_name}, {'in mid-training' if _trained else 'fresh'}")(
            lambda name=_name, make=_make, trained=_trained: Case(
                # Adafactor gives NaN for weights whose gradients are all 0: use no pixels at the border.
                compiled(classifier((4,)), make) if name == "Adafactor" else compiled(linear, make),
                X[:, 26:30] if name == "Adafactor" else X,
                trained=trained,
                settings={"lr_space": LARGE[name]} if name in LARGE else {},
            )
        )


class SignSGD(optimizers.Optimizer):
    """A custom optimizer with an extra argument."""

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
    return Case(compiled(linear, lambda: SignSGD(softness=0.5)), trained=True)


@case("optimizer")
def custom_subclass_inside_LossScaleOptimizer() -> Case:
    return Case(compiled(linear, lambda: optimizers.LossScaleOptimizer(SignSGD(softness=0.5))))


@case("optimizer")
def custom_subclass_without_its_config() -> Case:
    class NoConfig(SignSGD):
        def __init__(self, softness: float) -> None:
            super().__init__(softness=softness)

    return Case(compiled(linear, lambda: NoConfig(0.5)))


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
    make = compiled(linear, lambda: optimizers.SGD(gradient_accumulation_steps=2))
    return Case(make, settings={"horizon": 6, "evaluate_on": "progressive"})


@case("optimizer", "gradient_accumulation_steps, more than the horizon")
def too_few_steps() -> Case:
    make = compiled(linear, lambda: optimizers.SGD(gradient_accumulation_steps=4))
    return Case(make, settings={"horizon": 6}, refused=r"`horizon` must be a number of whole updates, .* horizon=8")


@case("optimizer")
def MultiOptimizer() -> Case:
    def optimizer() -> keras.Optimizer:
        return optimizers.MultiOptimizer(optimizers.OptimizerMap(optimizers.SGD(0.1), {".*bias": optimizers.Adam(0.3)}))

    return Case(compiled(linear, optimizer))


@case("optimizer", "MultiOptimizer with a function")
def unknown_parts() -> Case:
    make = compiled(linear, lambda: optimizers.MultiOptimizer(lambda variable: optimizers.SGD()))
    return Case(make, refused="an optimizer that is built, if it is a MultiOptimizer with a function")


@case("optimizer")
def schedule_without_its_config() -> Case:
    class Halved(optimizers.schedules.LearningRateSchedule):
        def __call__(self, step: Any) -> Any:
            return 0.5 ** keras.ops.cast(step, "float32")

    return Case(compiled(linear, lambda: optimizers.Adam(Halved())))


if not hasattr(optimizers, "MultiOptimizer"):
    for name in [name for name in CASES if "MultiOptimizer" in name]:
        del CASES[name]
