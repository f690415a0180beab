import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from autolr_widget.engine.data.subsample import subsample


@given(n=st.integers(1, 10_000), share=st.floats(0, 1), seed=st.integers(0, 2**40), index=st.integers(0, 10**6))
def test_subsample_is_pure_and_without_replacement(n, share, seed, index):
    size = max(1, int(n * share))
    rows = subsample(n, size, seed, index)
    assert len(set(rows.tolist())) == size
    assert 0 <= rows.min() <= rows.max() < n
    np.testing.assert_array_equal(rows, subsample(n, size, seed, index))


def test_subsamples_of_other_rounds_and_seeds_differ():
    draws = {tuple(subsample(1000, 8, seed, index)) for seed in range(10) for index in range(10)}
    assert len(draws) == 100


def test_batches_of_a_round_do_not_repeat_rows_until_the_data_run_out():
    rows = subsample(100, 10, 0, 3, batches=8, held_out=1).reshape(9, 10)
    assert len({*rows.ravel()}) == 90
    rows = subsample(25, 10, 0, 3, batches=7, held_out=1).reshape(8, 10)
    assert all(len({*batch}) == 10 for batch in rows)
    assert not {*rows[:-1].ravel()} & {*rows[-1]}, "no step sees what was held out"
    assert not np.array_equal(rows, subsample(25, 10, 0, 4, batches=7, held_out=1).reshape(8, 10))
