"""What Keras itself gives: a copy of the model, really trained for one step. Shares no code with the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import keras
import numpy as np

from autolr_widget import LRTuner


def assert_exact(tuner: LRTuner, make: Callable[[], keras.Model], rounds: int = 2, rtol: float = 2e-4) -> None:
    """The engine's loss differentials are those of a copy that was really trained.

    ``make`` builds and compiles a model like the tuner's. The tolerance is the float error of a loss, ``rtol`` of ΔL
    itself and 1e-2 ``rtol`` of the loss that it is a difference of.
    """
    model, settings = tuner.model, tuner.settings
    for index in range(rounds):
        round = tuner.measure(index)
        # Rounds draw far apart from one another: the copy is moved on to there.
        seeds = [v for v in model.non_trainable_variables if v.name == "seed_generator_state"]
        start = [seed.numpy() for seed in seeds]
        for seed in seeds:
            seed.assign(seed.numpy() + np.array([0, 4096 * index], "uint32"))
        batch = tuner.observations.draw(settings.batch_size, settings.seed, index)
        truth = true_deltas(model, make, tuner.rates, batch)
        for seed, value in zip(seeds, start, strict=True):
            seed.assign(value)
        assert rtol == 0 or np.nanmax(abs(truth)) > 10 * rtol * abs(round.loss), (
            "no rate changes the loss enough to tell"
        )
        np.testing.assert_allclose(round.deltas, truth, rtol=rtol, atol=1e-2 * rtol * max(abs(round.loss), 1))


def true_deltas(
    model: keras.Model, make: Callable[[], keras.Model], rates: Iterable[float], batch: tuple[Any, Any, Any]
) -> np.ndarray:
    """The change in training loss on ``batch`` after one `train_on_batch` on it, at each rate.

    Both losses see the random numbers and batch statistics of the starting state, as the design asks for.
    """
    x, y, sample_weight = batch
    copy = make()
    if not copy.built:
        copy(x)
    copy.optimizer.build(copy.trainable_variables)
    slots = model.optimizer.variables if model.optimizer.built else copy.optimizer.variables
    # Values, before any of the variables they are read from moves.
    start = [variable.numpy() for variable in (*_state(model), *slots)]
    others = [variable.numpy() for variable in _others(model)]
    scheduled = isinstance(copy.optimizer._learning_rate, keras.optimizers.schedules.LearningRateSchedule)
    deltas = []
    for rate in rates:
        _assign((*_state(copy), *copy.optimizer.variables), start)
        before = _loss(copy, batch)
        if scheduled:
            copy.optimizer.learning_rate = keras.optimizers.schedules.ExponentialDecay(float(rate), 1, 1.0)
            copy.train_function = None
        else:
            copy.optimizer.learning_rate = rate
        copy.train_on_batch(x, y, sample_weight=sample_weight)
        _assign(_others(copy), others)
        deltas.append(_loss(copy, batch) - before)
    return np.array(deltas)


def _assign(variables: Iterable[keras.Variable], values: Iterable[np.ndarray]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _loss(model: keras.Model, batch: tuple[Any, Any, Any]) -> float:
    start = [variable.numpy() for variable in _others(model)]
    x, y, sample_weight = keras.tree.map_structure(
        lambda leaf: None if leaf is None else keras.ops.convert_to_tensor(leaf), batch
    )
    y_pred = model(x, training=True) if model._call_has_training_arg else model(x)
    loss = float(model._compute_loss(x, y, y_pred, sample_weight, training=True))
    _assign(_others(model), start)
    return loss


def _state(model: keras.Model) -> list[keras.Variable]:
    return [*model.trainable_variables, *_others(model)]


def _others(model: keras.Model) -> list[keras.Variable]:
    states = [layer.states for layer in model.layers if getattr(layer, "stateful", False)]
    return [*model.non_trainable_variables, *keras.tree.flatten(states)]
