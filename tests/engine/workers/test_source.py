import pickle

import numpy as np
import pytest

from autolr_widget import LRTuner
from autolr_widget.engine.data.observations import Observations
from autolr_widget.engine.workers import source, worker
from autolr_widget.engine.workers.sent import SentBatches
from autolr_widget.engine.workers.source import SentRows, digest, sent_source
from tests.engine.workers.test_spread import Later, assert_same, finish, submit

SETTINGS = {"num_evals": 3, "num_subsamples": 2, "horizon": 4, "batch_size": 16}


@pytest.fixture(autouse=True)
def a_new_worker():
    worker.KEPT.__dict__.clear()


@pytest.fixture
def file(digits, tmp_path):
    """The pixels of the digits, in a file after some other bytes."""
    path = tmp_path / "pixels.bin"
    path.write_bytes(b"1234" + digits[0].tobytes())
    return path


def opened(file):
    return np.memmap(file, "float32", "r", 4, (1797, 64))


def sent(executor):
    """What has been sent, without the pieces."""
    return [some for _, sent in executor.waiting for some in pickle.loads(sent)[1][1:]]


@pytest.mark.trains
def test_a_worker_opens_a_file_itself_and_gets_the_batches_if_it_is_not_there(make_model, digits, file):
    alone = LRTuner(make_model(), *digits, **SETTINGS)
    list(alone)
    for change in ("none", "removed", "other"):
        worker.KEPT.__dict__.clear()
        executor = Later()
        tuner = LRTuner(make_model(), opened(file), digits[1], **SETTINGS, executor=executor)
        submit(tuner)
        (rows, *_) = [some for some in sent(executor) if isinstance(some, SentRows)]
        assert rows.rows.shape == (4, 16)
        assert not any(isinstance(some, SentBatches) for some in sent(executor))
        if change == "removed":
            file.rename(file.with_suffix(".away"))
        elif change == "other":
            file.write_bytes(b"1234" + (1 - digits[0]).tobytes())
        if change != "none":
            executor.run(0)
            submit(tuner)
            assert any(isinstance(some, SentBatches) for some in sent(executor))
            # This process has opened the file before it changed.
        if change != "other":
            finish(tuner, executor)
            assert_same(tuner.results, alone.results)
        if change == "removed":
            file.with_suffix(".away").rename(file)


def test_of_a_file_only_the_name_is_sent(digits, file):
    x = opened(file)
    found = sent_source(Observations(x))
    assert len(found.pickled) < 1000 < x.nbytes
    np.testing.assert_array_equal(found.opened().take(np.arange(5)), digits[0][:5])


@pytest.mark.slow
def test_of_an_array_of_zarr_only_the_name_is_sent(digits, tmp_path):
    import zarr

    array = zarr.create_array(tmp_path / "x.zarr", shape=(1797, 64), chunks=(100, 64), dtype="float32")
    array[:] = digits[0]
    found = sent_source(Observations(array))
    assert len(found.pickled) < 5000
    np.testing.assert_array_equal(found.opened().take(np.arange(5)), digits[0][:5])
    zarr.core.sync.cleanup_resources()


def test_a_file_that_is_changed_only_in_memory_is_sent_with_its_rows(digits, file):
    x = np.memmap(file, "float32", "c", 4, (1797, 64))
    x[:] += 1
    np.testing.assert_array_equal(sent_source(Observations(x)).opened().take(np.arange(5)), digits[0][:5] + 1)


def test_a_part_of_a_file_is_sent_with_its_own_rows(digits, file):
    found = sent_source(Observations(opened(file)[100:]))
    np.testing.assert_array_equal(found.opened().take(np.arange(5)), digits[0][100:105])


def test_data_that_are_large_or_can_t_be_pickled_are_not_sent_as_a_whole(digits, monkeypatch):
    class Rows:
        def __init__(self):
            self.lock = (i for i in ())

        def __len__(self):
            return 3

        def __getitem__(self, index):
            return np.zeros(2)

    assert sent_source(Observations(Rows())) is None
    assert sent_source(Observations(*digits)) is not None
    monkeypatch.setattr(source, "MOST", digits[0].nbytes)
    assert sent_source(Observations(*digits)) is None


@pytest.mark.parametrize(
    "other", [np.arange(6.0), np.arange(6), np.arange(6.0).reshape(2, 3) + 1, np.array(["a"], object)]
)
def test_a_digest_tells_arrays_apart(other):
    array = np.arange(6.0).reshape(2, 3)
    assert digest((array,)) == digest((np.asfortranarray(array),))
    assert digest((array,)) != digest((other,))
