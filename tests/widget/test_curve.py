from types import SimpleNamespace

import numpy as np
import pytest

from autolr_widget.engine.settings import Settings
from autolr_widget.widget.curve import whole, y_limits


def test_a_rate_that_dropped_out_of_a_race_did_not_diverge():
    measured = [[True, True, True], [True, True, False], [False, True, False]]
    rounds = tuple(SimpleNamespace(measured=np.array(row)) for row in measured)
    run = SimpleNamespace(settings=Settings(pruner="racing"), rounds=rounds)
    deltas = np.array([[-1.0, -2.0, 1.0], [-1.0, np.nan, np.nan], [np.nan, -2.0, np.nan]])
    assert whole(run, deltas).tolist() == [True, False, True]
    # Another thread has added the third round meanwhile.
    assert whole(run, deltas[:2]).tolist() == [True, False, True]
    assert whole(SimpleNamespace(settings=Settings(), rounds=()), deltas[:1]).tolist() == [True, True, True]


@pytest.mark.parametrize(
    ("mean", "spread", "inside"),
    [
        # A rate whose loss explodes is ignored, and so is its band, which also reaches far down.
        ([-0.5, -2.5, 1e9], [0.5, 0.5, 1e10], (-3, 0)),
        ([-0.5, -2.5, -1.5], [0.5, 0.5, 0.5], (-3, 0)),
        ([2, 3], [1, 1], (0, 4)),
        ([0, 0], [0, 0], (0, 0)),
        # The bands of the first rounds are so wide that the dip would not be visible.
        ([-1, -2], [50, 60], (-2.5, 2)),
    ],
)
def test_y_limits_include_the_dip_and_zero(mean, spread, inside):
    mean, spread = np.array(mean, float), np.array(spread, float)
    low, high = y_limits(mean, mean - spread, mean + spread)
    assert low < inside[0]
    assert high > inside[1]
    assert high - low <= 2 * max(inside[1] - inside[0], 1)
