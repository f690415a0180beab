import numpy as np
import pytest
import tensorflow as tf

from autolr_widget import LRTuner
from autolr_widget.engine.data import spool
from autolr_widget.engine.data.stream import Stream


def test_a_stream_that_fails_has_not_ended(make_model, digits):
    def batches():
        for i in range(3):
            yield digits[0][10 * i : 10 * i + 10], digits[1][10 * i : 10 * i + 10]
        raise OSError("the disk is gone")

    tuner = LRTuner(make_model(), batches(), num_evals=3, horizon=1)
    for _ in range(3):
        tuner.step()
    with pytest.raises(OSError, match="disk"):
        tuner.step()
    with pytest.raises(ValueError, match="stopped with an error"):
        tuner.step()
    assert len(tuner) == 3
    tuner.measure(1)


def test_a_stream_stops_at_a_batch_that_was_refused(make_model, digits):
    batches = ((digits[0][i : i + 10 - i // 10], digits[1][i : i + 10]) for i in range(0, 100, 10))
    tuner = LRTuner(make_model(), batches, num_evals=3, horizon=1)
    tuner.step()
    for message in ("whose parts have the same length", "stopped with an error"):
        with pytest.raises(ValueError, match=message):
            tuner.step()
    assert len(tuner) == 1


@pytest.mark.parametrize("memory", [0, 10**9])
def test_a_stream_is_not_read_further_than_it_can_be_kept(make_model, digits, monkeypatch, memory):
    monkeypatch.setattr(spool, "MEMORY", memory)
    monkeypatch.setattr(spool, "MOST", 40 * (64 * 4 + 8))
    read = []

    def batches():
        for i in range(100):
            read.append(i)
            yield digits[0][10 * i : 10 * i + 10], digits[1][10 * i : 10 * i + 10]

    tuner = LRTuner(make_model(), batches(), num_evals=3, num_subsamples=8, horizon=1)
    assert len(list(tuner)) == 8
    assert read == [0, 1, 2, 3]
    assert tuner.observations.size is None


def test_a_stream_is_read_only_as_far_as_steps_need(make_model, digits):
    read = []

    def batches():
        for i in range(100):
            read.append(i)
            yield digits[0][10 * i : 10 * i + 10], digits[1][10 * i : 10 * i + 10]

    tuner = LRTuner(make_model(), batches(), num_evals=3, horizon=2)
    assert read == [0]
    first = tuner.step()
    assert read == [0, 1]
    tuner.measure(2)
    assert len(read) == 6
    again = tuner.renewed(tuner.settings)
    np.testing.assert_array_equal(again.step().deltas, first.deltas)
    assert len(read) == 6


def test_the_inputs_of_a_batch_may_have_more_rows_than_its_targets():
    def batches():
        for size in (12, 9, 11):
            yield (np.ones((size, 3), "float32"), np.arange(size) % 4), np.zeros(4, "int64")

    read = Stream(batches())
    assert read.batch_size == 4
    (nodes, _), _ = read.draw(8, 0, 0, 3)(1)
    assert nodes.shape == (9, 3)
    with pytest.raises(ValueError, match="same length"):
        Stream(iter([(np.ones((12, 3)), np.zeros(4))]))


def test_a_stream_may_yield_strings():
    words = np.array([["no", "é"], ["perhaps", ""]])
    dataset = tf.data.Dataset.from_tensor_slices(({"word": words}, np.zeros(2))).batch(2)
    (batch, _) = Stream(dataset).draw(8, 0, 0)(0)
    assert tf.convert_to_tensor(batch["word"]).numpy().tolist() == np.char.encode(words, "utf-8").tolist()
    with pytest.raises(ValueError, match=r"must yield arrays of numbers.*dtype <U7.*`tf.constant`"):
        Stream(iter([(words, np.zeros(2))]))


def batches_of(sizes, digits):
    ends = np.cumsum(sizes)
    return [(digits[0][b - n : b], digits[1][b - n : b]) for n, b in zip(sizes, ends, strict=True)]


def test_a_stream_is_measured_on_its_own_batches(make_model, digits):
    stream = Stream(iter(batches_of([8, 8, 5, 8, 8, 8], digits)))
    draw = stream.draw(32, 0, 1, batches=2)
    assert [len(draw(step)[0]) for step in range(2)] == [5, 8]
    np.testing.assert_array_equal(draw(0)[0], digits[0][16:21])
    tuner = LRTuner(make_model(), iter(batches_of([8, 8, 5, 8, 8, 8], digits)), num_evals=2, horizon=3)
    assert np.isfinite(tuner.step().deltas).all()


def test_the_end_of_a_stream_is_filled_up_from_other_batches(digits):
    stream = Stream(iter(batches_of([4] * 5, digits)))

    def starts(draw, steps):
        return [int(np.flatnonzero((digits[0] == draw(step)[0][0]).all(axis=1))[0]) for step in steps]

    assert starts(stream.draw(4, 0, 0, batches=3), range(3)) == [0, 4, 8]
    second = starts(stream.draw(4, 0, 1, batches=3), range(3))
    assert second[:2] == [12, 16]
    assert second[2] in (0, 4, 8)
    third = starts(stream.draw(4, 0, 2, batches=3), range(3))
    assert len(set(third)) == 3
    # A batch that is held out is none of those of the steps.
    for index in range(4):
        drawn = starts(stream.draw(4, 0, index, batches=2, held_out=1), range(3))
        assert drawn[2] not in drawn[:2]


def test_single_observations_are_combined(digits):
    stream = Stream(((x, y) for x, y in zip(*digits, strict=True)), shapes=[(64,)])
    assert stream.batch_size is None
    x, y = stream.draw(6, 0, 1, batches=2)(1)
    np.testing.assert_array_equal(x, digits[0][18:24])
    np.testing.assert_array_equal(y, digits[1][18:24])
