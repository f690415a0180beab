import math

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

DELTAS = arrays(
    np.float64,
    st.tuples(st.integers(0, 12), st.just(5)),
    elements=st.floats(-1e6, 1e6) | st.sampled_from([math.nan, math.inf, -math.inf]),
)


RATES = np.array([0.01, 0.02, 0.1, 0.5, 1.0])


CURVE = np.array([-0.01, -0.1, -0.6, -0.9, -1.0, 3.0])


GRID = np.array([1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0])
