"""Tells the causes of errors whose own messages, by Keras and TensorFlow, do not."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Iterator

NO_GRADIENT = (
    "Argument `model` must have a loss that depends on its trainable weights. Received: a model without any gradient, "
    "so no learning rate changes the loss. Look for a loss that ignores the outputs, or for a rounding, an argmax or a "
    "`stop_gradient` between the trained layers and the loss."
)


@contextlib.contextmanager
def causes_told(rows: int) -> Iterator[None]:
    """Replace errors of a model that is called with a batch of ``rows`` observations, if their cause is known."""
    try:
        yield
    except ValueError as error:
        cause = NO_GRADIENT if "No gradients provided" in str(error) else _other_batch_size(str(error), rows)
        if not cause:
            raise
        raise ValueError(cause) from error


def _other_batch_size(message: str, rows: int) -> str:
    found = re.search(r"Cannot reshape a tensor with (\d+) elements to shape \[([\d,]+)\]", message)
    if not found:
        return ""
    shape = [int(size) for size in found[2].split(",")]
    needed, rest = divmod(math.prod(shape) * rows, int(found[1]))
    if rest or needed in (0, rows) or shape[0] == rows:
        return ""
    return (
        f"Argument `batch_size` must be {needed}, because a layer of the model reshapes each batch to {tuple(shape)}. "
        f"If `x` is a stream, it must yield batches of that size. Received: batches of {rows}. To allow any size, let "
        "that layer reshape to (-1, …)."
    )
