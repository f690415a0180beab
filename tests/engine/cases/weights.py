"""Sample weights and class weights."""

from __future__ import annotations

import numpy as np

from tests.engine.cases.case import (
    TOKENS,
    WEIGHTS,
    Case,
    Y,
    case,
    compiled,
    linear,
)
from tests.engine.cases.losses import masked_sequences
from tests.engine.cases.structure import (
    BINARY,
    LOSSES,
    two_outputs,
)


@case("weights")
def sample_weight() -> Case:
    return Case(compiled(linear, "adam"), data={"sample_weight": WEIGHTS})


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
    return Case(compiled(linear, "adam"), data={"class_weight": CLASS_WEIGHT})


@case("weights")
def class_weight_of_one_hot_targets() -> Case:
    return Case(
        compiled(linear, "adam", "categorical_crossentropy"), y=np.eye(10)[Y], data={"class_weight": CLASS_WEIGHT}
    )


@case("weights")
def class_weight_beside_sample_weight() -> Case:
    data = {"class_weight": CLASS_WEIGHT, "sample_weight": WEIGHTS}
    return Case(
        compiled(linear),
        data=data,
        refused="`class_weight` must be used with a single target `y` and without `sample_weight`",
    )
