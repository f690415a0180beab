"""What a worker does: it measures a path, and sends the losses back. This module does not import TensorFlow."""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import os
import socket
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from autolr_widget.engine.types import Floats

if TYPE_CHECKING:
    from autolr_widget.engine.workers.received import Received

#: The numbers of models and of rounds whose batches a worker keeps, and those of data that it has opened.
MODELS, ROUNDS, SOURCES = 2, 2, 2
#: The seconds of a slice. Nothing happens between two.
SLICE = 60.0


@dataclass(frozen=True)
class Piece:
    """A path to measure.

    Attributes
    ----------
    model, loops, batches, source
        The keys of what it needs, see `autolr_widget.engine.workers.sent` and `autolr_widget.engine.workers.source`.
        ``source`` is empty if the batches are sent themselves.
    path
        The number of the path, see `Paths`.
    rates, round, horizon, evaluate_on
        The other parameters of `Paths`.
    versions
        The version of each package that the worker must have.
    threads
        The number of threads of each of TensorFlow's operations. Sums depend on it in the last bit.
    """

    model: str
    loops: tuple[str, ...]
    batches: str
    source: str
    path: int
    rates: Floats
    round: int
    horizon: int
    evaluate_on: str
    versions: dict[str, str]
    threads: int


@dataclass(frozen=True)
class Measured:
    """The losses of a path, see `PathLosses`, and the time that a step takes in which worker."""

    curve: Floats
    after: Floats
    steps: int
    runs: bool
    seconds_per_step: float
    worker: str


@dataclass(frozen=True)
class Lacks:
    """The keys of what a worker has not been sent yet."""

    keys: tuple[str, ...]
    worker: str


@dataclass(frozen=True)
class CantRead:
    """A worker can't open the data."""

    worker: str


@dataclass(frozen=True)
class Failed:
    """Why a worker can't measure a path, in words. If it ``may_succeed`` elsewhere, another worker may try."""

    reason: str
    may_succeed: bool
    worker: str


#: What this thread has been sent. Each thread has graphs of its own: some of TensorFlow's operations crash if one graph
#: runs twice at the same time.
KEPT = threading.local()
#: One thread at a time imports TensorFlow.
IMPORT = threading.Lock()


def measure_path(piece: Piece, *sent: Any) -> Measured | Lacks | CantRead | Failed:
    """Measure a path in this process.

    Parameters
    ----------
    piece
        The path.
    *sent
        What it needs and this worker may not have yet.
    """
    name = f"{os.getpid()} on {socket.gethostname()}"
    with IMPORT:
        found = {"tensorflow": _tensorflow(piece.threads), "autolr_widget": _version()}
    if found != piece.versions:
        must, has = (
            " and ".join(f"{package} {version or 'not installed'}" for package, version in versions.items())
            for versions in (piece.versions, found)
        )
        return Failed(f"It must have {must}, as this kernel. It has {has}.", False, name)
    from autolr_widget.engine.measuring.training import out_of_memory

    try:
        with out_of_memory():
            return _measure(piece, {some.key: some for some in sent}, name)
    except MemoryError as error:
        # The path may fit when others have ended, or elsewhere.
        KEPT.__dict__.clear()
        return Failed(f"It is out of memory. {str(error)[:300]}", True, name)
    except Exception as error:
        KEPT.__dict__.clear()
        return Failed(f"{type(error).__name__}: {error}", False, name)


def _measure(piece: Piece, sent: dict[str, Any], name: str) -> Measured | Lacks | CantRead:
    from autolr_widget.engine.measuring.paths import Paths
    from autolr_widget.engine.workers.received import Received

    models: dict[str, Received] = KEPT.__dict__.setdefault("models", {})
    rounds: dict[str, list[list[NDArray[Any]]]] = KEPT.__dict__.setdefault("rounds", {})
    if piece.model in sent and piece.model not in models:
        _keep(models, piece.model, Received(sent[piece.model]), MODELS)
    sources: dict[str, Any] = KEPT.__dict__.setdefault("sources", {})
    model = models.get(piece.model)
    keys = [] if model is not None else [piece.model]
    try:
        if piece.source in sent and piece.source not in sources:
            _keep(sources, piece.source, sent[piece.source].opened(), SOURCES)
        if piece.batches in sent and piece.batches not in rounds and not piece.source:
            _keep(rounds, piece.batches, sent[piece.batches].batches, ROUNDS)
        elif piece.batches in sent and piece.batches not in rounds and piece.source in sources:
            _keep(rounds, piece.batches, sent[piece.batches].read(sources[piece.source]), ROUNDS)
    except Exception:
        return CantRead(name)
    if piece.batches not in rounds:
        keys += [piece.batches] + [piece.source] * bool(piece.source and piece.source not in sources)
    keys += [key for key in piece.loops if key not in sent and (model is None or model.lacks(key))]
    if keys or model is None:
        return Lacks(tuple(keys), name)
    model.use(piece.loops, sent)
    batches = rounds[piece.batches]
    paths = Paths(
        model,
        model.path_variables,
        piece.rates,
        batches.__getitem__,
        piece.round,
        piece.horizon,
        piece.evaluate_on,
        only=piece.path,
    )
    while paths.advance(SLICE):
        pass
    at = piece.path
    losses = paths.curves[at], paths.after[at], int(paths.steps[at]), bool(paths.runs[at])
    return Measured(*losses, model.seconds_per_step, name)


def _keep(kept: dict[str, Any], key: str, value: Any, most: int) -> None:
    kept[key] = value
    while len(kept) > most:
        del kept[next(iter(kept))]


@functools.cache
def _version() -> str:
    try:
        return importlib.metadata.version("autolr_widget")
    except importlib.metadata.PackageNotFoundError:
        return ""


@functools.cache
def _tensorflow(threads: int) -> str:
    """Set TensorFlow up, if this process has not used it yet, and return its version."""
    try:
        import tensorflow as tf
    except ImportError:
        return ""
    # After the first operation, this raises an error, and what the process has chosen holds.
    with contextlib.suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(threads)
    for device in tf.config.list_physical_devices("GPU"):
        # With virtual devices, it is a `ValueError`.
        with contextlib.suppress(RuntimeError, ValueError):
            tf.config.experimental.set_memory_growth(device, True)
    return str(tf.__version__)
