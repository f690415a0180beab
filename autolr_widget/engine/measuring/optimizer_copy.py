"""Copies of optimizers: their learning rate can be set, and they can be built, without a change to the original."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import keras

from autolr_widget.engine.parts import inner, parts


def optimizers(model: keras.Model) -> dict[str, keras.Optimizer]:
    """Return the optimizers that are attributes of a model, by name."""
    found = {name: value for name, value in vars(model).items() if isinstance(value, keras.Optimizer)}
    return {name: value for name, value in found.items() if name == "optimizer" or value is not model.optimizer}


def copy_of(optimizer: keras.Optimizer, variables: Sequence[keras.Variable]) -> keras.Optimizer:
    """Return an optimizer that steps as ``optimizer`` does.

    A copy of a built optimizer shares its step counter and its moments. This is only useful in a graph in which all
    variables are exchanged, see `autolr_widget.engine.measuring.exchangeable`. A copy of an optimizer that is not built
    is not built either, and shares nothing but ``variables``, the weights of the model.

    Keras copies optimizers by `get_config`, which custom optimizers and schedules need not have.
    """
    twin: keras.Optimizer = object.__new__(type(optimizer))
    copies = {id(part): copy_of(part, variables) for part in inner(optimizer)}
    if optimizer.built:
        twin.__dict__.update(optimizer.__dict__)
        if "inner_optimizer" in twin.__dict__:
            twin.__dict__["inner_optimizer"] = copies[id(optimizer.inner_optimizer)]
        if "_inner_optimizers" in twin.__dict__:
            twin.__dict__["_inner_optimizers"] = [copies[id(part)] for part in inner(optimizer)]
        return twin
    memo: dict[int, Any] = {id(variable): variable for variable in variables} | copies
    memo[id(optimizer)] = twin
    memo[id(optimizer._distribution_strategy)] = optimizer._distribution_strategy
    for name, value in optimizer.__dict__.items():
        twin.__dict__[name] = copy.deepcopy(value, memo)
    return twin


def set_own_rates(copied: keras.Optimizer) -> list[tuple[keras.Variable, float]]:
    """Give a copy learning rates that are variables of its own, in place of schedules too.

    Returns
    -------
    list of (variable, factor)
        One for each optimizer of `parts`: its rate must be ``factor`` times the rate that is tried. The rates of a
        MultiOptimizer keep their proportions, and the rate that is tried is the first one's.
    """
    now = [float(part.learning_rate) for part in parts(copied)]
    rates = []
    for part, rate in zip(parts(copied), now, strict=True):
        dtype = getattr(part._learning_rate, "dtype", None)
        own = keras.Variable(rate, dtype=dtype, trainable=False, name="tried_rate")
        part.__dict__["_learning_rate"] = own
        rates.append((own, rate / now[0] if len(now) > 1 else 1.0))
    return rates


def slots(optimizer: keras.Optimizer) -> list[keras.Variable]:
    """Return the variables of an optimizer except for its learning rates: its step counters and moments."""
    return [variable for variable in optimizer.variables if variable.name != "learning_rate"]
