"""One function of the learning rate, evaluated at many: in the form that suits its operations."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import tensorflow as tf

#: Bytes that the rates evaluated at once may take.
BUDGET = 2**28

#: Operations that gain nothing from many rates at once: they fill the cores by themselves, or are loops.
LOOPED = frozenset({"Conv2D", "Conv3D", "DepthwiseConv2dNative", "StatelessWhile", "While"})


def rates_at_once(graph: tf.Graph, weights: int) -> int:
    """How many rates to evaluate at once, for a function of which ``graph`` holds one evaluation: 1 for a loop.

    ``weights`` is the size of its weights in bytes. The choice follows from operations and sizes alone, never from a
    clock: the same round gives the same numbers to the last bit, whenever it is run.
    """
    shapes = [t.shape for op in graph.get_operations() for t in op.outputs if t.shape.is_fully_defined()]
    # What a rate holds: its weights, and in the worst case the largest activation and what becomes of it.
    largest = 4 * max(math.prod(shape) for shape in shapes)
    at_once = int(BUDGET // (weights + 2 * largest))
    return 1 if at_once < 8 or LOOPED.intersection(operations(graph)) else at_once


def sweep(function: Callable[[tf.Tensor], tf.Tensor], rates: tf.Tensor, at_once: int, dtype: tf.DType) -> tf.Tensor:
    """``function`` at each of ``rates``, as a tensor of ``dtype`` and of the shape of ``rates``."""
    count = rates.shape[0]
    if at_once == 1:
        # Two side by side: where one's operations are too small for all cores, the other's fill them.
        return tf.map_fn(function, rates, fn_output_signature=dtype, parallel_iterations=2)
    if count <= at_once:
        return tf.vectorized_map(function, rates)
    pieces = math.ceil(count / at_once)
    size = math.ceil(count / pieces)
    padded = tf.concat([rates, tf.repeat(rates[-1:], pieces * size - count)], axis=0)
    values = tf.map_fn(
        lambda some: tf.vectorized_map(function, some),
        tf.reshape(padded, (pieces, size)),
        fn_output_signature=dtype,
        parallel_iterations=1,
    )
    return tf.reshape(values, (-1,))[:count]


def operations(graph: tf.Graph) -> Iterator[str]:
    """The names of the operations in a graph and in the functions that it calls."""
    definition = graph.as_graph_def()
    for nodes in (definition.node, *(function.node_def for function in definition.library.function)):
        yield from (node.op for node in nodes)
