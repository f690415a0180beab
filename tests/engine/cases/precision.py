"""Data types of weights and computations."""

from __future__ import annotations

from collections.abc import Callable

import keras
from keras import layers, optimizers

from tests.engine.cases.case import (
    Case,
    case,
    classifier,
    compiled,
)


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


# The relative rounding error of float16 is 1e-3, that of bfloat16 8e-3.
@case("precision")
def bfloat16_weights() -> Case:
    def build() -> keras.Model:
        hidden, last = layers.Dense(16, "relu", dtype="bfloat16"), layers.Dense(10, "softmax", dtype="float32")
        return keras.Sequential([keras.Input((64,)), hidden, last])

    make = compiled(build)
    return Case(make, settings={"lr_space": (1e-1, 3.0)}, rtol=1e-2)


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
