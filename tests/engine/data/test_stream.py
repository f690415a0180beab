import numpy as np
import pytest

from autolr_widget import LRTuner
from autolr_widget.engine.data import stream


def test_a_stream_that_fails_has_not_ended(make_model, digits):
    def batches():
        for i in range(3):
            yield digits[0][10 * i : 10 * i + 10], digits[1][10 * i : 10 * i + 10]
        raise OSError("the disk is gone")

    tuner = LRTuner(make_model(), batches(), num_evals=3, batch_size=10, horizon=1)
    for _ in range(3):
        tuner.step()
    with pytest.raises(OSError, match="disk"):
        tuner.step()
    with pytest.raises(ValueError, match="stopped with an error"):
        tuner.step()
    assert len(tuner) == 3
    tuner.measure(1)


def test_a_stream_stops_at_a_batch_that_was_refused(make_model, digits):
    x = digits[0].copy()
    x[15] = np.nan
    batches = ((x[i : i + 10], digits[1][i : i + 10]) for i in range(0, 100, 10))
    tuner = LRTuner(make_model(), batches, num_evals=3, batch_size=10, horizon=1)
    tuner.step()
    for message in ("must contain only finite numbers", "stopped with an error"):
        with pytest.raises(ValueError, match=message):
            tuner.step()
    assert len(tuner) == 1


def test_a_stream_is_not_read_beyond_the_pool_and_its_length_is_unknown(make_model, digits, monkeypatch):
    monkeypatch.setattr(stream, "POOL", 40 * (64 * 4 + 8))
    read = []

    def batches():
        for i in range(100):
            read.append(i)
            yield digits[0][10 * i : 10 * i + 10], digits[1][10 * i : 10 * i + 10]

    tuner = LRTuner(make_model(), batches(), num_evals=3, batch_size=10, num_subsamples=8)
    assert len(list(tuner)) == 8
    assert read == [0, 1, 2, 3]
    assert tuner.observations.size is None


def test_a_stream_is_read_only_as_far_as_rounds_need(make_model, digits):
    read = []

    def batches():
        for i in range(100):
            read.append(i)
            yield digits[0][10 * i : 10 * i + 10], digits[1][10 * i : 10 * i + 10]

    tuner = LRTuner(make_model(), batches(), num_evals=3, batch_size=15, horizon=1)
    assert read == [0]
    first = tuner.step()
    assert read == [0, 1]
    tuner.measure(3)
    assert len(read) == 6
    again = tuner.renewed(tuner.settings)
    np.testing.assert_array_equal(again.step().deltas, first.deltas)
    assert len(read) == 6
