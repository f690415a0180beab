"""One function of the learning rate, evaluated at many: in the form that suits its operations."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import tensorflow as tf

#: Bytes that the rates in flight may take.
BUDGET = 2**28

#: Bytes of weights up to which many rates at once pay. Beyond, a rate's weights do not stay in the cache.
SMALL = 2**20

#: Operations that gain nothing from many rates at once: they fill the cores by themselves.
LOOPED = frozenset({"Conv2D", "Conv3D", "DepthwiseConv2dNative"})


class Form(NamedTuple):
    """How to sweep: ``width`` rates at once, or in a loop with so many in flight."""

    vectorised: bool
    width: int


def form_for(graph: tf.Graph, weights: int) -> Form:
    """The form for a function of which ``graph`` holds one evaluation, with weights of so many bytes.

    It follows from operations and sizes alone, never from a clock: the same round gives the same numbers to the last
    bit, whenever it is run.
    """
    shapes = [t.shape for op in graph.get_operations() for t in op.outputs if t.shape.is_fully_defined()]
    # What a rate holds: its weights, and in the worst case the largest activation and what becomes of it.
    largest = 4 * max(math.prod(shape) for shape in shapes)
    width = max(1, int(BUDGET // (weights + 2 * largest)))
    if weights > SMALL or LOOPED.intersection(operations(graph)):
        # As many as TensorFlow has in flight by itself, but of large ones only the next beside the one at hand.
        return Form(False, min(width, 10 if weights <= SMALL else 2))
    return Form(width > 1, width)


def sweep(function: Callable[[tf.Tensor], tf.Tensor], rates: tf.Tensor, form: Form) -> tf.Tensor:
    """``function`` at each of ``rates``, in float64 and of the shape of ``rates``."""

    def value(rate: tf.Tensor) -> tf.Tensor:
        return tf.cast(function(rate), tf.float64)

    if not form.vectorised:
        return tf.map_fn(value, rates, fn_output_signature=tf.float64, parallel_iterations=form.width)
    if rates.shape[0] is not None and rates.shape[0] <= form.width:
        return tf.vectorized_map(value, rates)
    # Pieces of equal size, so that the last is no bother; the rates that fill it up are left out again.
    count = tf.size(rates)
    pieces = -(-count // form.width)
    size = -(-count // pieces)
    padded = tf.concat([rates, tf.repeat(rates[-1:], pieces * size - count)], axis=0)
    values = tf.map_fn(
        lambda some: tf.vectorized_map(value, some),
        tf.reshape(padded, (pieces, size)),
        fn_output_signature=tf.TensorSpec((None,), tf.float64),
        parallel_iterations=1,
    )
    return tf.reshape(values, (-1,))[:count]


def operations(graph: tf.Graph) -> Iterator[str]:
    """The names of the operations in a graph and in the functions that it calls."""
    definition = graph.as_graph_def()
    for nodes in (definition.node, *(function.node_def for function in definition.library.function)):
        yield from (node.op for node in nodes)
