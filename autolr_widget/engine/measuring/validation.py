"""Checks of the model and the data that do not need to run the model."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from autolr_widget.engine.measuring.optimizer_copy import optimizers, parts


def has_own_step(model: keras.Model) -> bool:
    """Whether the model has a `train_step` that is not Keras's."""
    return type(model).train_step is not keras.Model.train_step or "train_step" in vars(model)


def check_model(model: Any) -> None:
    """Raise a `ValueError` if the engine can't measure the model. The message says what to do."""
    if not isinstance(model, keras.Model):
        raise ValueError(f"Argument `model` must be a Keras 3 model. Received: model of type {type(model).__name__}")
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            "Argument `model` must run on Keras's TensorFlow backend. "
            f'Received: keras.backend.backend()={keras.backend.backend()!r}. Set KERAS_BACKEND="tensorflow".'
        )
    if not model.compiled or model.optimizer is None:
        raise ValueError("Argument `model` must be compiled. Call `model.compile(optimizer, loss)` first.")
    # The public property is never None.
    strategy = getattr(model, "_distribute_strategy", None)
    if strategy is not None:
        raise ValueError(
            "Argument `model` must not be distributed. Received: a model that was made in the scope of a "
            f"{type(strategy).__name__}. Build it outside of the scope to tune it, with a batch as large as those of "
            "all replicas together."
        )
    for name in ("fit", "train_on_batch", "make_train_function"):
        if getattr(type(model), name) is not getattr(keras.Model, name) or name in vars(model):
            raise ValueError(
                f"Argument `model` must train by Keras's own `{name}`. Received: a model of type "
                f"{type(model).__name__}, which overrides it, so its training can't be measured step by step. Override "
                "`train_step` instead."
            )
    own = vars(model).get("train_step")
    if own is not None and getattr(own, "__self__", None) is not model:
        raise ValueError(
            "Argument `model` must have a `train_step` that is a method. Received: a model whose attribute "
            "`train_step` is a function. Define it in a subclass of `keras.Model`."
        )
    if model.run_eagerly and has_own_step(model):
        raise ValueError(
            "Argument `model` must not be compiled with `run_eagerly=True`, if it has its own `train_step`: in a "
            "graph, the Python code of the step would run only once."
        )
    if model.built and not model.trainable_variables:
        raise ValueError(
            "Argument `model` must have trainable weights. Received: a model whose layers are all frozen or have no "
            "weights."
        )
    for optimizer in optimizers(model).values():
        _check_optimizer(model, optimizer)


def _check_optimizer(model: keras.Model, optimizer: keras.Optimizer) -> None:
    if not optimizer.built:
        if "_optimizer_map" in vars(optimizer) and not hasattr(optimizer._optimizer_map, "values"):
            raise ValueError(
                "Argument `model` must have an optimizer that is built, if it is a MultiOptimizer with a function. "
                "Call `model.optimizer.build(model.trainable_variables)` first."
            )
        return
    known = {id(v) for part in parts(optimizer) for v in part._trainable_variables}
    if not has_own_step(model) and not known.issuperset(id(v) for v in model.trainable_variables):
        raise ValueError(
            "Argument `model` must have an optimizer that was built for its trainable variables. Received: an "
            "optimizer that was built for other variables. Call `model.compile` again."
        )


def check_batch_size(model: keras.Model, batch_size: int) -> None:
    """Raise a `ValueError` if the model's inputs were made for another batch size."""
    for tensor in keras.tree.flatten(getattr(model, "inputs", None)) if model.built else ():
        if tensor is not None and tensor.shape[0] not in (None, batch_size):
            raise ValueError(
                f"Argument `batch_size` must be {tensor.shape[0]}, the batch size that the model's inputs were made "
                f"for. Received: batch_size={batch_size}"
            )


def observation_shapes(model: keras.Model) -> list[tuple[int | None, ...]] | None:
    """Return the shape of one observation for each input of the model. None if the model does not define its inputs."""
    inputs = getattr(model, "inputs", None) if model.built else None
    return [tuple(tensor.shape[1:]) for tensor in keras.tree.flatten(inputs)] if inputs else None


#: The smallest and the largest target for which a loss is defined, by the name of its class in lower case.
_TARGETS = {
    "binarycrossentropy": (0, 1),
    "binaryfocalcrossentropy": (0, 1),
    "categoricalcrossentropy": (0, 1),
    "categoricalfocalcrossentropy": (0, 1),
    "poisson": (0, np.inf),
}


def check_targets(model: keras.Model, y: Any, sample_weight: Any = None) -> None:
    """Raise a `ValueError` if a target is out of the range of one of Keras's losses: the loss would be meaningless.

    Targets of weight 0 do not count. Nor do those of sequences, some of which a mask may leave out.
    """
    losses, targets = keras.tree.flatten(model.loss), keras.tree.flatten(y)
    weights = keras.tree.flatten(sample_weight)
    outputs = keras.tree.flatten(getattr(model, "outputs", None)) if model.built else []
    if len(losses) != len(targets):
        return
    # Dicts are flattened in the order of their keys, which need not be the order of the model's outputs.
    if len(outputs) != len(losses) or isinstance(y, dict) or isinstance(model.loss, dict):
        outputs = [None] * len(losses)
    if len(weights) != len(losses):
        weights = [None] * len(losses)
    for loss, target, output, weight in zip(losses, targets, outputs, weights, strict=True):
        if isinstance(target, np.ndarray) and not isinstance(target, np.memmap):
            _check_target(loss, target, output, weight)


def _check_target(loss: Any, target: np.ndarray[Any, Any], output: keras.KerasTensor | None, weight: Any) -> None:
    name = loss if isinstance(loss, str) else getattr(loss, "__name__", type(loss).__name__)
    key = name.replace("_", "").lower()
    if key == "sparsecategoricalcrossentropy":
        classes = None if output is None else output.shape[-1]
        ignored = getattr(loss, "ignore_class", None)
        labels = target if ignored is None else target[target != ignored]
        least, most = 0, np.inf if classes is None else classes - 1
        hint = "Number the classes from 0, or give the last layer more units."
    elif key in _TARGETS:
        if target.ndim > 2 or (output is not None and len(output.shape) > 2):
            return
        labels, (least, most) = target, _TARGETS[key]
        if isinstance(weight, np.ndarray) and weight.size == len(target):
            labels = target[weight.ravel() != 0]
        elif isinstance(weight, np.ndarray) and weight.shape == target.shape:
            labels = target[weight != 0]
        hint = "Scale the targets, or use a loss that accepts such values."
    else:
        return
    # A sum of rounded shares may be a little larger than 1.
    if labels.size and (labels.min() < least or labels.max() > most + 1e-6):
        raise ValueError(
            f"Argument `y` must lie between {least} and {most} for the loss {name}. "
            f"Received: values from {labels.min()} to {labels.max()}. {hint}"
        )
