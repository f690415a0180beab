import io

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from autolr_widget.engine.data import spool
from autolr_widget.engine.data.spool import Spool


@given(
    batches=st.lists(
        st.tuples(
            arrays(st.sampled_from([np.float32, np.int64, np.bool_, np.uint8]), array_shapes(max_dims=3, max_side=4)),
            st.none() | arrays(np.float64, 3),
        ),
        max_size=8,
    ),
    memory=st.integers(0, 200),
)
def test_batches_come_back_from_memory_and_from_the_file(batches, memory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spool, "MEMORY", memory)
        kept = Spool()
        for batch in batches:
            kept.append({"x": batch[0], "y": batch[1]})
        assert len(kept) == len(batches)
        for index in reversed(range(len(batches))):
            for name, value in zip("xy", batches[index], strict=True):
                found = kept[index][name]
                assert (found is None) == (value is None)
                np.testing.assert_array_equal(found, value)
                assert value is None or found.dtype == value.dtype


def test_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(spool, "MEMORY", 1000)
    kept = Spool()
    kept.append(np.ones(100))
    assert isinstance(kept._file._file, io.BytesIO)
    kept.append(np.ones(100))
    assert not isinstance(kept._file._file, io.BytesIO)


def test_a_spool_is_full_at_its_limit(monkeypatch):
    monkeypatch.setattr(spool, "MOST", 1000)
    kept = Spool()
    kept.append(np.ones(100))
    assert not kept.is_full
    kept.append(np.ones(100))
    assert kept.is_full


def test_strings_and_sparse_and_ragged_tensors_come_back():
    kept = Spool()
    strings = np.array([["a\0", ""], ["é", "word"]], object)
    sparse = tf.sparse.from_dense(np.diag([1.0, 0.0, 2.0]))
    ragged = tf.ragged.constant([[[1], []], [[2, 3]]], dtype=tf.int64)
    kept.append((strings, {"sparse": sparse, "ragged": ragged}))
    found, tensors = kept[0]
    assert tf.constant(found).numpy().tolist() == tf.constant(strings).numpy().tolist()
    np.testing.assert_array_equal(tf.sparse.to_dense(tensors["sparse"]), tf.sparse.to_dense(sparse))
    assert tensors["ragged"].to_list() == ragged.to_list()
    assert tensors["ragged"].dtype == ragged.dtype
