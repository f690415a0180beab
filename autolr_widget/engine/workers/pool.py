"""The executors that paths can be measured on."""

from __future__ import annotations

import math
import os
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Executor, Future
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from autolr_widget.engine.workers.worker import Piece, measure_path

#: What to do without workers.
ANOTHER = "Set `executor` of the tuner to a new executor, or to None, and continue."


class Pool(Protocol):
    """Measures paths in workers."""

    #: How often everything has been sent, by key.
    sent: Counter[str]

    @property
    def name(self) -> str:
        """What measures, in words."""
        ...

    @property
    def is_here(self) -> bool:
        """Whether the workers take the cores of this process, so that they may not help."""
        ...

    @property
    def size(self) -> int | None:
        """The number of paths that can be measured at once. 0 if there are no workers now, None if it is not known."""
        ...

    def submit(self, name: str, piece: Piece, needed: Mapping[str, Any], carried: set[str]) -> Future[Any]:
        """Let a worker measure a path.

        Parameters
        ----------
        name
            What it is, in words.
        piece
            The path.
        needed
            All that it needs, by key.
        carried
            The keys of what a worker may not have.
        """
        ...

    def begun(self, futures: Collection[Future[Any]]) -> Collection[Future[Any]]:
        """Return those whose paths a worker may be measuring, although their `cancel` may say otherwise."""
        ...

    def release(self, key: str) -> None:
        """Forget what has this key, because no path needs it any more."""
        ...


class ExecutorPool:
    """An executor of the standard library, or one with the same interface: of loky, ipyparallel or mpi4py."""

    is_here = False

    def __init__(self, executor: Executor) -> None:
        context = getattr(executor, "_mp_context", None)
        if context is not None and context.get_start_method() == "fork":
            raise ValueError(
                "Argument `executor` must not fork this process, because TensorFlow does not work in the copy. Pass "
                'ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")).'
            )
        self._executor = executor
        self.sent: Counter[str] = Counter()

    @property
    def name(self) -> str:
        return type(self._executor).__name__

    @property
    def size(self) -> int | None:
        # That of ipyparallel has a view of its engines.
        view = getattr(self._executor, "view", None)
        size = len(view.client.ids) if view is not None else getattr(self._executor, "_max_workers", None)
        return size if isinstance(size, int) else None

    def submit(self, name: str, piece: Piece, needed: Mapping[str, Any], carried: set[str]) -> Future[Any]:
        return self._executor.submit(measure_path, piece, *(needed[key] for key in carried))

    def begun(self, futures: Collection[Future[Any]]) -> Collection[Future[Any]]:
        # ipyparallel can't take anything back.
        return futures if hasattr(self._executor, "view") else ()

    def release(self, key: str) -> None:
        self.sent.pop(key, None)


class ProcessPool(ExecutorPool):
    """One process of loky for each core. They end when they have nothing to do."""

    is_here = True

    def __init__(self) -> None:
        try:
            import loky  # type: ignore[import-untyped]  # loky has no types
        except ImportError as error:
            raise ImportError('executor="processes" needs loky: `pip install loky`.') from error
        import tensorflow as tf

        if tf.config.list_physical_devices("GPU"):
            raise ValueError(
                'Argument `executor` must not be "processes" on a machine with GPUs, which all processes would share. '
                "Pass a client of dask-cuda's `LocalCUDACluster`, whose workers have a GPU each."
            )
        self._size = loky.cpu_count()
        # The same one each time, or a new one if it is broken.
        self._make: Callable[[], Executor] = lambda: loky.get_reusable_executor(self._size, timeout=60)
        super().__init__(self._make())

    @property
    def name(self) -> str:
        return "loky"

    def submit(self, name: str, piece: Piece, needed: Mapping[str, Any], carried: set[str]) -> Future[Any]:
        self._executor = self._make()
        return super().submit(name, piece, needed, carried)


#: The most models, graphs, and batches of rounds that are kept on a Dask cluster.
MOST = 100


class DaskPool:
    """A Dask cluster."""

    is_here = False

    def __init__(self, client: Any, executor: Any) -> None:
        self._client = client
        self._executor = executor
        self.sent: Counter[str] = Counter()
        self._scattered: dict[str, Any] = {}
        self._keys: WeakKeyDictionary[Future[Any], str] = WeakKeyDictionary()
        self._first: Any = None
        self._size, self._size_at = 0, -math.inf

    @property
    def name(self) -> str:
        return "Dask"

    @property
    def size(self) -> int | None:
        # To ask the scheduler takes some milliseconds.
        if time.monotonic() > self._size_at + 1:
            if self._client.status == "closed":
                raise RuntimeError(f"The client of Dask has been closed. {ANOTHER}")
            try:
                threads = self._client.nthreads()
            except Exception as error:
                raise RuntimeError(f"The scheduler of Dask does not answer. {ANOTHER}") from error
            self._size, self._size_at = sum(map(int, threads.values())), time.monotonic()
            # A cluster that adapts starts a worker when there is something to do, and data can't be sent before.
            self._first = self._first or self._client.submit(int, pure=False) if self._size == 0 else None
        return self._size

    def submit(self, name: str, piece: Piece, needed: Mapping[str, Any], carried: set[str]) -> Future[Any]:
        for key, value in needed.items():
            # Workers give it to one another. It is lost if all that have it end.
            if key not in self._scattered or self._scattered[key].cancelled():
                self._scattered[key] = self._client.scatter(value, hash=False)
        while len(self._scattered) > MOST:
            del self._scattered[next(iter(self._scattered))]
        sent = [self._scattered[key] for key in needed]
        # Dask's dashboard shows the key up to the first hyphen.
        key = f"{name.replace('-', chr(0x2212))}-{os.urandom(8).hex()}"
        found: Future[Any] = self._executor.submit(measure_path, piece, *sent, key=key)
        self._keys[found] = key
        return found

    def begun(self, futures: Collection[Future[Any]]) -> Collection[Future[Any]]:
        # These futures are never set to running. Those that wait for their worker count, too.
        try:
            begun = {key for keys in self._client.processing().values() for key in keys}
        except Exception:
            # The client has been closed, or its scheduler has ended, and the paths with it.
            return ()
        return [future for future in futures if self._keys[future] in begun]

    def release(self, key: str) -> None:
        self._scattered.pop(key, None)


def pool_of(executor: Any) -> Pool:
    """Return the pool for an argument ``executor`` of the user.

    Raises
    ------
    ValueError
        If it is not an executor, or not one that can be used.
    """
    if executor == "processes":
        return ProcessPool()
    if hasattr(executor, "get_executor") and hasattr(executor, "scatter"):
        if getattr(executor, "asynchronous", False):
            raise ValueError("Argument `executor` must not be asynchronous. Pass `Client(…)` without `asynchronous`.")
        return DaskPool(executor, executor.get_executor())
    if type(executor).__module__.startswith("distributed.") and hasattr(executor, "_client"):
        return DaskPool(executor._client, executor)
    if not callable(getattr(executor, "submit", None)):
        raise ValueError(
            'Argument `executor` must be None, "processes", a Dask client (`Client(cluster)`), or an executor with the '
            f"interface of `concurrent.futures.Executor`. Received: executor={executor!r}"
        )
    return ExecutorPool(executor)
