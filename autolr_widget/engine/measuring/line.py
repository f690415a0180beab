"""The weights after one step, if they are a straight line in the learning rate."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

#: A point counts as on the line if it is off by at most this many rounding errors.
SLACK = 8


class Line(NamedTuple):
    r"""The weights :math:`w(\theta) = a + \theta\,d` as a function of the learning rate :math:`\theta`.

    Attributes
    ----------
    start, slope
        :math:`a` and :math:`d`, one tensor for each weight.
    is_straight
        Whether the optimizer's step really lies on this line, a boolean scalar.
    """

    start: list[tf.Tensor]
    slope: list[tf.Tensor]
    is_straight: tf.Tensor

    def at(self, rate: tf.Tensor) -> list[tf.Tensor]:
        """Return the weights at ``rate``."""
        return [a + tf.cast(rate, a.dtype) * d for a, d in zip(self.start, self.slope, strict=True)]


def line_through(step: Callable[[tf.Tensor], list[tf.Tensor]], low: tf.Tensor, high: tf.Tensor) -> Line:
    """Return the line through the weights that ``step`` gives at the rates ``low`` and ``high``.

    The steps of SGD, Adam and most other optimizers lie on such a line: momentum and weight decay shift and turn it,
    but do not bend it. This is tested: a third step, at the rate in the middle, must lie on the line except for
    rounding, and all weights must be finite. A step that bends to one side, for example by a constraint or a cap on the
    rate, misses the middle.
    """
    middle = (low + high) / 2
    # Trace the step once, not three times, because Keras's optimizers take long to trace.
    traced = tf.function(step, autograph=False)
    first, half, last = traced(low), traced(middle), traced(high)
    slope = [(b - a) / tf.cast(high - low, a.dtype) for a, b in zip(first, last, strict=True)]
    start = [a - tf.cast(low, a.dtype) * d for a, d in zip(first, slope, strict=True)]
    hits = [_is_on(w, a, tf.cast(middle, a.dtype) * d) for w, a, d in zip(half, start, slope, strict=True)]
    return Line(start, slope, tf.reduce_all(hits))


def _is_on(weight: tf.Tensor, start: tf.Tensor, way: tf.Tensor) -> tf.Tensor:
    if weight.dtype.size < 4:
        # Half precision can round a whole step away, and a line through rounded ends is not the optimizer's step.
        return tf.constant(False)
    precision = np.finfo(weight.dtype.as_numpy_dtype)
    room = SLACK * precision.eps * (abs(start) + abs(way)) + precision.tiny
    # NaN and infinity are not on a line: both tests are false for them.
    return tf.reduce_all(abs(weight - start - way) <= room) & tf.reduce_all(tf.math.is_finite(2 * way))
