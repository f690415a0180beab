"""Data that are read by their chunks: those of zarr and Dask, which the environment of the lowest versions lacks."""

import numpy as np
import pandas as pd
import pytest

from autolr_widget.engine.data.observations import Observations
from tests.engine.data.test_observations import VALUES, assert_same_batch

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def no_threads_are_left():
    import dask
    import zarr

    with dask.config.set(scheduler="synchronous"):
        yield
    zarr.core.sync.cleanup_resources()


def test_only_the_chunks_of_a_zarr_array_are_read_that_rows_lie_in(tmp_path):
    import zarr

    array = zarr.create_array(tmp_path / "x.zarr", shape=VALUES.shape, chunks=(2, 3), dtype="float64")
    array[:] = VALUES
    x = Observations(array)
    rows = np.array([3, 0, 2])
    assert_same_batch(x.take(rows), Observations(VALUES).take(rows))
    # The chunk with the rows 4 and 5 is lost.
    next(tmp_path.glob("x.zarr/**/2/0")).write_bytes(b"not a chunk")
    assert_same_batch(x.take(rows), Observations(VALUES).take(rows))
    with pytest.raises(RuntimeError, match=r"zstd|decompress"):
        x.take(np.array([4]))


def test_only_the_parts_of_a_dask_array_are_computed_that_rows_lie_in():
    import dask.array as da

    computed = set()

    def part(values, block_info=None):
        computed.add(block_info[0]["chunk-location"][0])
        return values

    array = da.from_array(VALUES, chunks=(2, 3)).map_blocks(part, dtype="float64", meta=np.empty((0, 0)))
    x = Observations(array)
    computed.clear()
    rows = np.array([3, 0, 2])
    assert_same_batch(x.take(rows), Observations(VALUES).take(rows))
    assert computed == {0, 1}


def test_the_rows_of_a_dask_frame_are_those_of_a_pandas_frame():
    import dask.dataframe as dd

    frame = pd.DataFrame(VALUES.astype("float32"), columns=[*"abc"]).assign(n=np.arange(10))
    parts = dd.from_pandas(frame, npartitions=3)
    rows = np.array([9, 0, 5, 1])
    assert_same_batch(Observations(parts, parts["n"]).take(rows), Observations(frame, frame["n"]).take(rows))
    with pytest.raises(ValueError, match=r"`x` must have numeric columns\. Received: column 'd' of dtype str"):
        Observations(dd.from_pandas(frame.assign(d="word"), npartitions=3))
