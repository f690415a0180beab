"""Tells where data are not finite, when that may be why a loss is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from autolr_widget.engine.types import Batch


def not_finite(batch: Batch, row: Callable[[int], object]) -> str:
    """Return where a batch contains NaN or infinity, in words: ``"x has NaN or infinity in 2 of 32 rows, …"``.

    Parameters
    ----------
    batch
        What `train_step` receives.
    row
        Returns the number of a row in the data, by its number in the batch.

    Returns
    -------
    str
        Empty if all numbers are finite.
    """
    found = []
    parts = batch if isinstance(batch, tuple) and len(batch) <= 3 else (batch,)
    for name, part in zip(("x", "y", "sample_weight"), parts, strict=False):
        for leaf in keras.tree.flatten(part):
            bad = np.flatnonzero(_rows_not_finite(leaf))
            if bad.size:
                found.append(
                    f"{name} has NaN or infinity in {bad.size} of {leaf.shape[0]} rows, first in row {row(int(bad[0]))}"
                )
    return ", ".join(found)


def _rows_not_finite(leaf: Any) -> Any:
    if leaf is None or not tf.as_dtype(leaf.dtype).is_floating:
        return False
    if isinstance(leaf, tf.SparseTensor):
        leaf = tf.sparse.to_dense(leaf, validate_indices=False)
    bad = tf.math.logical_not(tf.math.is_finite(leaf))
    return tf.reduce_any(bad, axis=range(1, len(bad.shape))) if len(bad.shape) > 1 else bad
