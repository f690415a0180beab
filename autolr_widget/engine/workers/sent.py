"""What a worker needs to measure paths, in a form that can be sent: graphs, values and batches."""

from __future__ import annotations

import contextlib
import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from autolr_widget.engine.measuring.exchangeable import Exchangeable, operations
from autolr_widget.engine.measuring.loop import Loop
from autolr_widget.engine.measuring.start import Start
from autolr_widget.engine.measuring.training import Training

#: The shape and the name of the dtype of an array, with None for dimensions of any size.
Spec = tuple[tuple[int | None, ...], str]


@dataclass(frozen=True)
class SentVariable:
    """A variable of the model, and the value that paths start from."""

    name: str
    kind: str
    shape: tuple[int | None, ...]
    value: NDArray[Any]


@dataclass(frozen=True)
class SentModel:
    """The variables of a model in training, by their keys. See `Traced`."""

    variables: dict[int, SentVariable]
    written: frozenset[int]
    updated: frozenset[int]
    kept: frozenset[int]
    rates: tuple[tuple[int, float], ...]
    key: str = field(init=False)

    def __post_init__(self) -> None:
        digest = hashlib.blake2b(repr((self.written, self.updated, self.kept, self.rates)).encode(), digest_size=16)
        for key, variable in self.variables.items():
            digest.update(f"{key}{variable.name}{variable.kind}{variable.shape}".encode())
            hash_into(digest, variable.value)
        object.__setattr__(self, "key", digest.hexdigest())


@dataclass(frozen=True)
class SentTable:
    """The content of a lookup table."""

    keys: NDArray[Any]
    values: NDArray[Any]


@dataclass(frozen=True)
class SentLoop:
    """The graph of a `Loop`.

    Attributes
    ----------
    function
        What it calls, as in `Training.function`.
    batch
        The arrays of the batches that it is for.
    definition
        The graph as a compressed ``GraphDef``, so that a worker needs neither the classes of the model nor to trace it.
    arguments
        The names and the specs of its arguments.
    captured
        The name of each tensor that it has captured, and the key of the variable, the value of the constant, or the
        content of the table.
    outputs
        The names of its outputs.
    """

    function: str
    batch: tuple[Spec, ...]
    definition: bytes
    arguments: tuple[tuple[str, Spec], ...]
    captured: tuple[tuple[str, int | NDArray[Any] | SentTable], ...]
    outputs: tuple[str, ...]
    key: str = field(init=False)

    def __post_init__(self) -> None:
        digest = hashlib.blake2b(self.definition, digest_size=16)
        digest.update(repr((self.function, self.batch)).encode())
        for name, value in self.captured:
            arrays = [value.keys, value.values] if isinstance(value, SentTable) else [np.asarray(value)]
            digest.update(name.encode())
            for array in arrays:
                hash_into(digest, array)
        object.__setattr__(self, "key", digest.hexdigest())


@dataclass(frozen=True)
class SentBatches:
    """The batches of a round, each as its arrays in flat order."""

    key: str
    batches: list[list[NDArray[Any]]]


def hash_into(digest: Any, array: NDArray[Any]) -> None:
    """Add the dtype, the shape and the values of an array to a hash."""
    digest.update(f"{array.dtype}{array.shape}".encode())
    if array.dtype == object:
        digest.update(repr(array.tolist()).encode())
    else:
        # View it as bytes: some of TensorFlow's dtypes, such as bfloat16, do not support the buffer protocol.
        digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)


def sent_model(training: Training, start: Start) -> SentModel:
    """Return the variables of ``training`` with the values of ``start``."""
    # Without a GPU, every variable is on the CPU. A worker that has a GPU may then choose.
    chosen = bool(tf.config.list_physical_devices("GPU"))
    variables = {
        key: SentVariable(
            variable.name,
            (tf.DeviceSpec.from_string(variable.device).device_type or "") if chosen else "",
            tuple(variable.shape),
            start.value(key).numpy(),
        )
        for key, variable in training.variables.items()
    }
    written, updated, kept = (frozenset(keys) for keys in (training.written, training.updated, start.kept))
    return SentModel(variables, written, updated, kept, tuple(training.rates))


def sent_loop(loop: Loop, function: str, specs: Sequence[tf.TypeSpec]) -> SentLoop:
    """Return a loop that was traced in this process, so that it can be sent.

    Parameters
    ----------
    loop
        The loop.
    function
        What it calls.
    specs
        The shapes and dtypes of the batches that it is for.

    Raises
    ------
    ValueError
        If it needs anything that is only in this process.
    """
    graph = loop.graph
    python = sorted({name for name in operations(graph.graph) if "PyFunc" in name})
    if python:
        raise ValueError(
            "Argument `executor` must be None for a model that calls Python code when it trains, which can't be sent "
            f"to a worker. Received: operations {', '.join(python)}. Write it with `keras.ops` instead."
        )
    keys = iter(loop.keys)
    captured: list[tuple[str, int | NDArray[Any] | SentTable]] = []
    for name, tensor, variable in graph.captures():
        if variable is not None:
            captured.append((name, next(keys)))
        elif tensor.dtype == tf.resource:
            captured.append((name, _table(graph, tensor)))
        else:
            captured.append((name, tensor.numpy()))
    arguments = graph.graph.inputs[: len(graph.graph.inputs) - len(captured)]
    return SentLoop(
        function,
        tuple(_spec(spec) for spec in tf.nest.flatten(list(specs), expand_composites=True)),
        zlib.compress(graph.graph.as_graph_def().SerializeToString(deterministic=True), 1),
        tuple((tensor.name, _spec(tensor)) for tensor in arguments),
        tuple(captured),
        tuple(tensor.name for tensor in graph.graph.outputs),
    )


def _table(graph: Exchangeable, handle: tf.Tensor) -> SentTable:
    definition = graph.graph.as_graph_def()
    nodes = (*definition.node, *(node for function in definition.library.function for node in function.node_def))
    # The handle does not tell the types of its keys and values.
    types = {(n.attr["Tin"].type, n.attr["Tout"].type) for n in nodes if n.op.startswith("LookupTableFind")}
    for keys, values in sorted(types):
        with contextlib.suppress(tf.errors.InvalidArgumentError):
            found = tf.raw_ops.LookupTableExportV2(
                table_handle=handle, Tkeys=tf.as_dtype(keys), Tvalues=tf.as_dtype(values)
            )
            return SentTable(found.keys.numpy(), found.values.numpy())
    raise ValueError(
        "Argument `executor` must be None for a model that captures a resource which is not a variable or a lookup "
        "table, because it can't be sent to a worker."
    )


def _spec(tensor: Any) -> Spec:
    return tuple(tensor.shape), tensor.dtype.name
