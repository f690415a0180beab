"""The executors that users have, with processes that are started for real."""

import math
import os
import signal
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from multiprocessing import get_context

import keras
import numpy as np
import pytest
import tensorflow as tf

from autolr_widget import LRTuner
from autolr_widget.engine.workers.pool import pool_of

# Most of them start processes that import TensorFlow.
slow = pytest.mark.slow
pytestmark = pytest.mark.trains

SETTINGS = {"num_evals": 5, "num_subsamples": 3, "horizon": 6, "batch_size": 16}


def make():
    """A model of classes that no worker can import, with a step of its own."""

    class Gate(keras.layers.Layer):
        def build(self, shape):
            self.gate = self.add_weight(shape=shape[1:])

        def call(self, x):
            return x * keras.ops.sigmoid(self.gate)

    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.parts = keras.Sequential([Gate(), keras.layers.Dropout(0.3), keras.layers.Dense(10, "softmax")])

        def call(self, x):
            return self.parts(x)

        def train_step(self, data):
            logs = super().train_step(data)
            return {**logs, "own": keras.ops.zeros(())}

    keras.utils.set_random_seed(0)
    model = Own()
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


@pytest.fixture(scope="module")
def model():
    return make()


@pytest.fixture(scope="module")
def alone(model, digits):
    tuner = LRTuner(model, *digits, **SETTINGS)
    list(tuner)
    return tuner


def assert_same(tuner, alone):
    list(tuner)
    np.testing.assert_array_equal(tuner.results.curves, alone.results.curves)
    np.testing.assert_array_equal(tuner.results.deltas, alone.results.deltas)


def spread(alone, executor):
    tuner = alone.renewed(alone.settings)
    tuner.executor = executor
    return tuner


def workers(tuner):
    """The process ids of the workers that have measured something."""
    return {int(name.split()[0]) for name in tuner._spread._workers}


# TensorFlow's own functions that a worker needs may be others in its lowest version.
@pytest.mark.inside
def test_processes_of_the_standard_library(alone):
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as executor:
        assert_same(spread(alone, executor), alone)
        tuner = alone.renewed(replace(alone.settings, num_subsamples=100))
        tuner.executor = executor
        tuner.step()
        for process in executor._processes.values():
            os.kill(process.pid, signal.SIGKILL)
        with pytest.raises(RuntimeError, match=r"ProcessPoolExecutor.*a worker has ended"):
            list(tuner)
    rounds = len(tuner)
    tuner.executor = None
    tuner.step()
    assert len(tuner) == rounds + 1 > 1


@slow
def test_processes_of_loky_of_which_one_is_killed(alone):
    tuner = spread(alone, "processes")
    try:
        tuner.step()
        os.kill(min(tuner._pool._executor._processes), signal.SIGKILL)
        assert_same(tuner, alone)
    finally:
        tuner._pool._executor.shutdown(wait=True, kill_workers=True)
        tuner.executor = None


@slow
def test_dask_where_a_worker_is_killed_and_another_comes(alone):
    from dask.utils import key_split
    from distributed import Client, LocalCluster

    cluster = LocalCluster(n_workers=1, threads_per_worker=1, host="127.0.0.1", dashboard_address=None)
    with cluster, Client(cluster) as client:
        tuner = spread(alone, client)
        tuner.step()
        os.kill(min(workers(tuner)), signal.SIGKILL)
        cluster.scale(2)
        assert_same(tuner, alone)
        assert len(workers(tuner)) >= 2
        # The executor of a client is the same to us. These paths are long enough to be seen.
        tuner = alone.renewed(replace(alone.settings, horizon=1500))
        tuner.executor = client.get_executor()
        # Dask gives out the first paths one after the other.
        while len(names := {key_split(key) for keys in client.processing().values() for key in keys}) < 2:
            tuner.advance(0)
        rates = ["rate 1e\u22124", "rate 0.00178", "rate 0.0316", "rate 0.562", "rate 10"]
        assert names <= {f"{path}, round 1" for path in ["start", *rates]}
        # What Dask has given to workers is kept in a pause. It gives the next path, too, to a worker that is at work.
        tuner.let_go()
        assert 2 <= len(tuner._spread._running) <= 4
        tuner.executor = None
    with pytest.raises(RuntimeError, match=r"The client of Dask has been closed\. Set `executor`"):
        spread(alone, client).step()


@slow
def test_ipyparallel(alone):
    import ipyparallel

    with ipyparallel.Cluster(n=2, engines="local", controller_ip="127.0.0.1", engine_timeout=60) as cluster:
        cluster.wait_for_engines(2)
        assert_same(spread(alone, cluster.load_balanced_view().executor), alone)


class LikeCluster:
    """As Dask's `LocalCluster`."""

    __module__ = "distributed.deploy.local"


@pytest.mark.parametrize(
    ("executor", "message"),
    [
        (3, "interface of `concurrent.futures.Executor`. Received: executor=3"),
        (LikeCluster(), r"a Dask client \(`Client\(cluster\)`\)"),
        ("threads", "interface of `concurrent.futures.Executor`. Received: executor='threads'"),
    ],
)
def test_what_is_not_an_executor_is_refused(executor, message, model, digits):
    with pytest.raises(ValueError, match=message):
        LRTuner(model, *digits, executor=executor)


def test_an_executor_that_forks_is_refused():
    # It starts no process before it has something to do.
    executor = ProcessPoolExecutor(1, mp_context=get_context("fork"))
    with pytest.raises(ValueError, match=r'get_context\("spawn"\)'):
        pool_of(executor)


@slow
def test_processes_are_refused_where_they_would_share_gpus(monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["GPU:0"])
    with pytest.raises(ValueError, match="LocalCUDACluster"):
        pool_of("processes")


class LikeClient:
    """As a Dask client of a cluster that has no workers yet."""

    status = "running"
    asynchronous = False
    scatter = None

    def __init__(self):
        self.submitted = []
        self.threads = {}

    def get_executor(self):
        return None

    def nthreads(self):
        return self.threads

    def submit(self, function, pure):
        self.submitted.append(function)
        return function


def test_a_dask_cluster_without_workers_gets_something_to_do_so_that_it_starts_one(monkeypatch):
    client = LikeClient()
    pool = pool_of(client)
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    assert pool.size == 0
    now[0] += 5
    assert pool.size == 0
    assert len(client.submitted) == 1
    client.threads = {"tcp://a": 2, "tcp://b": 1}
    assert pool.size == 0, "the scheduler is not asked again within a second"
    now[0] += 5
    assert pool.size == 3


def test_a_scheduler_that_does_not_answer_is_named():
    client = LikeClient()
    client.nthreads = None
    with pytest.raises(RuntimeError, match=r"The scheduler of Dask does not answer\. Set `executor`"):
        _ = pool_of(client).size


def test_an_asynchronous_client_is_refused():
    class Client:
        asynchronous = True
        get_executor = scatter = None

    with pytest.raises(ValueError, match="must not be asynchronous"):
        pool_of(Client())


class LostClient(LikeClient):
    """As a Dask client that is closed while it is used."""

    def lose(self):
        self.status, self.nthreads, self.processing, self.scatter = "closed", None, None, None

    def nthreads(self):
        return {"tcp://a": 1}

    def processing(self):
        return {}

    def scatter(self, value, hash):
        future = Future()
        future.set_result(value)
        return future


def test_a_run_whose_client_was_closed_is_shown_and_continues_on_another_executor(alone, monkeypatch):
    class Unpacking(ThreadPoolExecutor):
        """Gives a task the values of futures, as Dask does."""

        def submit(self, function, piece, *sent, key):
            return super().submit(function, piece, *(some.result() for some in sent))

    with Unpacking(1) as executor:
        monkeypatch.setattr(LostClient, "get_executor", lambda self: executor)
        client = LostClient()
        tuner = spread(alone, client)
        tuner.step()
        client.lose()
        # As if it had been asked long ago.
        tuner._pool._size_at = -math.inf
        assert tuner.workers == "1 path at once on Dask"
        assert tuner.seconds_per_step > 0
        tuner.let_go()
        tuner.executor = None
    assert_same(tuner, alone)
