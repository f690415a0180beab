"""Whether two runs begin in the same state."""

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
from numpy.typing import NDArray

from autolr_widget.engine.data.observations import Observations
from autolr_widget.engine.data.stream import Stream
from autolr_widget.engine.measuring.step import clone
from autolr_widget.engine.types import State

#: Bytes of an array that are read in full. Of a longer one, `ROWS` rows are, or as many as these bytes hold.
WHOLE, ROWS = 2**26, 1024


def fingerprint(state: State, optimizer: keras.Optimizer, observations: Observations | Stream) -> str:
    """What a run begins from, as ``"weights:…;state:…;optimizer:…;data:…"``, each a hash.

    It is equal in another process too if all values are. It leaves out names, which Keras numbers per process; the
    learning rate, which a run tries out; and layers and loss function, which `LRTuner.restored` knows by the loss.

    Parameters
    ----------
    state
        The values that training starts from, all of which are hashed.
    optimizer
        The optimizer, for its class and its settings.
    observations
        The data. Arrays in memory or in an `np.memmap` are hashed whole up to `WHOLE` bytes each; beyond, their shape,
        dtype and `ROWS` rows at equal distances. Of what is read row by row, only the length is known, and of a stream
        nothing, so that it has no such part.
    """
    parts = {
        "weights": _hash(value.numpy() for value in state.trainable),
        "state": _hash(value.numpy() for value in state.others),
        "optimizer": _hash([_described(optimizer), *(value.numpy() for value in state.slots)]),
    }
    if isinstance(observations, Observations):
        parts["data"] = _hash(_data(observations))
    return ";".join(f"{part}:{digest}" for part, digest in parts.items())


@functools.cache
def versions() -> dict[str, str]:
    """The versions that measure, by name."""
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
            # As bytes: TensorFlow has types that are none of Python's buffers'.
            digest.update(np.ascontiguousarray(value).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()[:16]


def _described(optimizer: keras.Optimizer) -> str:
    """Class and settings. A clone's: its learning rate is 1, where the optimizer's own may be a schedule."""
    return type(optimizer).__name__ + json.dumps(_unnamed(clone(optimizer).get_config()), sort_keys=True, default=_word)


def _unnamed(config: Any) -> Any:
    if isinstance(config, dict):
        return {key: _unnamed(value) for key, value in config.items() if key != "name"}
    return config


def _word(value: Any) -> Any:
    # Not `repr`, which may hold an address.
    return value.tolist() if hasattr(value, "tolist") else getattr(value, "__name__", type(value).__name__)


def _data(observations: Observations) -> Iterable[NDArray[Any] | str]:
    yield str(observations.class_weight and sorted((str(k), float(v)) for k, v in observations.class_weight.items()))
    for leaf in keras.tree.flatten(observations.arrays):
        if not isinstance(leaf, np.ndarray):
            yield str(None if leaf is None else len(leaf))
            continue
        yield f"{leaf.shape}"
        rows = leaf
        if leaf.nbytes > WHOLE:
            count = max(1, min(ROWS, WHOLE // leaf[:1].nbytes))
            rows = leaf[np.linspace(0, len(leaf) - 1, count).astype(int)]
        # As rounds see them.
        yield rows.astype(keras.config.floatx(), copy=False) if rows.dtype.kind == "f" else rows
