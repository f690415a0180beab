"""A model in training, as a worker knows it: from what has been sent."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from tensorflow.python.eager import context

from autolr_widget.engine.measuring.exchangeable import Exchangeable, spliced
from autolr_widget.engine.measuring.loop import Loop, Shadows
from autolr_widget.engine.measuring.path_variables import PathVariables
from autolr_widget.engine.measuring.training_step import leaves_of
from autolr_widget.engine.types import Batch
from autolr_widget.engine.workers.sent import SentLoop, SentModel, SentTable, Spec


class Variable(NamedTuple):
    """What `Origin` says of a variable."""

    name: str
    device: str
    shape: tf.TensorShape
    dtype: tf.DType


class Received:
    """Stands for `Training` in a worker, see `Traced`.

    Parameters
    ----------
    sent
        Its variables.
    """

    def __init__(self, sent: SentModel) -> None:
        self._values = {key: tf.constant(variable.value) for key, variable in sent.variables.items()}
        # The first of each kind. Without a kind, TensorFlow chooses.
        devices = {device.device_type: device.name for device in reversed(tf.config.list_logical_devices())}
        self.variables: Mapping[int, Variable] = {
            key: Variable(
                variable.name,
                devices.get(variable.kind, ""),
                tf.TensorShape(variable.shape),
                self._values[key].dtype,
            )
            for key, variable in sent.variables.items()
        }
        self.written, self.updated, self.rates = sent.written, sent.updated, sent.rates
        self.free: list[dict[int, tf.Variable]] = []
        self.seconds_per_step = np.nan
        #: The variables of its paths.
        self.path_variables = PathVariables(self, self._values.__getitem__, sent.kept)
        self._sent: dict[str, SentLoop] = {}
        self._loops: dict[str, Loop] = {}
        self._used: Sequence[str] = ()

    def lacks(self, key: str) -> bool:
        """Whether this loop has not been sent yet."""
        return key not in self._sent

    def use(self, keys: Sequence[str], sent: Mapping[str, Any]) -> None:
        """Use the loops with these keys from now on. Some of them may be among ``sent``."""
        self._used = keys
        self._sent |= {key: sent[key] for key in keys if key in sent}

    def function(self, kind: str, batch: Batch) -> None:
        """Do nothing: all functions have been traced before they were sent."""

    def threads(self, batch: Batch, kind: str = "step") -> int:
        """Return 1: there is one path at a time."""
        return 1

    def loop(self, kind: str, batch: Batch, path: Shadows, thread: int = 0) -> Loop:
        """Return the loop that `Training.loop` returns."""
        loops = (self._sent[key] for key in self._used)
        sent = next(some for some in loops if some.function == kind and _takes(some.batch, batch))
        if sent.key not in self._loops:
            self._loops[sent.key] = _imported(sent, path)
        return self._loops[sent.key]


def _takes(specs: tuple[Spec, ...], batch: Batch) -> bool:
    leaves = leaves_of(batch)
    return len(leaves) == len(specs) and all(
        tf.TensorSpec(shape, dtype).is_compatible_with(tf.type_spec_from_value(leaf))
        for (shape, dtype), leaf in zip(specs, leaves, strict=True)
    )


def _imported(sent: SentLoop, path: Shadows) -> Loop:
    definition = tf.compat.v1.GraphDef.FromString(zlib.decompress(sent.definition))
    _rename_functions(definition, sent.key)
    # The import leaves out the functions that functions of the graph call: a loop in a loop, say. Without them,
    # TensorFlow crashes.
    for function in definition.library.function:
        context.context().add_function_def(function)

    def tensor(value: Any) -> Any:
        if isinstance(value, SentTable):
            return tables[id(value)]
        return path[value].handle if isinstance(value, int) else value

    tables = {id(value): _table(value) for _, value in sent.captured if isinstance(value, SentTable)}

    def loop(*arguments: tf.Tensor) -> Any:
        captured = [tensor(value) for _, value in sent.captured]
        names = [name for name, _ in (*sent.arguments, *sent.captured)]
        return spliced(definition, dict(zip(names, (*arguments, *captured), strict=True)), sent.outputs)

    graph = Exchangeable(loop, [tf.TensorSpec(*spec) for _, spec in sent.arguments], path.values())
    key_of = {id(variable): key for key, variable in path.items()}
    return Loop(graph, [key_of[id(variable)] for variable in graph.variables])


def _table(sent: SentTable) -> tf.Tensor:
    keys, values = tf.constant(sent.keys), tf.constant(sent.values)
    table: tf.Tensor = tf.raw_ops.AnonymousMutableHashTable(key_dtype=keys.dtype, value_dtype=values.dtype)
    tf.raw_ops.LookupTableImportV2(table_handle=table, keys=keys, values=values)
    return table


def _rename_functions(definition: tf.compat.v1.GraphDef, key: str) -> None:
    """Give the functions of a graph names that no other graph has: each process numbers its functions from 1."""
    functions = definition.library.function
    names = {function.signature.name: f"{function.signature.name}_{key}" for function in functions}
    for function in functions:
        function.signature.name = names[function.signature.name]
    for node in (*definition.node, *(node for function in functions for node in function.node_def)):
        node.op = names.get(node.op, node.op)
        for value in node.attr.values():
            # To read a field that is not set would set it.
            kind = value.WhichOneof("value")
            for called in [value.func] if kind == "func" else value.list.func if kind == "list" else ():
                called.name = names.get(called.name, called.name)
