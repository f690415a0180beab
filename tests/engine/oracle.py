"""The exact loss differentials, from a copy of the model that Keras trains. Shares no code with the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras.src.backend.common import global_state

from autolr_widget import LRTuner

Batch = tuple[Any, Any, Any]


def assert_exact(
    make: Callable[[], keras.Model], tuners: Iterable[LRTuner], rounds: int = 2, rtol: float = 2e-4
) -> None:
    """Check that the engine's loss differentials are those of a copy that Keras trained.

    ``make`` builds and compiles a model like the tuners'. They are taken one after the other, so that their model may
    be trained in between. The tolerance is ``rtol`` of ΔL plus 1e-2 ``rtol`` of the loss, for the rounding error of a
    difference of losses.
    """
    # One copy for all tuners and rounds, because Keras traces its training step again for each.
    copy = make()
    fresh: list[np.ndarray] | None = None
    for (number, tuner), index in ((each, index) for each in enumerate(tuners) for index in range(rounds)):
        model, settings = tuner.model, tuner.settings
        round = tuner.measure(index)
        # Each round uses its own range of random numbers: move the seeds there.
        seeds = [v for v in _others(model) if v.name == "seed_generator_state"]
        start = [seed.numpy() for seed in seeds]
        for seed in seeds:
            seed.assign(seed.numpy() + np.array([0, 4096 * index], "uint32"))
        count = settings.horizon + settings.held_out
        draw = tuner.observations.draw(settings.batch_size, settings.seed, index, settings.horizon, settings.held_out)
        batches = [keras.utils.unpack_x_y_sample_weight(draw(k)) for k in range(count)]
        if fresh is None:
            if not copy.built:
                copy(batches[0][0])
            copy.optimizer.build(copy.trainable_variables)
            fresh = [variable.numpy() for variable in copy.optimizer.variables]
        slots = [variable.numpy() for variable in model.optimizer.variables] if model.optimizer.built else fresh
        truth = true_deltas(model, copy, slots, tuner.rates, batches, settings.horizon, settings.seen)
        for seed, value in zip(seeds, start, strict=True):
            seed.assign(value)
        assert rtol == 0 or np.nanmax(abs(truth)) > 10 * rtol * abs(round.loss), (
            "no rate changes the loss by more than the tolerance"
        )
        where = f"round {index} of tuner {number}, {settings}"
        np.testing.assert_allclose(round.deltas, truth, rtol, 1e-2 * rtol * max(abs(round.loss), 1), err_msg=where)


def true_deltas(
    model: keras.Model,
    copy: keras.Model,
    slots: list[np.ndarray],
    rates: Iterable[float],
    batches: list[Batch],
    horizon: int = 1,
    evaluate_on: str = "train",
) -> np.ndarray:
    """The change in training loss after ``horizon`` calls of `train_on_batch`, at each rate.

    ``copy`` is trained from the state of ``model``, with its optimizer's variables set to ``slots``.
    Both losses use the random numbers and batch statistics of the starting state, as the engine does.
    """
    start = [*(variable.numpy() for variable in _state(model)), *slots]
    others = [variable.numpy() for variable in _others(model)]
    seen = batches[horizon:] if evaluate_on == "held-out" else batches
    _assign((*_state(copy), *copy.optimizer.variables), start)
    before = _losses(copy, seen)
    deltas = []
    for rate in rates:
        _assign((*_state(copy), *copy.optimizer.variables), start)
        own = []
        _set_rate(copy, float(rate))
        for x, y, sample_weight in batches[:horizon]:
            if evaluate_on == "progressive":
                own += _losses(copy, [(x, y, sample_weight)])
            copy.train_on_batch(x, y, sample_weight=sample_weight)
        _assign(_others(copy), others)
        if evaluate_on == "progressive":
            deltas.append(np.mean(own[horizon // 2 :]) - np.mean(before[horizon // 2 :]))
        else:
            deltas.append(np.mean(_losses(copy, seen)) - np.mean(before))
    return np.array(deltas)


class Held(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that can be set, in the place of a schedule. Keras would trace its step again for another one."""

    def __init__(self) -> None:
        self.rate = tf.Variable(0.0)

    def __call__(self, step: Any) -> tf.Tensor:
        return tf.identity(self.rate)


def _set_rate(model: keras.Model, rate: float) -> None:
    # The optimizers inside a MultiOptimizer keep the proportions of their rates.
    parts = getattr(model.optimizer, "optimizers", [model.optimizer])
    first = float(parts[0].learning_rate)
    for part in parts:
        if isinstance(part._learning_rate, keras.optimizers.schedules.LearningRateSchedule):
            if not isinstance(part._learning_rate, Held):
                part.learning_rate = Held()
                model.train_function = None
            part._learning_rate.rate.assign(rate)
        else:
            part.learning_rate = rate if part is parts[0] else rate * float(part.learning_rate) / first


def _assign(variables: Iterable[keras.Variable], values: Iterable[np.ndarray]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _losses(model: keras.Model, batches: list[Batch]) -> list[float]:
    """The loss on each batch, with the random state carried from batch to batch. The model is left unchanged."""
    # Some layers write to their own weights.
    start = [variable.numpy() for variable in _state(model)]
    losses = []
    for batch in batches:
        x, y, sample_weight = keras.tree.map_structure(
            lambda leaf: None if leaf is None else keras.ops.convert_to_tensor(leaf), batch
        )
        y_pred = model(x, training=True) if model._call_has_training_arg else model(x)
        losses.append(float(model._compute_loss(x, y, y_pred, sample_weight, training=True)))
    _assign(_state(model), start)
    return losses


def _state(model: keras.Model) -> list[keras.Variable]:
    return [*model.trainable_variables, *_others(model)]


def _others(model: keras.Model) -> list[keras.Variable]:
    states = [layer.states for layer in model.layers if getattr(layer, "stateful", False)]
    shared = global_state.get_global_attribute("global_seed_generator")
    return [*model.non_trainable_variables, *keras.tree.flatten(states), *([shared.state] if shared else [])]
