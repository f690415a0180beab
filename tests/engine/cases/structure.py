"""Models with several inputs and outputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import layers

from tests.engine.cases.case import (
    CROSSENTROPY,
    Case,
    X,
    Y,
    case,
    compiled,
)

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
