import keras
import numpy as np
import pytest
import tensorflow as tf

from autolr_widget import LRTuner
from autolr_widget.engine.data import spool
from autolr_widget.engine.data.stream import Stream, is_stream

pytestmark = pytest.mark.trains


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


class Batches(keras.utils.PyDataset):
    def __init__(self, x, y):
        super().__init__()
        self.x, self.y = x, y

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return self.x[32 * index : 32 * index + 32], self.y[32 * index : 32 * index + 32]


def rows(x, y):
    return tf.data.Dataset.from_tensor_slices((x[:100], y[:100]))


@pytest.mark.parametrize(
    ("make", "steps"),
    [
        (lambda x, y: rows(x, y).batch(32), 4),
        (lambda x, y: rows(x, y).batch(32).repeat(2), 8),
        (lambda x, y: Batches(x, y), 4),
        # Whose length TensorFlow does not know.
        (lambda x, y: rows(x, y).batch(32).filter(lambda *_: True), None),
        (lambda x, y: rows(x, y).batch(32).repeat(), None),
        (lambda x, y: iter(rows(x, y).batch(32)), None),
    ],
)
def test_an_epoch_is_as_long_as_that_of_fit(make_model, digits, make, steps):
    tuner = LRTuner(make_model(), make(*digits), num_evals=2, horizon=1)
    assert tuner.steps_per_epoch(16) == steps
    if steps:
        taken = []
        count = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: taken.append(batch))
        make_model().fit(make(*digits), epochs=1, shuffle=False, verbose=0, callbacks=[count])
        assert len(taken) == steps


def test_the_length_of_an_epoch_is_known_once_the_stream_has_ended(make_model, digits):
    model = make_model()
    known = LRTuner(model, rows(*digits), batch_size=16, num_evals=2, horizon=1)
    assert known.steps_per_epoch(16) == 7, "100 single observations"
    for batched in (True, False):
        data = rows(*digits).filter(lambda *_: True)
        tuner = LRTuner(model, data.batch(16) if batched else data, batch_size=16, num_evals=2, horizon=8)
        assert tuner.steps_per_epoch(16) is None
        tuner.step()
        assert tuner.steps_per_epoch(16) == 7


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
    with pytest.raises(ValueError, match=r"same length\. .* combine them into batches: `x\.batch\(32\)`"):
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


class Opened:
    """Batches of a file, as it were: each pass over them opens it, and closes it at its end."""

    def __init__(self, batches):
        self.batches = batches
        self.open = 0

    def __iter__(self):
        self.open += 1
        try:
            yield from self.batches
        finally:
            self.open -= 1


def test_what_is_opened_is_closed_at_construction_and_when_a_run_halts(make_model, digits):
    stream = Opened(batches_of([4] * 20, digits))
    tuner = LRTuner(make_model(), stream, num_evals=2, num_subsamples=4, horizon=2)
    assert stream.open == 0
    first = tuner.step()
    assert stream.open == 1
    tuner.let_go()
    assert stream.open == 0
    second = tuner.step()
    for _ in tuner:
        pass
    assert stream.open == 0
    whole = [round.deltas for round in LRTuner(make_model(), iter(stream.batches), **tuner_settings(tuner))]
    np.testing.assert_array_equal([first.deltas, second.deltas], whole[:2])
    np.testing.assert_array_equal(tuner.deltas, whole)


def test_what_is_opened_is_closed_when_a_run_is_complete_or_restored(make_model, digits):
    stream = Opened(batches_of([4] * 20, digits))
    tuner = LRTuner(make_model(), stream, num_evals=2, num_subsamples=2, horizon=2)
    while not tuner.is_complete:
        tuner.advance(1000)
    assert stream.open == 0
    again = Opened(stream.batches)
    other = LRTuner(make_model(), again)
    assert len(other.restored(tuner.saved_run)) == 2
    assert again.open == 0


def tuner_settings(tuner):
    return {name: getattr(tuner.settings, name) for name in ("num_evals", "num_subsamples", "horizon")}


def test_an_interrupt_closes_what_is_open_and_the_next_round_reads_on(digits):
    class Interrupted(Opened):
        due = True

        def __iter__(self):
            for batch in super().__iter__():
                yield batch
                if self.due:
                    self.due = False
                    raise KeyboardInterrupt

    source = Interrupted(batches_of([4] * 5, digits))
    stream = Stream(source)
    draw = stream.draw(4, 0, 0, batches=3)
    with pytest.raises(KeyboardInterrupt):
        draw(2)
    assert source.open == 0
    np.testing.assert_array_equal(draw(2)[0], digits[0][8:12])


def test_a_generator_stays_open_because_it_can_not_be_opened_again(digits):
    batches = (batch for batch in batches_of([4] * 5, digits))
    stream = Stream(batches)
    stream.let_go()
    np.testing.assert_array_equal(stream.draw(4, 0, 1)(0)[0], digits[0][4:8])
    stream.let_go()
    np.testing.assert_array_equal(next(batches)[0], digits[0][8:12])


def test_a_PyDataset_is_read_by_index_and_nothing_is_read_twice(digits):
    read = []

    class Indexed(keras.utils.PyDataset):
        def __len__(self):
            return 5

        def __getitem__(self, index):
            read.append(index)
            return batches_of([4] * 5, digits)[index]

    stream = Stream(Indexed(workers=2))
    stream.draw(4, 0, 2)(0)
    stream.let_go()
    stream.draw(4, 0, 3)(0)
    assert read == [0, 1, 2, 3]


def test_a_cache_in_a_file_is_free_for_fit_after_the_tuner_was_made_or_paused(make_model, digits, tmp_path):
    x, y = digits[0][:200], digits[1][:200]

    def cached():
        return tf.data.Dataset.from_tensor_slices((x, y)).batch(10).cache(str(tmp_path / "cache"))

    plain = [round.deltas for round in LRTuner(make_model(), (tf.data.Dataset.from_tensor_slices((x, y)).batch(10)),
                                               num_evals=2, num_subsamples=3, horizon=2)]  # fmt: skip
    for rounds in (0, 1):
        dataset = cached()
        tuner = LRTuner(make_model(), dataset, num_evals=2, num_subsamples=3, horizon=2)
        for _ in range(rounds):
            tuner.step()
        tuner.let_go()
        assert list(tmp_path.iterdir()) == []
        make_model().fit(dataset, shuffle=False, verbose=0)
        for _ in tuner:
            pass
        np.testing.assert_array_equal(tuner.deltas, plain)
        for file in tmp_path.iterdir():
            file.unlink()


def test_the_order_of_a_fixed_shuffle_does_not_depend_on_pauses(digits):
    dataset = tf.data.Dataset.from_tensor_slices(digits).shuffle(500, seed=1, reshuffle_each_iteration=False).batch(4)
    paused = Stream(dataset)
    draw = paused.draw(4, 0, 0, batches=3)
    found = []
    for step in range(3):
        found.append(draw(step)[0])
        paused.let_go()
    np.testing.assert_array_equal(found, [x.numpy() for x, _ in dataset.take(3)])


def test_sparse_and_ragged_batches_are_those_of_the_stream(digits):
    ragged = tf.ragged.constant([[1.0], [2.0, 3.0], [4.0], [5.0]], dtype=tf.float32)
    matrix = tf.sparse.from_dense(digits[0][:4])
    dataset = tf.data.Dataset.from_tensor_slices(({"ragged": ragged, "sparse": matrix}, digits[1][:4])).batch(2)
    draw = Stream(dataset).draw(2, 0, 0, batches=2)
    for step, (x, y) in enumerate(dataset):
        found = draw(step)
        assert found[0]["ragged"].to_list() == x["ragged"].to_list()
        np.testing.assert_array_equal(tf.sparse.to_dense(found[0]["sparse"]), tf.sparse.to_dense(x["sparse"]))
        np.testing.assert_array_equal(found[1], y)


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        (([[1.0, 2.0]], np.zeros(1)), r"must yield arrays\. Received: lists or tuples of numbers\. .*`numpy.asarray`"),
        ((np.zeros((0, 3)), np.zeros(0)), "must begin with a batch of observations"),
        ((np.array([{}]), np.zeros(1)), "must yield arrays of numbers. Received: an array of dtype object"),
    ],
)
def test_batches_that_fit_would_not_take_are_refused(batch, message):
    with pytest.raises(ValueError, match=message):
        Stream(iter([batch]))


def test_NaN_is_found_in_the_batches_of_a_round(digits):
    batches = batches_of([4] * 6, [array.copy() for array in digits])
    batches[3][0][2, 5] = np.inf
    batches[3][1][0] = 1
    stream = Stream(iter(batches))
    for step in range(3):
        stream.draw(4, 0, 1, batches=3)(step)
    assert stream.not_finite(4, 0, 0, 3) == ""
    assert stream.not_finite(4, 0, 1, 3) == "x has NaN or infinity in 1 of 4 rows, first in row 2 of batch 3"
    single = Stream(iter([*zip(*batches[3], strict=True)]), shapes=[(64,)])
    single.draw(4, 0, 0)(0)
    assert single.not_finite(4, 0, 0) == "x has NaN or infinity in 1 of 1 rows, first in row 2"


def test_what_yields_batches_is_a_stream_and_what_has_rows_is_not(digits):
    class Iterated:
        def __iter__(self):
            return iter(batches_of([4] * 3, digits))

    class Indexed(Iterated):
        """As in a Hugging Face `IterableDataset`, which has no length."""

        def __getitem__(self, index):
            raise NotImplementedError

    class WithRows(Indexed):
        def __len__(self):
            return 3

    # A `grain.MapDataset` has rows, but `fit` takes them for batches.
    grain = type("MapDataset", (WithRows,), {"__module__": "grain._src.python.dataset.dataset"})
    assert [is_stream(kind()) for kind in (Iterated, Indexed, WithRows, grain)] == [True, True, False, True]
    assert not is_stream(digits[0])
    assert not is_stream({"a": digits[0]})
    np.testing.assert_array_equal(Stream(grain()).draw(4, 0, 1)(0)[0], digits[0][4:8])
