import pickle
import random
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from autolr_widget import LRTuner
from autolr_widget.engine.workers import spread as spread_module
from autolr_widget.engine.workers import worker
from autolr_widget.engine.workers.worker import Failed, Lacks, Measured

pytestmark = pytest.mark.trains

SETTINGS = {"num_evals": 4, "num_subsamples": 3, "horizon": 4, "batch_size": 16}


class Later(Executor):
    """Runs in this process what the test tells it to, as it would arrive in another one."""

    def __init__(self, max_workers=2):
        self._max_workers = max_workers
        self.waiting = []

    def submit(self, function, *arguments):
        future = Future()
        self.waiting.append((future, pickle.dumps((function, arguments))))
        return future

    def run(self, index, answer=None):
        """Run what waits at this place, or give it this answer. Return the answer."""
        future, sent = self.waiting.pop(index)
        if not future.set_running_or_notify_cancel():
            return None
        if isinstance(answer, BaseException):
            future.set_exception(answer)
            return None
        function, arguments = pickle.loads(sent)
        found = function(*arguments) if answer is None else answer
        future.set_result(found)
        return found

    def pieces(self):
        return [pickle.loads(sent)[1][0] for future, sent in self.waiting if not future.cancelled()]


@pytest.fixture(autouse=True)
def a_new_worker():
    worker.KEPT.__dict__.clear()


@pytest.fixture(scope="module")
def model(digits):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(8, "relu"),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(10, "softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


@pytest.fixture(scope="module")
def alone(model, digits):
    """The results of a run in this process."""
    tuner = LRTuner(model, *digits, **SETTINGS)
    list(tuner)
    return tuner.results


@pytest.fixture(scope="module")
def traced(model, digits):
    """A tuner that has traced the model, so that others made by `renewed` need not."""
    tuner = LRTuner(model, *digits, **SETTINGS)
    tuner.step()
    return tuner


def spread(traced, executor, **changes):
    tuner = traced.renewed(replace(traced.settings, **changes))
    tuner.executor = executor
    return tuner


def submit(tuner):
    """Let it submit all that it would submit now."""
    # It reads at least one batch each time.
    for _ in range(40):
        tuner.advance(0)


def finish(tuner, executor, next_index=lambda waiting: 0):
    while not tuner.is_complete:
        tuner.advance(0)
        if executor.waiting:
            executor.run(next_index(executor.waiting))


def assert_same(results, alone):
    np.testing.assert_array_equal(results.curves, alone.curves)
    np.testing.assert_array_equal(results.deltas, alone.deltas)


@settings(max_examples=20)
@given(seed=st.integers(0, 2**32), max_workers=st.integers(1, 40))
def test_the_order_in_which_paths_finish_changes_no_number(seed, max_workers, traced, alone):
    order = random.Random(seed)
    executor = Later(max_workers)
    tuner = spread(traced, executor)
    finish(tuner, executor, lambda waiting: order.randrange(len(waiting)))
    assert_same(tuner.results, alone)


def test_finished_paths_are_shown_before_the_round_is_complete(traced, alone):
    executor = Later()
    tuner = spread(traced, executor)
    submit(tuner)
    # The starting state comes first, with which the rates are compared.
    for index in (0, 0):
        executor.run(index)
        submit(tuner)
    unfinished = tuner.unfinished
    assert unfinished.steps.tolist() == [4, 0, 0, 0]
    assert unfinished.extent == "at 1 of 4 rates"
    np.testing.assert_array_equal(unfinished.deltas, [alone.deltas[0, 0], np.nan, np.nan, np.nan])


def test_all_workers_have_work_from_the_first_round_on(traced):
    executor = Later(20)
    tuner = spread(traced, executor)
    submit(tuner)
    assert sorted({piece.round for piece in executor.pieces()}) == [0, 1, 2]
    assert len(executor.pieces()) == 15


def test_no_more_paths_are_submitted_than_keep_the_workers_at_work(traced):
    executor = Later(2)
    tuner = spread(traced, executor)
    submit(tuner)
    submit(tuner)
    assert len(executor.pieces()) == 4


def test_all_is_sent_once_to_each_worker_and_again_to_one_that_lacks_it(traced, alone):
    executor = Later(2)
    tuner = spread(traced, executor)
    submit(tuner)
    sizes = [len(sent) for _, sent in executor.waiting]
    assert sizes[0] == sizes[1] > 10 * sizes[2] == 10 * sizes[3]
    executor.run(0)
    submit(tuner)
    worker.KEPT.__dict__.clear()
    lacks = executor.run(1)
    assert isinstance(lacks, Lacks)
    # The variables, the loops of the step and of the loss, the data, and the rows of the round.
    assert len(lacks.keys) == 5
    submit(tuner)
    # It comes back at once, with what was lacking.
    assert isinstance(executor.run(len(executor.waiting) - 1), Measured)
    finish(tuner, executor)
    assert_same(tuner.results, alone)


def test_a_pause_takes_back_what_no_worker_has_begun_with(traced, alone):
    executor = Later(3)
    tuner = spread(traced, executor)
    submit(tuner)
    begun, _ = executor.waiting[0]
    begun.set_running_or_notify_cancel()
    tuner.let_go()
    assert [future.cancelled() for future, _ in executor.waiting] == [False] + 5 * [True]
    function, arguments = pickle.loads(executor.waiting[0][1])
    begun.set_result(function(*arguments))
    executor.waiting.clear()
    finish(tuner, executor)
    assert_same(tuner.results, alone)


def test_a_new_run_takes_back_the_paths_of_the_last_one(traced):
    executor = Later(3)
    tuner = spread(traced, executor)
    submit(tuner)
    tuner.renewed(tuner.settings)
    assert executor.pieces() == []
    # The thread that measures may still be at it.
    submit(tuner)
    assert executor.pieces() == []


def test_a_batch_that_can_not_be_read_stops_only_its_own_round(make_model, digits):
    class Rows:
        def __len__(self):
            return len(digits[0])

        def __getitem__(self, index):
            if index == bad:
                raise OSError("This row is lost.")
            return digits[0][index]

    bad = None
    executor = Later(30)
    tuner = LRTuner(make_model(), Rows(), digits[1], **SETTINGS, executor=executor)
    bad = int(tuner._rows(2)[1, 3])
    with pytest.raises(OSError, match="lost"):
        finish(tuner, executor)
    assert len(tuner) == 2


def test_no_more_batches_are_held_than_there_is_memory_for(make_model, digits, monkeypatch):
    monkeypatch.setattr(spread_module, "HELD", 3 * 4 * 16 * 64 * 4)
    executor = Later(100)
    stream = tf.data.Dataset.from_tensor_slices(digits).batch(16)
    tuner = LRTuner(make_model(), stream, **SETTINGS | {"num_subsamples": 20}, executor=executor)
    for _ in range(3):
        submit(tuner)
    assert {piece.round for piece in executor.pieces()} == {0, 1, 2}


def test_a_change_of_the_executor_in_mid_round_starts_the_round_over(traced, alone):
    executor = Later()
    tuner = spread(traced, executor)
    submit(tuner)
    tuner.executor = None
    list(tuner)
    assert executor.pieces() == []
    assert_same(tuner.results, alone)


def test_an_executor_that_has_been_shut_down_is_named(traced):
    executor = ThreadPoolExecutor(1)
    executor.shutdown()
    with pytest.raises(RuntimeError, match=r"ThreadPoolExecutor has been shut down\. Set `executor`"):
        spread(traced, executor).step()


def test_a_path_whose_worker_ends_or_has_no_memory_is_measured_again(traced, alone):
    executor = Later(2)
    tuner = spread(traced, executor)
    submit(tuner)
    executor.run(0, OSError("The worker has gone."))
    executor.run(0, Failed("It is out of memory.", True, "7 on host"))
    finish(tuner, executor)
    assert_same(tuner.results, alone)


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        (OSError("It has gone."), RuntimeError, r"\(start, round 1\) failed 3 times on Later\. OSError: It has gone"),
        (KeyboardInterrupt(), RuntimeError, r"\(start, round 1\) failed 3 times on Later\. KeyboardInterrupt"),
        (Failed("It is out of memory.", True, "7 on host"), RuntimeError, "Worker 7 on host: It is out of memory"),
        (Failed("ValueError: No.", False, "7 on host"), RuntimeError, "Worker 7 on host: ValueError: No"),
    ],
)
def test_a_path_that_fails_again_and_again_ends_the_run_with_the_reason(answer, error, message, traced, alone):
    executor = Later(1)
    tuner = spread(traced, executor)

    def fail():
        while True:
            submit(tuner)
            executor.run(next(i for i, piece in enumerate(executor.pieces()) if piece.path == 4), answer)

    with pytest.raises(error, match=message):
        fail()
    # It can continue, when the reason is gone.
    finish(tuner, executor)
    assert_same(tuner.results, alone)


def test_after_a_worker_has_ended_the_run_continues_on_another_executor(traced, alone):
    class Broken(Executor):
        def submit(self, *_):
            raise BrokenExecutor("A process has ended.")

    tuner = spread(traced, Broken())
    with pytest.raises(RuntimeError, match=r"Broken is broken, because a worker has ended.*Set `executor`"):
        tuner.step()
    tuner.executor = Later()
    finish(tuner, tuner.executor)
    assert_same(tuner.results, alone)


def test_a_race_measures_ahead_only_while_the_rates_are_known(traced):
    executor = Later(100)
    tuner = spread(traced, executor, num_subsamples=8, pruner="racing")
    submit(tuner)
    assert {piece.round for piece in executor.pieces()} == {0, 1, 2, 3}


def test_a_grid_that_is_too_short_is_widened(digits, make_model):
    def run(executor):
        # With such large inputs, all rates of the default grid diverge.
        tuner = LRTuner(make_model(), 1000 * digits[0], digits[1], horizon=3, num_subsamples=2, executor=executor)
        list(tuner)
        return tuner

    with ThreadPoolExecutor(2) as executor:
        both = run(None), run(executor)
    assert both[0].is_widened
    assert both[1].is_widened
    assert_same(both[1].results, both[0].results)


def test_a_stream_is_read_here(make_model, digits):
    def run(executor):
        # The last batch is shorter, and has a graph of its own.
        stream = tf.data.Dataset.from_tensor_slices(digits).take(100).batch(16)
        tuner = LRTuner(make_model(), stream, num_evals=3, num_subsamples=3, horizon=4, executor=executor)
        list(tuner)
        return tuner.results

    with ThreadPoolExecutor(2) as executor:
        assert_same(run(executor), run(None))


@pytest.mark.parametrize("seconds", [1e-9, 1e9])
def test_processes_on_this_machine_measure_only_if_they_are_faster(seconds, traced, alone):
    executor = Later(1)
    tuner = spread(traced, executor)
    tuner._pool.is_here = True
    while "alone" not in tuner.plan:
        submit(tuner)
        function, arguments = pickle.loads(executor.waiting[0][1])
        found = function(*arguments)
        executor.run(0, replace(found, seconds_per_step=seconds) if isinstance(found, Measured) else found)
        submit(tuner)
    assert tuner.workers == ("1 path at once on Later" if seconds < 1 else "1 processes would not be faster")
    assert ("so they measure the rest" if seconds < 1 else "so it measures the rest") in tuner.plan
    finish(tuner, executor)
    assert_same(tuner.results, alone)
