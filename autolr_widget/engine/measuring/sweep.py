"""Evaluation of one function at many learning rates, in the way that is fastest for its operations."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from autolr_widget.engine.measuring.exchangeable import operations

#: The memory in bytes for the rates that are evaluated at once.
BUDGET = 2**28

#: Up to this many bytes of weights, it is faster to evaluate many rates at once. Larger weights do not stay in the
#: cache.
SMALL = 2**20

#: Operations that are not faster for many rates at once, because a single one uses all cores.
LOOPED = frozenset({"Conv2D", "Conv3D", "DepthwiseConv2dNative"})


class Form(NamedTuple):
    """How to evaluate the function: ``width`` rates in one vectorized call, or in a loop with ``width`` in parallel."""

    vectorised: bool
    width: int


def form_for(graph: tf.Graph, weights: int) -> Form:
    """Return the form for a function.

    It depends only on operations and sizes, never on measured times. So the same round always gives the same numbers,
    to the last bit.

    Parameters
    ----------
    graph
        A graph that contains one evaluation of the function.
    weights
        The size of the model's weights in bytes.
    """
    shapes = [t.shape for op in graph.get_operations() for t in op.outputs if t.shape.is_fully_defined()]
    # Each rate takes memory for its weights and, at worst, for the largest activation and the result computed from it.
    largest = 4 * max(math.prod(shape) for shape in shapes)
    width = max(1, int(BUDGET // (weights + 2 * largest)))
    if weights > SMALL or LOOPED.intersection(operations(graph)):
        # 10 is TensorFlow's own default. With large weights, only the next rate is evaluated beside the current one.
        return Form(False, min(width, 10 if weights <= SMALL else 2))
    return Form(width > 1, width)


def sweep(function: Callable[[tf.Tensor], tf.Tensor], rates: tf.Tensor, form: Form) -> tf.Tensor:
    """Return the values of ``function`` at ``rates``, as float64 and in the shape of ``rates``."""

    def value(rate: tf.Tensor) -> tf.Tensor:
        return tf.cast(function(rate), tf.float64)

    if not form.vectorised:
        return tf.map_fn(value, rates, fn_output_signature=tf.float64, parallel_iterations=form.width)
    if rates.shape[0] is not None and rates.shape[0] <= form.width:
        return tf.vectorized_map(value, rates)
    # Pieces of equal size, so that one graph serves all. The last is filled up with rates whose values are dropped.
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
