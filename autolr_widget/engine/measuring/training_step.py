"""A model's training step, traced so that it runs on other variables than the model's."""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras.src.backend.common import global_state

from autolr_widget.engine.measuring.exchangeable import Exchangeable, operations, uncollected
from autolr_widget.engine.measuring.loss import training_loss
from autolr_widget.engine.measuring.minimized import Recording, inputs_of
from autolr_widget.engine.measuring.optimizer_copy import copy_of, optimizers, set_own_rates, slots
from autolr_widget.engine.measuring.repeatable import repeatable_random
from autolr_widget.engine.measuring.validation import has_own_step
from autolr_widget.engine.types import Batch


class TrainingStep:
    """The `train_step` of a model, Keras's own or the user's, without effect on the model.

    `train_step` runs on a twin: an object of the same class with the same layers, but with copies of the optimizers.
    Its graph is an `Exchangeable`, so none of the model's variables is read or written when it runs.

    Parameters
    ----------
    model
        A compiled and built model.
    optimizer
        The name of the attribute of the model with the optimizer whose learning rate is tuned. None if only one
        optimizer steps.
    loss
        The key of the loss in what `train_step` returns. None to take what the gradients are taken of.

    Raises
    ------
    ValueError
        If ``optimizer`` is not the name of an optimizer.

    Attributes
    ----------
    tuned : str or None
        The name of the optimizer that is tuned. None if there are several and no step has been traced.
    optimizer : keras.Optimizer
        The copy of the optimizer that is tuned.
    updated : set of int
        The `id` of the weights that optimizers update, known once a step has been traced.
    rates : list of (keras.Variable, float)
        The variables with its learning rates, and the factor of each. See `set_own_rates`.
    """

    def __init__(self, model: keras.Model, optimizer: str | None = None, loss: str | None = None) -> None:
        self._model = model
        self._originals = optimizers(model)
        if optimizer is None and len(self._originals) == 1:
            optimizer = next(iter(self._originals))
        if optimizer is not None and optimizer not in self._originals:
            raise ValueError(
                "Argument `optimizer` must name an attribute of the model that is an optimizer. "
                f"Received: optimizer={optimizer!r}. The model has {_listed(self._originals)}."
            )
        self.tuned = optimizer
        self.rates: list[tuple[keras.Variable, float]] = []
        self._loss = loss
        #: The `id` of the variables that optimizers update.
        self.updated: set[int] = set()
        #: For what the step draws with `tf.random`, or without a seed.
        self._generator = keras.random.SeedGenerator(0)
        self._copy()

    def _copy(self) -> None:
        variables = self._model.trainable_variables
        self._copies = {name: copy_of(original, variables) for name, original in self._originals.items()}
        if self.tuned is not None:
            self.optimizer = self._copies[self.tuned]
            self.rates = set_own_rates(self.optimizer)
        if not has_own_step(self._model) and not self.optimizer.built:
            # Tracing would build it, and then begin again.
            self.optimizer.build(variables)
        self.twin: keras.Model = object.__new__(type(self._model))
        copied = {id(original): self._copies[name] for name, original in self._originals.items()}
        # An optimizer may have several names.
        self.twin.__dict__.update({name: copied.get(id(value), value) for name, value in vars(self._model).items()})
        # That of keras_hub's models, with which they warn if they are not called by their `fit`.
        self.twin.__dict__["_in_pipeline_execution"] = True
        if has_own_step(self._model):
            return
        # Metrics cost time, and the loss does not depend on them.
        self.twin.__dict__["compute_metrics"] = lambda *_, **__: {}
        tracker = keras.metrics.Mean(name="loss")
        tracker.update_state = lambda *_, **__: None
        self.twin.__dict__["_loss_tracker"] = tracker

    @contextlib.contextmanager
    def random_numbers(self) -> Iterator[None]:
        """Let what is traced meanwhile draw random numbers that can be repeated, and move no generator of the user's.

        Keras makes its global seed generator when it is first used, with a number of Python's global generator.
        """
        # There is one for each thread, and the thread that measures may change.
        before = global_state.get_global_attribute(GLOBAL_SEED_GENERATOR)
        global_state.set_global_attribute(GLOBAL_SEED_GENERATOR, self._generator)
        try:
            with repeatable_random(self._generator):
                yield
        finally:
            global_state.set_global_attribute(GLOBAL_SEED_GENERATOR, before)

    def slots(self) -> list[tuple[keras.Variable, tf.Tensor]]:
        """Return the optimizers' variables except for the learning rates, with the values that they start from."""
        found: list[tuple[keras.Variable, tf.Tensor]] = []
        for name, original in self._originals.items():
            used = self._copies[name]
            source = original
            if not original.built and used.built:
                # Some begin as functions of the weights, so another one is built from the weights as they are now.
                source = copy_of(original, self._model.trainable_variables)
                source.build(used._trainable_variables)
            found += zip(slots(used), (tf.identity(slot.value) for slot in slots(source)), strict=True)
        return found

    def build(self, batch: Batch) -> None:
        """Build the layers that the step calls, as its first trace in `fit` would do. Nothing runs.

        This object can't step any more.
        """
        for copied in self._copies.values():
            # Half of the time of a trace goes into the updates.
            copied.__dict__["apply"] = lambda *_, **__: None

        def step(*leaves: tf.Tensor) -> None:
            with self.random_numbers():
                _train_step(self.twin)(filled(batch, leaves))

        with TRACING, uncollected():
            tf.function(step, autograph=False).get_concrete_function(*specs_of(batch))

    def traced(self, batch: Batch, specs: list[tf.TypeSpec]) -> Exchangeable:
        """Return the step, a function of the arrays of a batch. It returns the loss.

        Parameters
        ----------
        batch
            A batch in the structure of those that it is for.
        specs
            The shapes and dtypes of their arrays.

        Raises
        ------
        ValueError
            If the step can't be measured. The message says why.
        """
        known = [v.value for v in (*self._model.variables, *self._model.metrics_variables)]
        known += [v.value for copied in self._copies.values() for v in copied.variables]

        def step(*leaves: tf.Tensor) -> tf.Tensor:
            if self._loss is not None:
                for metric in self._model.metrics:
                    metric.reset_state()
            recording = Recording()
            with recording.of(self._copies.values()), self.random_numbers():
                logs = _train_step(self.twin)(filled(batch, leaves))
            for variables in recording.stepped.values():
                self.updated |= {id(variable.value) for variable in variables}
            return tf.cast(self._loss_of(recording, logs), tf.float64)

        guess = not self.rates
        traced = traced_graph(self._model, step, specs, known)
        if guess:
            # The first trace has found the only optimizer that steps.
            self._copy()
            return self.traced(batch, specs)
        return traced

    def traced_loss(self, batch: Batch, specs: list[tf.TypeSpec], training: bool = True) -> Exchangeable:
        """Return Keras's own loss as such a function. Batch statistics and seeds move on, as in a step.

        The parameters are those of `traced` and `training_loss`.
        """
        known = [v.value for v in (*self._model.variables, *self._model.metrics_variables)]

        def loss(*leaves: tf.Tensor) -> tf.Tensor:
            with self.random_numbers():
                return tf.cast(training_loss(self.twin, filled(batch, leaves), training), tf.float64)

        return traced_graph(self._model, loss, specs, known)

    def _loss_of(self, recording: Recording, logs: Any) -> tf.Tensor:
        stepped = [name for name, copied in self._copies.items() if id(copied) in recording.applied]
        if not stepped or (self.tuned is not None and self.tuned not in stepped):
            raise ValueError(
                "Argument `optimizer` must name an optimizer that `train_step` calls, by `apply` or `apply_gradients`. "
                f"Received: optimizer={self.tuned!r}. `train_step` calls {_listed(stepped)}."
            )
        if self.tuned is None:
            if len(stepped) > 1:
                raise ValueError(
                    "Argument `optimizer` must name the optimizer whose learning rate is tuned, because `train_step` "
                    f"calls several: {_listed(stepped)}."
                )
            self.tuned = stepped[0]
        tuned = self._copies[self.tuned]
        for name in stepped:
            if name != self.tuned and _oppose(recording, tuned, self._copies[name]):
                raise ValueError(
                    "Argument `model` must lower one loss. Received: a model whose optimizers "
                    f"{self.tuned!r} and {name!r} lower different losses, each of which depends on the weights that "
                    "the other one changes, as in adversarial training. If one loss decreases, that does not tell "
                    "whether the learning rate is good."
                )
        if self._loss is not None:
            if not isinstance(logs, dict) or self._loss not in logs:
                found = _listed(logs) if isinstance(logs, dict) else "no dict"
                raise ValueError(
                    "Argument `loss` must be a key of the dict that `train_step` returns. "
                    f"Received: loss={self._loss!r}. `train_step` returns {found}."
                )
            return tf.reduce_sum(logs[self._loss])
        loss = recording.loss(tuned)
        if loss is None:
            raise ValueError(
                "Argument `loss` must name the loss, a key of the dict that `train_step` returns, because what the "
                f"optimizer {self.tuned!r} lowers can't be found. Its gradients must come from one call of "
                f"`GradientTape.gradient`, and came from {len(recording.targets(tuned))}."
            )
        return loss


def traced_graph(
    model: keras.Model, function: Callable[..., Any], specs: Sequence[Any], known: Sequence[tf.Variable]
) -> Exchangeable:
    """Trace ``function``, as `Model.fit` would compile it, and check that it has no effects but on its variables."""
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002  # the user's
    try:
        with TRACING:
            traced = Exchangeable(function, specs, known, jit_compile=bool(model.jit_compile))
    except Exception as error:
        if model.run_eagerly:
            raise ValueError(
                "Argument `model` must be traceable, even with `run_eagerly=True`: only a graph shows that the "
                f"model writes to nothing but copies. Write its layers with `keras.ops` in place of NumPy. "
                f"{type(error).__name__}: {error}"
            ) from error
        raise
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002
    drawn = draws(traced.graph)
    if drawn:
        raise ValueError(
            "Argument `model` must not draw random numbers from TensorFlow's own generator: the losses before and "
            f"after a step could not use the same numbers. Received: operations {', '.join(drawn)}. Draw them "
            "with `keras.random` and a `keras.random.SeedGenerator` that is an attribute of the layer."
        )
    effects = sorted({op for op in operations(traced.graph) if op.startswith(EFFECTS)} | traced.unknown)
    if effects:
        raise ValueError(
            "Argument `model` must change nothing but variables when it is trained. Received: operations "
            f"{', '.join(effects)}, whose effects would reach your own tables, files or variables. Do this in a "
            "callback of `fit` instead."
        )
    return traced


def draws(graph: tf.Graph) -> list[str]:
    """Return the names of the operations of a graph that draw random numbers which can't be repeated."""
    return sorted({op for op in operations(graph) if op in RANDOM or op.endswith("CandidateSampler")})


#: Operations of `tf.random` that keep their state in TensorFlow.
RANDOM = {
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
#: What the names of operations begin with that change something other than variables.
EFFECTS = ("IteratorGetNext", "LookupTableImport", "LookupTableInsert", "LookupTableRemove", "Queue", "Write")
#: Keras's name for its global seed generator.
GLOBAL_SEED_GENERATOR = "global_seed_generator"
#: One trace at a time: some functions of TensorFlow and Keras are replaced meanwhile.
TRACING = threading.RLock()


def leaves_of(batch: Batch) -> list[Any]:
    """Return the arrays of a batch in flat order. A sparse or a ragged tensor consists of several."""
    leaves = [leaf for leaf in keras.tree.flatten(batch) if leaf is not None]
    return [np.asarray(array) for array in tf.nest.flatten(leaves, expand_composites=True)]


def specs_of(batch: Batch) -> list[tf.TypeSpec]:
    """Return the shapes and dtypes of a batch's arrays and tensors."""
    return [tf.type_spec_from_value(leaf) for leaf in keras.tree.flatten(batch) if leaf is not None]


def filled(batch: Batch, leaves: Sequence[tf.Tensor]) -> Batch:
    """Return ``leaves`` in the structure of ``batch``."""
    rest = iter(leaves)
    return keras.tree.map_structure(lambda leaf: None if leaf is None else next(rest), batch)


def all_finite(tensors: Sequence[tf.Tensor]) -> tf.Tensor:
    """Whether the sum of all floating values is finite, as a boolean scalar.

    This takes fewer operations than to look at each value, and they cost time in each step of a small model. The sum of
    finite values may be infinite, too, but not that of weights which are of any use.
    """
    floats = [tensor for tensor in tensors if tensor.dtype.is_floating]
    # Half precision overflows early.
    wide = [tf.cast(tensor, tf.float32) if tensor.dtype.size < 4 else tensor for tensor in floats]
    return tf.math.is_finite(tf.add_n([tf.cast(tf.reduce_sum(tensor), wide[0].dtype) for tensor in wide]))


def _train_step(twin: keras.Model) -> Callable[[Any], Any]:
    """Return `train_step`, bound to the twin. If a `tf.function` decorates it, without that: its loss must be seen."""
    own = vars(twin).get("train_step")
    step = type(twin).train_step if own is None else own.__func__
    undecorated = getattr(step, "python_function", None)
    if undecorated is not None:
        step = tf.autograph.to_graph(undecorated)
    return lambda data: step(twin, data)


def _oppose(recording: Recording, tuned: keras.Optimizer, other: keras.Optimizer) -> bool:
    """Whether the two optimizers lower different losses, each of which depends on what the other one updates."""
    graph = tf.compat.v1.get_default_graph()
    placeholder = {id(handle): inside.op.name for handle, inside in graph.captures}
    losses = [[t for call in recording.targets(one) for t in call.target] for one in (tuned, other)]
    if {t.name for t in losses[0]} == {t.name for t in losses[1]}:
        return False
    updated = [
        {placeholder.get(id(variable.value.handle)) for variable in recording.stepped[id(one)]}
        for one in (tuned, other)
    ]
    return bool(inputs_of(losses[0]) & updated[1]) and bool(inputs_of(losses[1]) & updated[0])


def _listed(names: Any) -> str:
    return ", ".join(map(repr, names)) or "none"
