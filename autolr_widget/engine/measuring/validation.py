"""Checks of the model and the data that do not need to run the model."""

from __future__ import annotations

import inspect
import os
from typing import Any

import keras
import numpy as np

from autolr_widget.engine.measuring.distributed import check_not_distributed, check_scope
from autolr_widget.engine.measuring.optimizer_copy import optimizers
from autolr_widget.engine.parts import parts


def has_own_step(model: keras.Model) -> bool:
    """Whether the model has a `train_step` that is not Keras's."""
    return type(model).train_step is not keras.Model.train_step or "train_step" in vars(model)


def preprocesses(model: keras.Model, method: str = "fit") -> bool:
    """Whether a method is that of keras_hub's ``PipelineModel``: it preprocesses the data, and calls Keras's own."""
    defined = next(kind for kind in type(model).__mro__ if method in vars(kind))
    return defined.__module__.partition(".")[0] in ("keras_hub", "keras_nlp") and hasattr(defined, "preprocess_samples")


def check_model(model: Any) -> None:
    """Raise a `ValueError` if the engine can't measure the model. The message says what to do."""
    if not isinstance(model, keras.Model):
        raise ValueError(f"Argument `model` must be a compiled Keras 3 model. {_instead(model)}")
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            "Argument `model` must run on Keras's TensorFlow backend. "
            f"Received: keras.backend.backend()={keras.backend.backend()!r}. Restart the kernel, and run "
            '`os.environ["KERAS_BACKEND"] = "tensorflow"` before `import keras`.'
        )
    if not model.compiled or model.optimizer is None:
        raise ValueError("Argument `model` must be compiled. Call `model.compile(optimizer, loss)` first.")
    check_scope()
    check_not_distributed(model)
    for name in ("fit", "train_on_batch", "make_train_function"):
        overridden = getattr(type(model), name) is not getattr(keras.Model, name) and not preprocesses(model, name)
        if overridden or name in vars(model):
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
            "graph, the Python code of the step would run only once. Compile it without `run_eagerly`."
        )
    if model.built and not model.trainable_variables:
        raise ValueError(
            "Argument `model` must have trainable weights. Received: a model whose layers are all frozen or have no "
            "weights. Set `layer.trainable = True` for some of them, and call `model.compile` again."
        )
    for optimizer in optimizers(model).values():
        _check_optimizer(model, optimizer)


def check_test_step(model: keras.Model) -> None:
    """Raise a `ValueError` if the validation loss is not Keras's own, and no step of the user's computes it either."""
    overridden = type(model).test_step is not keras.Model.test_step or "test_step" in vars(model)
    if overridden and not has_own_step(model):
        raise ValueError(
            'Argument `evaluate_on` must not be "validation" for a model that overrides `test_step`, but not '
            '`train_step`: its validation loss may be another one than its loss. Use "held-out" instead.'
        )


def _instead(model: Any) -> str:
    """Return what was given in place of a model, and what to do."""
    if inspect.isclass(model):
        return f"Received: the class {model.__name__}. Make a model of it: {model.__name__}(…)."
    if inspect.isroutine(model):
        return f"Received: the function {getattr(model, '__name__', '')}. Call it, and pass the model that it returns."
    if isinstance(model, str | os.PathLike):
        return f"Received: {str(model)!r}. If this is a file, pass keras.models.load_model({str(model)!r})."
    kind, packages = type(model).__name__, {base.__module__.partition(".")[0] for base in type(model).__mro__}
    if "tf_keras" in packages:
        return (
            f"Received: a {kind} of the package tf_keras, which is Keras 2. Make it with `import keras` instead; "
            "`tf.keras` is Keras 2 if the environment variable TF_USE_LEGACY_KERAS is set."
        )
    received = f"Received: model of type {type(model).__module__.partition('.')[0]}.{kind}. "
    if "torch" in packages:
        return f"{received}PyTorch modules can't be measured. Make the network of Keras layers."
    return f"{received}Pass what keras.Sequential(…), keras.Model(…) or a subclass of keras.Model returns."


def check_called(**data: Any) -> None:
    """Raise a `ValueError` if an argument is a function or a class that yields the data only when it is called."""
    for name, value in data.items():
        if inspect.isroutine(value) or inspect.isclass(value):
            called = f"{getattr(value, '__name__', name)}()"
            raise ValueError(
                f"Argument `{name}` must be data. Received: the function or class {called[:-2]}, which was not called. "
                f"Pass what it returns: {name}={called}."
            )


def check_has_targets(model: keras.Model, y: Any) -> None:
    """Raise a `ValueError` if there are no targets, and the loss that the model was compiled with needs them.

    Those of a `Preprocessing` are only known after it.
    """
    losses = [loss for loss in keras.tree.flatten(model.loss) if loss is not None]
    if y is not None or not losses or has_own_step(model) or has_own_loss(model):
        return
    names = ", ".join(_name(loss) for loss in losses)
    raise ValueError(
        f"Argument `y` must not be None, because the loss {names} compares the outputs with targets. Pass both: "
        "`(model, x, y)`. If `x` is a stream, it must yield `(x, y)`. To train without targets, compile the model with "
        "loss=None, and call `add_loss` in a layer."
    )


def has_own_loss(model: keras.Model) -> bool:
    """Whether the model has a `compute_loss` that is not Keras's."""
    return type(model).compute_loss is not keras.Model.compute_loss or "compute_loss" in vars(model)


def _name(loss: Any) -> str:
    return loss if isinstance(loss, str) else str(getattr(loss, "__name__", type(loss).__name__))


def _check_optimizer(model: keras.Model, optimizer: keras.Optimizer) -> None:
    first, *others = parts(optimizer)
    if others and float(first.learning_rate) == 0:
        raise ValueError(
            "Argument `model` must have a MultiOptimizer whose first optimizer has a learning rate above 0, because "
            f"those of the others are multiples of it. Received: a learning rate of 0 for {first.name}"
        )
    if not optimizer.built:
        if "_optimizer_map" in vars(optimizer) and not hasattr(optimizer._optimizer_map, "values"):
            raise ValueError(
                "Argument `model` must have an optimizer that is built, if it is a MultiOptimizer with a function. "
                "Build the model, and then call `model.optimizer.build(model.trainable_variables)`."
            )
        return
    known = {id(v) for part in parts(optimizer) for v in part._trainable_variables}
    if not has_own_step(model) and not known.issuperset(id(v) for v in model.trainable_variables):
        raise ValueError(
            "Argument `model` must have an optimizer that was built for its trainable variables. Received: an "
            "optimizer that was built for other variables. Call `model.compile` again with a new optimizer."
        )


def check_batch_size(model: keras.Model, batch_size: int) -> None:
    """Raise a `ValueError` if the model's inputs were made for another batch size."""
    for tensor in keras.tree.flatten(getattr(model, "inputs", None)) if model.built else ():
        if tensor is not None and tensor.shape[0] not in (None, batch_size):
            raise ValueError(
                f"Argument `batch_size` must be {tensor.shape[0]}, the batch size that the model's inputs were made "
                f"for. If `x` is a stream, it must yield batches of that size. Received: batches of {batch_size}"
            )


def observation_shapes(model: keras.Model) -> list[tuple[int | None, ...]] | None:
    """Return the shape of one observation for each input of the model. None if the model does not define its inputs."""
    # What `fit` preprocesses may have any shape.
    inputs = getattr(model, "inputs", None) if model.built and not preprocesses(model) else None
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
    name = _name(loss)
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
