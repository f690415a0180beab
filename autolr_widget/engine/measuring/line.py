"""The weights after a step, where they are a straight line in the learning rate."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

#: Rounding errors that a point of a line may be off by.
SLACK = 8


class Line(NamedTuple):
    r"""Weights :math:`w(\theta) = a + \theta\,d`, with ``start`` :math:`a` and ``slope`` :math:`d`.

    ``is_straight`` says whether the optimizer's step really is such a line.
    """

    start: list[tf.Tensor]
    slope: list[tf.Tensor]
    is_straight: tf.Tensor

    def at(self, rate: tf.Tensor) -> list[tf.Tensor]:
        """The weights at ``rate``."""
        return [a + tf.cast(rate, a.dtype) * d for a, d in zip(self.start, self.slope, strict=True)]


def line_through(step: Callable[[tf.Tensor], list[tf.Tensor]], low: tf.Tensor, high: tf.Tensor) -> Line:
    """The line through the weights that ``step`` gives at the rates ``low`` and ``high``.

    The step of SGD, Adam and most others is one: momentum and weight decay shift and turn it, but do not bend it. That
    is found out rather than known: a third step, at the middle rate, has to lie on it to float error, and all weights
    have to be finite. A step that bends to one side, as by a constraint or a cap on the rate, misses the middle.
    """
    middle = (low + high) / 2
    # Traced once, not three times: Keras's optimizers take long to trace.
    traced = tf.function(step, autograph=False)
    first, half, last = traced(low), traced(middle), traced(high)
    slope = [(b - a) / tf.cast(high - low, a.dtype) for a, b in zip(first, last, strict=True)]
    start = [a - tf.cast(low, a.dtype) * d for a, d in zip(first, slope, strict=True)]
    hits = [_is_on(w, a, tf.cast(middle, a.dtype) * d) for w, a, d in zip(half, start, slope, strict=True)]
    return Line(start, slope, tf.reduce_all(hits))


def _is_on(weight: tf.Tensor, start: tf.Tensor, way: tf.Tensor) -> tf.Tensor:
    if weight.dtype.size < 4:
        # Half precision rounds whole steps away, and a line through rounded ends is not what the optimizer gives.
        return tf.constant(False)
    precision = np.finfo(weight.dtype.as_numpy_dtype)
    room = SLACK * precision.eps * (abs(start) + abs(way)) + precision.tiny
    # NaN and infinity are on no line: both comparisons are false for them.
    return tf.reduce_all(abs(weight - start - way) <= room) & tf.reduce_all(tf.math.is_finite(2 * way))
