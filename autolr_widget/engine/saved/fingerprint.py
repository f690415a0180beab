"""A fingerprint of the state in which a run begins, to tell whether two runs begin in the same state."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import json
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras.src.trainers.data_adapters.array_slicing import Sliceable
from numpy.typing import NDArray

from autolr_widget.engine.data.observations import Observations, length, rows_of
from autolr_widget.engine.data.stream import Stream
from autolr_widget.engine.types import State

#: An array of up to `WHOLE` bytes is hashed as a whole. Of a larger array, `ROWS` rows are hashed, or fewer if they
#: would take more than `WHOLE` bytes.
WHOLE, ROWS = 2**26, 1024


def fingerprint(
    state: State,
    optimizer: keras.Optimizer,
    observations: Observations | Stream,
    validation: Observations | Stream | None = None,
) -> str:
    """Return hashes of the state in which a run begins, as ``"weights:…;state:…;optimizer:…;data:…"``.

    If all values are equal, so are the fingerprints, in another process too. Some things are left out: names, which
    Keras numbers per process; the learning rate, which a run varies; and the layers and the loss function, whose change
    `LRTuner.restored` notices by the loss.

    Parameters
    ----------
    state
        The values that training starts from. All of them are hashed.
    optimizer
        The optimizer. Its class and its settings are hashed.
    observations
        The data. An array in memory or in an `np.memmap` is hashed as a whole up to `WHOLE` bytes; of a larger one, the
        shape, the dtype and `ROWS` evenly spaced rows are hashed, as of sparse and ragged data. Of data that are read
        row by row, only the length is hashed. For a stream, the fingerprint has no part ``data``.
    validation
        The validation data, if the losses are measured on them. Its part is ``validation``.

    Returns
    -------
    str
        The parts are separated by semicolons. Each hash has 16 hexadecimal digits.
    """
    parts = {
        "weights": _hash(value.numpy() for value in state.trainable),
        "state": _hash(value.numpy() for value in state.others),
        "optimizer": _hash([_described(optimizer), *(value.numpy() for value in state.slots)]),
    }
    for part, data in (("data", observations), ("validation", validation)):
        if isinstance(data, Observations):
            parts[part] = _hash(_data(data))
    return ";".join(f"{part}:{digest}" for part, digest in parts.items())


@functools.cache
def versions() -> dict[str, str]:
    """Return the installed versions of the packages that affect the measured numbers, by name."""
    try:
        own = importlib.metadata.version("autolr_widget")
    except importlib.metadata.PackageNotFoundError:
        own = ""
    return {"autolr_widget": own, "keras": keras.__version__, "tensorflow": tf.__version__}


def _hash(values: Iterable[NDArray[Any] | str]) -> str:
    digest = hashlib.sha256()
    for value in values:
        if isinstance(value, str):
            digest.update(f"{len(value)}:{value}".encode())
        else:
            digest.update(f"{value.dtype}{value.shape}".encode())
            # View it as bytes: some of TensorFlow's dtypes, such as bfloat16, do not support the buffer protocol.
            if value.dtype == object:
                # The array itself has only the addresses of its strings.
                digest.update(tf.io.serialize_tensor(value).numpy())
            else:
                digest.update(np.ascontiguousarray(value).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()[:16]


def _described(optimizer: keras.Optimizer) -> str:
    """Return the class and the settings, except for the learning rate, which may be a schedule."""
    try:
        config = optimizer.get_config()
    except Exception:  # A custom optimizer need not have one.
        config = {}
    return type(optimizer).__name__ + json.dumps(_without(config), sort_keys=True, default=_word)


def _without(config: Any) -> Any:
    if isinstance(config, dict):
        return {key: _without(value) for key, value in config.items() if key not in ("name", "learning_rate")}
    return config


def _word(value: Any) -> Any:
    # `repr` may contain a memory address, which differs in each process.
    return value.tolist() if hasattr(value, "tolist") else getattr(value, "__name__", type(value).__name__)


def _data(observations: Observations) -> Iterable[NDArray[Any] | str]:
    yield str(observations.class_weight and sorted((str(k), float(v)) for k, v in observations.class_weight.items()))
    for leaf in keras.tree.flatten(observations.arrays):
        if isinstance(leaf, Sliceable):
            some = np.linspace(0, length(leaf) - 1, min(ROWS, length(leaf))).astype(int)
            yield str(length(leaf))
            yield from map(np.asarray, tf.nest.flatten(rows_of(leaf, some), expand_composites=True))
            continue
        if not isinstance(leaf, np.ndarray):
            yield str(None if leaf is None else len(leaf))
            continue
        yield f"{leaf.shape}"
        rows = leaf
        if leaf.nbytes > WHOLE:
            count = max(1, min(ROWS, WHOLE // leaf[:1].nbytes))
            rows = leaf[np.linspace(0, len(leaf) - 1, count).astype(int)]
        # Hash the rows in the dtype in which rounds see them.
        yield rows.astype(keras.config.floatx(), copy=False) if rows.dtype.kind == "f" else rows
