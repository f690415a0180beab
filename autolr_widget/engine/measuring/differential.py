"""The loss differential of every learning rate on one subsample."""

from __future__ import annotations

import gc
import math
import threading
import time
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from autolr_widget.engine.measuring.line import line_through
from autolr_widget.engine.measuring.loss import other_variables, training_loss
from autolr_widget.engine.measuring.path import all_finite, losses_of_paths
from autolr_widget.engine.measuring.step import Step
from autolr_widget.engine.measuring.sweep import Form, form_for, operations, sweep
from autolr_widget.engine.measuring.validation import check_model
from autolr_widget.engine.types import Batch, State

#: Seeds move on by so much from round to round: more than a layer draws in one, so that no two rounds share a draw.
DRAWS = 4096

#: Seconds of rates that one call may take where each rate takes many steps: Python hears an interrupt between calls.
PIECE = 1.0


class LossDifferential:
    """The loss before and after one or several steps at each rate, as one graph.

    The weights after one step are nearly always a straight line in the rate. Then the step is taken at three rates
    only, and the loss evaluated along the line. Where they are not, and for several steps, each rate is trained with.

    The model and its optimizer are read, never written.
    """

    def __init__(self, model: keras.Model, batch: Batch) -> None:
        if not model.built:
            # What the first training step would do. The initial weights were settled when the layers were made.
            # Symbols have no values: nothing runs, so that no seed generator moves on.
            model(
                keras.tree.map_structure(lambda leaf: keras.KerasTensor((None, *leaf.shape[1:]), leaf.dtype), batch[0])
            )
        check_model(model)
        self._model = model
        self._traced_from = _parts(model)
        self._step = Step(model.optimizer, model.trainable_variables)
        self._along_line = tf.function(self._trace_along_line, autograph=False)
        self._plan = "Not known before the first round."
        self._traces: dict[tuple[Any, ...], Any] = {}
        self._form = Form(False, 1)
        self._structure: Any = None
        self._piece = 1
        # The shadows serve one call at a time.
        self._lock = threading.Lock()

    def state(self) -> State:
        """The model's and its optimizer's state as it is now.

        Raises
        ------
        ValueError
            If it is not finite. The loss would not tell: a fused matmul and relu makes a 0 of NaN.
        """
        model = self._model
        state = State(
            [tf.identity(v.value) for v in model.trainable_variables],
            [tf.identity(v.value) for v in other_variables(model)],
            self._step.slots(model.optimizer, model.trainable_variables),
        )
        if not all_finite([*state.trainable, *state.others]):
            raise ValueError(
                "Argument `model` must have finite weights. Received: weights that are NaN or infinite. Build it "
                "again, or load other weights."
            )
        return state

    def is_current(self) -> bool:
        """Whether the model is still compiled as it was, with the same variables to train."""
        return self._traced_from == _parts(self._model)

    def __call__(
        self,
        state: State,
        rates: NDArray[np.float64],
        racing: NDArray[np.bool_] | None,
        batches: Sequence[Batch],
        first_round: int,
        horizon: int = 1,
        evaluate_on: str = "train",
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Measure the rounds from ``first_round`` on, one for each of ``batches``, in one call.

        With a ``horizon`` of several steps, and where ``evaluate_on`` is ``"held-out"``, a round's batch is as many
        batches in a row. ``racing`` are the rates that are measured, of shape ``(num_evals,)``; None for all.

        A call costs as much as a small model's whole round, so that many in one are twice as quick. A round's numbers
        are the same to the last bit, whichever rounds are measured with it. Layers with random numbers draw the same
        ones before and after the step, and others in each round.

        Returns
        -------
        losses, deltas
            The loss before the step, shape ``(rounds,)``, and loss after minus loss before at each of ``rates``, shape
            ``(rounds, num_evals)``; NaN where the rate diverged or was not measured.

        Raises
        ------
        ValueError
            If the model can't be measured on copies.
        MemoryError
            If TensorFlow ran out of memory.
        """
        several = (horizon, evaluate_on) != (1, "train")
        self._structure = batches[0]
        arrays = [np.stack(leaf) for leaf in zip(*map(_leaves, batches), strict=True)]
        if several:
            count = horizon + (evaluate_on == "held-out")
            arrays = [array.reshape(len(batches), count, -1, *array.shape[2:]) for array in arrays]
        rounds = tf.range(first_round, first_round + len(batches))
        some = slice(None) if racing is None else racing
        arguments = state, tf.constant(rates[some]), [tf.constant(array) for array in arrays], rounds
        with self._lock:
            try:
                if several:
                    losses = self._on_paths(horizon, evaluate_on, *arguments)
                else:
                    # Many at once go quicker if their number is known, which in a race it is not. The ends are the
                    # whole grid's, so that a rate's numbers do not depend on who else is racing.
                    many = rates.size if racing is None else None
                    losses = self._on_line(many, tf.constant(rates[[0, -1]]), *arguments)
            except tf.errors.ResourceExhaustedError as error:
                raise MemoryError(error.message) from error
        deltas = np.full((len(batches), rates.size), np.nan)
        deltas[:, some] = np.where(np.isfinite(losses[:, 1:]), losses[:, 1:] - losses[:, :1], np.nan)
        return losses[:, 0], deltas

    @property
    def optimizer(self) -> keras.Optimizer:
        """The clone that takes the steps: the model's optimizer as it was then, but for the learning rate."""
        return self._step.optimizer

    @property
    def plan(self) -> str:
        """How rounds are measured, for people."""
        return self._plan

    def _on_line(
        self,
        many: int | None,
        ends: tf.Tensor,
        state: State,
        rates: tf.Tensor,
        leaves: list[tf.Tensor],
        rounds: tf.Tensor,
    ) -> NDArray[np.float64]:
        """The loss before the step, and then those after it, shape ``(rounds, 1 + num_evals)``."""
        losses: NDArray[np.float64]
        specs = [tf.TensorSpec((None, *leaf.shape[1:]), leaf.dtype) for leaf in leaves]
        traced = self._traced("line", self._along_line, many, state, specs, tf.TensorSpec(ends.shape, ends.dtype))
        losses, straight = (t.numpy() for t in traced(state, rates, leaves, rounds, ends))
        how = f"at up to {self._form.width} rates at once" if self._form.vectorised else "at one rate after the other"
        self._plan = f"The direction of the step is computed once, and the loss is evaluated along it, {how}."
        if not straight.all():
            bent = np.flatnonzero(~straight)
            these = [tf.gather(leaf, bent)[:, tf.newaxis] for leaf in leaves]
            losses[bent] = self._on_paths(1, "train", state, rates, these, tf.gather(rounds, bent))
            self._plan = (
                "The optimizer takes a step at one rate after the other, because its steps are not on a straight line."
            )
        return losses

    def _on_paths(
        self,
        horizon: int,
        evaluate_on: str,
        state: State,
        rates: tf.Tensor,
        leaves: list[tf.Tensor],
        rounds: tf.Tensor,
    ) -> NDArray[np.float64]:
        """The loss before the steps, and then those after them, shape ``(rounds, 1 + num_evals)``."""

        def trace(state: State, rates: tf.Tensor, leaves: list[tf.Tensor], rounds: tf.Tensor) -> tf.Tensor:
            def losses(round: tuple[list[tf.Tensor], tf.Tensor]) -> tf.Tensor:
                start = state._replace(others=self._others(state, round[1]))
                return losses_of_paths(self._train, self._loss, start, rates, round[0], evaluate_on)

            return tf.map_fn(losses, (leaves, rounds), fn_output_signature=tf.float64, parallel_iterations=1)

        function = tf.function(trace, autograph=False)
        specs = [tf.TensorSpec((None, None, *leaf.shape[2:]), leaf.dtype) for leaf in leaves]
        traced = self._traced(evaluate_on, function, None, state, specs)
        steps = "a step" if horizon == 1 else f"{horizon} steps"
        self._plan = f"The optimizer takes {steps} at one rate after the other."
        pieces: list[NDArray[np.float64]] = []
        measured = 0
        while measured < rates.shape[0]:
            began = time.perf_counter()
            some = rates[measured : measured + self._piece]
            losses: NDArray[np.float64] = traced(state, some, leaves, rounds).numpy()
            pieces.append(losses[:, min(1, measured) :])
            measured += some.shape[0]
            self._piece = max(1, int(PIECE * some.shape[0] / (time.perf_counter() - began)))
        return np.concatenate(pieces, axis=1)

    def _traced(
        self,
        name: str,
        function: Any,
        many: int | None,
        state: State,
        leaves: list[tf.TensorSpec],
        *more: tf.TensorSpec,
    ) -> Any:
        """The graph of ``function`` for ``many`` rates, leaves like these, and any number of rounds."""
        # TensorFlow's own look-up takes half a millisecond, as it looks at every tensor of the state.
        key = (name, many, *leaves)
        if key not in self._traces:
            rates, rounds = tf.TensorSpec((many,), tf.float64), tf.TensorSpec((None,), tf.int32)
            arguments = (state, rates, leaves, rounds, *more)
            # Tracing makes so many objects that Python looks through all of TensorFlow's for rubbish: 0.2 s of 0.5.
            collects = gc.isenabled()
            gc.disable()
            try:
                traced = function.get_concrete_function(*arguments)
            except Exception as error:
                if self._model.run_eagerly:
                    raise ValueError(
                        "Argument `model` must be traceable, even with `run_eagerly=True`: only a graph shows that the "
                        f"model writes to nothing but copies. {type(error).__name__}: {error}"
                    ) from error
                raise
            finally:
                if collects:
                    gc.enable()
            self._check_graph(traced.graph)
            self._traces[key] = traced
        return self._traces[key]

    def _batch(self, leaves: list[tf.Tensor]) -> Batch:
        """``(x, y, sample_weight)`` of these leaves."""
        rest = iter(leaves)
        batch: Batch = keras.tree.map_structure(lambda leaf: None if leaf is None else next(rest), self._structure)
        return batch

    def _others(self, state: State, round_index: tf.Tensor) -> list[tf.Tensor]:
        """The other variables as round ``round_index`` finds them: its seeds have moved on."""
        return [
            value + tf.cast([0, DRAWS * round_index], value.dtype) if variable.name == "seed_generator_state" else value
            for variable, value in zip(other_variables(self._model), state.others, strict=True)
        ]

    def _loss(
        self, weights: list[tf.Tensor], others: list[tf.Tensor], leaves: list[tf.Tensor]
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        return training_loss(self._model, weights, others, self._batch(leaves))

    def _gradients(
        self, state: State, leaves: list[tf.Tensor]
    ) -> tuple[tf.Tensor, list[tf.Tensor], list[tf.Tensor | tf.IndexedSlices | None]]:
        """The loss, what becomes of the other variables, and the gradients by the weights."""
        if isinstance(self._step.optimizer, keras.optimizers.LossScaleOptimizer):
            # The scale is a slot, too.
            self._step.load(state.slots)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(state.trainable)
            loss, others = self._loss(state.trainable, state.others, leaves)
            scaled = self._step.optimizer.scale_loss(loss)
        return loss, others, tape.gradient(scaled, state.trainable)

    def _train(self, rate: tf.Tensor, state: State, leaves: list[tf.Tensor]) -> tuple[tf.Tensor, State]:
        """One step of training: the loss before it, and the state after it."""
        loss, others, gradients = self._gradients(state, leaves)
        weights = self._step(rate, state.trainable, state.slots, gradients)
        return loss, State(weights, others, self._step.taken())

    def _trace_along_line(
        self, state: State, rates: tf.Tensor, leaves: list[tf.Tensor], rounds: tf.Tensor, ends: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        # Whatever the weights' precision, the optimizer's is that of its learning rate.
        rates, ends = (tf.cast(some, self._step.rate_dtype) for some in (rates, ends))
        weights = state.trainable

        def losses(round: tuple[list[tf.Tensor], tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
            leaves, index = round
            start = state._replace(others=self._others(state, index))
            before, _, gradients = self._gradients(start, leaves)
            self._form = form_for(before.graph, sum(math.prod(w.shape) * w.dtype.size for w in weights))
            line = line_through(lambda rate: self._step(rate, weights, state.slots, gradients), ends[0], ends[1])
            after = sweep(lambda rate: self._loss(line.at(rate), start.others, leaves)[0], rates, self._form)
            return tf.concat([tf.cast(before, tf.float64)[tf.newaxis], after], axis=0), line.is_straight

        # One round after the other, here and above: all steps share the shadows.
        result: tuple[tf.Tensor, tf.Tensor] = tf.map_fn(
            losses, (leaves, rounds), fn_output_signature=(tf.float64, tf.bool), parallel_iterations=1
        )
        return result

    def _check_graph(self, graph: tf.Graph) -> None:
        """Refuse a model whose random numbers or variables Keras does not know of: they can't be put back."""
        random = sorted({op for op in operations(graph) if op in _RANDOM or op.endswith("CandidateSampler")})
        if random:
            raise ValueError(
                "Argument `model` must not draw random numbers from TensorFlow's own generator: the losses before and "
                f"after a step could not use the same numbers. Received: operations {', '.join(random)}. Draw them "
                "with `keras.random` and a `keras.random.SeedGenerator` that is an attribute of the layer."
            )
        known = [*self._step.shadows, *self._step.optimizer.variables]
        known += [*self._model.trainable_variables, *other_variables(self._model), *self._model.metrics_variables]
        known_ids = {id(v.value) for v in known}
        foreign = {v.name for v in graph.variables if id(v) not in known_ids}
        if foreign:
            raise ValueError(
                "Argument `model` must not use variables that Keras does not track. Received: "
                f"{', '.join(sorted(foreign))}. Create them with `Layer.add_weight`, or as a `keras.Variable` that is "
                "an attribute of the layer."
            )


#: Operations of `tf.random` that keep their state in TensorFlow.
_RANDOM = {
    "Multinomial",
    "ParameterizedTruncatedNormal",
    "RandomGamma",
    "RandomPoissonV2",
    "RandomShuffle",
    "RandomStandardNormal",
    "RandomUniform",
    "RandomUniformInt",
    "TruncatedNormal",
}


def _leaves(batch: Batch) -> list[Any]:
    return [leaf for leaf in keras.tree.flatten(batch) if leaf is not None]


def _parts(model: keras.Model) -> tuple[object, ...]:
    optimizer = {name: value for name, value in model.optimizer.get_config().items() if name != "learning_rate"}
    # Variables compare element by element; it is their identity that counts here.
    return model.optimizer, model._compile_loss, optimizer, [id(v) for v in model.trainable_variables]
