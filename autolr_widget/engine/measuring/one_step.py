"""The fast way for a horizon of 1: the direction of the step is computed once, and the loss evaluated along it."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from autolr_widget.engine.measuring.causes import NO_GRADIENT, causes_told
from autolr_widget.engine.measuring.exchangeable import Exchangeable, uncollected
from autolr_widget.engine.measuring.line import line_through
from autolr_widget.engine.measuring.loss import WritesWeights, loss_at, other_variables
from autolr_widget.engine.measuring.start import Start, moved_on
from autolr_widget.engine.measuring.sweep import Form, form_for, sweep
from autolr_widget.engine.measuring.training import Training
from autolr_widget.engine.measuring.training_step import TRACING, draws, filled, leaves_of
from autolr_widget.engine.types import Batch, Floats, State


class OneStep:
    """The loss before and after one step at each rate, for Keras's own `train_step`.

    The weights after one step are nearly always a straight line in the rate. Then the step is taken at three rates
    only, and the loss evaluated along the line. Where they are not, the caller must train at each rate; and also where
    the loss depends on more than the weights and the other variables that Keras knows of.

    Parameters
    ----------
    training
        The model in training.
    """

    def __init__(self, training: Training) -> None:
        self._model = model = training.model
        self._step = training.step
        # Keras's optimizers update nothing but variables. These serve one call at a time.
        self._weights = [tf.Variable(v.value, trainable=False) for v in model.trainable_variables]
        slots = self._step.slots()
        self._slots = [tf.Variable(value, trainable=False) for _, value in slots]
        self._rates = [tf.Variable(rate.value, trainable=False) for rate, _ in self._step.rates]
        originals = [*model.trainable_variables, *(v for v, _ in slots), *(v for v, _ in self._step.rates)]
        copies = [*self._weights, *self._slots, *self._rates]
        self._copy_of = {id(v.value): own for v, own in zip(originals, copies, strict=True)}
        self._lock = threading.Lock()
        self._traces: dict[tuple[Any, ...], Any] = {}
        self._structure: Batch = ()
        self._form = Form(False, 1)

    @property
    def plan(self) -> str:
        """How the rates are measured, in words."""
        how = f"at up to {self._form.width} rates at once" if self._form.vectorised else "at one rate after the other"
        return f"The direction of the step is computed once, and the loss is evaluated along it, {how}."

    def measure(
        self,
        start: Start,
        rates: Floats,
        racing: NDArray[np.bool_] | None,
        batches: Sequence[Batch],
        first_round: int,
    ) -> tuple[Floats, NDArray[np.bool_]]:
        """Measure the rounds from ``first_round`` on, one for each of ``batches``, in one call.

        A call costs as much as a small model's whole round, so that many in one are twice as quick. A round's numbers
        are the same to the last bit, whichever rounds are measured with it. Layers with random numbers draw the same
        ones before and after the step, and others in each round.

        Parameters
        ----------
        start
            The state that the step is taken from.
        rates
            The grid, shape ``(num_evals,)``.
        racing
            Which rates to measure, shape ``(num_evals,)``. None for all.
        batches
            Batches of the same shapes.
        first_round
            The index of the first of these rounds.

        Returns
        -------
        losses
            The loss before the step and then that after it at each measured rate, shape ``(rounds, 1 + rates)``.
        straight
            Whether the weights after the step are a straight line in the rate, so that the losses are right; shape
            ``(rounds,)``.
        """
        self._structure = batches[0]
        leaves = [tf.constant(np.stack(leaf)) for leaf in zip(*map(leaves_of, batches), strict=True)]
        # Many at once are faster if their number is known, which it is not in a race. The ends are those of the whole
        # grid, so that a rate's numbers do not depend on which others race.
        many = rates.size if racing is None else None
        measured = tf.constant(rates if racing is None else rates[racing])
        rounds = tf.range(first_round, first_round + len(batches))
        with self._lock:
            traced = self._traced(many, start.state, leaves)
            if traced is None:
                return np.full((len(batches), 1 + measured.shape[0]), np.nan), np.zeros(len(batches), dtype=bool)
            losses, straight = traced(start.state, measured, leaves, rounds, tf.constant(rates[[0, -1]]))
        return losses.numpy(), straight.numpy()

    def _traced(self, many: int | None, state: State, leaves: list[tf.Tensor]) -> Any:
        """Return the graph for ``many`` rates, leaves like these, and any number of rounds. None if there is none."""
        # TensorFlow's own look-up takes half a millisecond, as it looks at every tensor of the state.
        key = (many, *((leaf.shape[1:], leaf.dtype) for leaf in leaves))
        if key not in self._traces:
            specs = [tf.TensorSpec((None, *leaf.shape[1:]), leaf.dtype) for leaf in leaves]
            rates, rounds = tf.TensorSpec((many,), tf.float64), tf.TensorSpec((None,), tf.int32)
            ends = tf.TensorSpec((2,), tf.float64)
            errors: list[Exception] = []

            def trace(*arguments: Any) -> tuple[tf.Tensor, tf.Tensor]:
                return self._trace(errors, *arguments)

            with TRACING, uncollected():
                function = tf.function(trace, autograph=False)
                traced = function.get_concrete_function(state, rates, specs, rounds, ends)
            if errors and not isinstance(errors[0], WritesWeights):
                with causes_told(leaves[0].shape[1]):
                    raise errors[0]
            own = {id(variable.handle) for variable in self._copy_of.values()}
            foreign = [c for c in traced.captured_inputs if c.dtype == tf.resource and id(c) not in own]
            self._traces[key] = None if errors or foreign or draws(traced.graph) else traced
        return self._traces[key]

    def _trace(
        self,
        errors: list[Exception],
        state: State,
        rates: tf.Tensor,
        leaves: list[tf.Tensor],
        rounds: tf.Tensor,
        ends: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        # Whatever the weights' precision, the optimizer's is that of its learning rate.
        rates, ends = (tf.cast(some, self._rates[0].dtype) for some in (rates, ends))

        def losses(round: tuple[list[tf.Tensor], tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
            batch, index = filled(self._structure, round[0]), round[1]
            others = [
                moved_on(variable.name, value, index)
                for variable, value in zip(other_variables(self._model), state.others, strict=True)
            ]

            def loss(weights: Sequence[tf.Tensor]) -> tf.Tensor:
                with self._step.random_numbers():
                    return loss_at(self._step.twin, weights, others, batch)

            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(state.trainable)
                before = loss(state.trainable)
                # The scale of a LossScaleOptimizer is one of its variables.
                scale = self._on_copies(self._step.optimizer.scale_loss, state, tf.ones((), before.dtype))
                scaled = before * scale
            gradients = tape.gradient(scaled, state.trainable)
            if all(gradient is None for gradient in gradients):
                raise ValueError(NO_GRADIENT)
            self._form = form_for(before.graph, sum(math.prod(w.shape) * w.dtype.size for w in state.trainable))

            line = line_through(lambda rate: self._stepped(state, gradients, rate), ends[0], ends[1])
            after = sweep(lambda rate: loss(line.at(rate)), rates, self._form)
            return tf.concat([tf.cast(before, tf.float64)[tf.newaxis], after], axis=0), line.is_straight

        def losses_or_error(round: tuple[list[tf.Tensor], tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
            # After an exception, `tf.map_fn` leaves a state in which no distribution strategy can be used.
            try:
                return losses(round)
            except Exception as error:
                errors.append(error)
                return tf.zeros((1,), tf.float64), tf.constant(False)

        # One round after the other, here and above: all steps share the scratch variables.
        result: tuple[tf.Tensor, tf.Tensor] = tf.map_fn(
            losses_or_error, (leaves, rounds), fn_output_signature=(tf.float64, tf.bool), parallel_iterations=1
        )
        return result

    def _stepped(self, state: State, gradients: Sequence[Any], rate: tf.Tensor) -> list[tf.Tensor]:
        """Return the weights after one step at ``rate``."""
        for weight, value in zip(self._weights, state.trainable, strict=True):
            weight.assign(value)
        for own, (_, factor) in zip(self._rates, self._step.rates, strict=True):
            own.assign(tf.cast(rate, own.dtype) * factor)
        present = [(g, v) for g, v in zip(gradients, self._model.trainable_variables, strict=True) if g is not None]

        def apply(*gradients: Any) -> None:
            # The optimizer leaves out what has no gradient, too, but warns of it each time.
            self._step.optimizer.apply_gradients(zip(gradients, [v for _, v in present], strict=True))

        self._on_copies(apply, state, *(g for g, _ in present))
        return [tf.identity(weight) for weight in self._weights]

    def _on_copies(self, function: Any, state: State, *arguments: Any) -> Any:
        """Call ``function`` on the copies of the variables, with the slots of ``state``."""
        for slot, value in zip(self._slots, state.slots, strict=True):
            slot.assign(value)
        exchangeable = Exchangeable(function, [tf.type_spec_from_value(argument) for argument in arguments])
        return exchangeable([self._copy_of[id(v)].handle for v in exchangeable.variables], *arguments)
