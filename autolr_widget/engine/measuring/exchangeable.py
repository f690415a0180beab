"""Functions whose variables can be exchanged: traced once, they run on the variables of any path."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import tensorflow as tf


class Exchangeable:
    """A function that is traced once, and then called on other variables than those it was traced with.

    A graph refers to a variable by a *handle*, a tensor that is captured when the graph is traced. A call passes other
    handles instead. So nothing is computed with the variables of the user's model, and nothing is written to them.

    Parameters
    ----------
    function
        A function of tensors that reads and writes variables.
    specs
        The shapes and dtypes of its arguments.
    known
        Variables that it may write to without reading them.
    jit_compile
        Whether XLA compiles it.

    Attributes
    ----------
    variables : list of tf.Variable
        The variables that the function reads or writes.
    written : set of int
        The `id` of those that it may write to.
    graph : tf.Graph
        The traced graph.
    specs : list
        The shapes and dtypes of the arguments.
    unknown : set of str
        The operations on anything that it captured besides variables and lookup tables.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        specs: Sequence[Any],
        known: Iterable[tf.Variable] = (),
        jit_compile: bool = False,
    ) -> None:
        # Not as a part of another graph that is traced at the moment, which must not capture these variables. In
        # `tf.init_scope`, a GradientTape records nothing.
        outside = contextlib.nullcontext() if tf.executing_eagerly() else tf.init_scope()
        with outside, uncollected():
            traced = tf.function(function, autograph=False, jit_compile=jit_compile or None)
            self._traced = traced.get_concrete_function(*specs)
        self.specs = list(specs)
        self._is_compiled = jit_compile
        self.graph = self._traced.graph
        self._captured = list(self._traced.captured_inputs)
        self._of_handle = {id(v.handle): v for v in [*known, *self.graph.variables]}
        captured = [self._of_handle.get(id(handle)) for handle in self._captured]
        self.variables = [variable for variable in captured if variable is not None]
        placeholders = self.graph.inputs[len(self.graph.inputs) - len(self._captured) :]
        self.written = {
            id(variable)
            for variable, placeholder in zip(captured, placeholders, strict=True)
            if variable is not None and not {op.type for op in placeholder.consumers()} <= READS
        }
        self.unknown = {
            op.type
            for variable, placeholder in zip(captured, placeholders, strict=True)
            if variable is None and placeholder.dtype == tf.resource
            for op in placeholder.consumers()
            if not op.type.startswith(("LookupTable", "PartitionedCall", "StatefulPartitionedCall", "While", "If"))
        }

    def __call__(self, handles: Iterable[tf.Tensor], *arguments: Any) -> Any:
        """Call the function, with these handles in place of those of `variables`. Threads may do this at once."""
        flat = tf.nest.flatten(arguments, expand_composites=True)
        found = self._traced.inference_fn.call_flat(*flat, *self._exchanged(handles))
        return self._packed(found)

    def inlined(self, handles: Iterable[tf.Tensor], *arguments: Any) -> Any:
        """Do the same by nodes of the graph that is traced at the moment.

        A call would wait for all of its operations, in each step of a loop.
        """
        if self._is_compiled:
            return self(handles, *arguments)
        names = [tensor.name for tensor in self.graph.inputs]
        inputs = dict(zip(names, (*arguments, *self._exchanged(handles)), strict=True))
        return self._packed(spliced(self.graph.as_graph_def(), inputs, [output.name for output in self.graph.outputs]))

    def captures(self) -> list[tuple[str, tf.Tensor, tf.Variable | None]]:
        """Return what the graph has captured: the name in the graph, the tensor, and the variable if it is one's."""
        names = [tensor.name for tensor in self.graph.inputs[len(self.graph.inputs) - len(self._captured) :]]
        return [(name, t, self._of_handle.get(id(t))) for name, t in zip(names, self._captured, strict=True)]

    def _packed(self, outputs: Sequence[tf.Tensor]) -> Any:
        structure = self.graph.structured_outputs
        return None if structure is None else tf.nest.pack_sequence_as(structure, outputs, expand_composites=True)

    def _exchanged(self, handles: Iterable[tf.Tensor]) -> list[tf.Tensor]:
        rest = iter(handles)
        return [next(rest) if id(handle) in self._of_handle else handle for handle in self._captured]


def spliced(definition: tf.compat.v1.GraphDef, inputs: dict[str, Any], outputs: Sequence[str]) -> list[tf.Tensor]:
    """Add the nodes of a graph to the graph that is traced at the moment, and return its outputs.

    ``inputs`` are tensors by the names of the inputs that they replace.
    """
    graph = tf.compat.v1.get_default_graph()
    given = {name: graph.capture(tf.convert_to_tensor(tensor)) for name, tensor in inputs.items()}
    added: list[tf.Tensor] = tf.graph_util.import_graph_def(definition, given, list(outputs), name="")
    return added


#: Operations on a variable's handle that do not write to it.
READS = frozenset({"ReadVariableOp", "ResourceGather", "ResourceGatherNd", "VariableShape"})


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Turn Python's garbage collector off: in 0.5 s of tracing, it looks through all of TensorFlow for 0.2 s."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def operations(graph: tf.Graph) -> Iterator[str]:
    """Yield the names of the operations in a graph and in the functions that it calls."""
    definition = graph.as_graph_def()
    for nodes in (definition.node, *(function.node_def for function in definition.library.function)):
        yield from (node.op for node in nodes)
