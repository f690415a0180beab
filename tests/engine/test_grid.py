import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from autolr_widget.engine.grid import grid


@given(
    ends=st.tuples(st.floats(1e-10, 1e3), st.floats(1.01, 1e6)),
    count=st.integers(2, 300),
    scale=st.sampled_from(["log", "linear"]),
)
def test_grid_goes_up_from_one_end_to_the_other(ends, count, scale):
    lr_min, lr_max = ends[0], ends[0] * ends[1]
    rates = grid(lr_min, lr_max, count, scale)
    assert rates.shape == (count,)
    assert rates[0] == lr_min
    assert rates[-1] == lr_max
    assert (np.diff(rates) > 0).all()
