import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolr_widget.engine.grid import WIDER, around, grid, longer
from autolr_widget.engine.settings import Settings


@given(
    ends=st.tuples(st.floats(1e-10, 1e3), st.floats(1.01, 1e6)),
    count=st.integers(2, 300),
    scale=st.sampled_from(["log", "linear"]),
)
def test_grid_increases_from_lr_min_to_lr_max(ends, count, scale):
    lr_min, lr_max = ends[0], ends[0] * ends[1]
    rates = grid(lr_min, lr_max, count, scale)
    assert rates.shape == (count,)
    assert rates[0] == lr_min
    assert rates[-1] == lr_max
    assert (np.diff(rates) > 0).all()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((0.01, 1.0, 3), [0.01, 0.1, 1.0]),
        ((0.01, 1.0, 3, "log"), [0.01, 0.1, 1.0]),
        ((0.0, 1.0, 3, "linear"), [0.0, 0.5, 1.0]),
    ],
)
def test_rates_are_evenly_spaced_on_their_scale(arguments, expected):
    np.testing.assert_allclose(grid(*arguments), expected)


@pytest.mark.parametrize(
    ("lower", "upper", "expected"),
    [
        (0.02, 0.1, (0.01, 1.0)),
        (0.005, 0.05, (0.001, 0.1)),
        (0.1, 0.1, (0.01, 1.0)),
        (0.001, 0.001, (0.001, 0.01)),
        (1.0, 1.0, (0.1, 1.0)),
        (1e-4, 1e-4, (0.001, 0.01)),
        (10.0, 10.0, (0.1, 1.0)),
    ],
)
def test_around_adds_a_step_at_each_end(lower, upper, expected):
    assert around(np.array([0.001, 0.01, 0.1, 1.0]), lower, upper) == expected


@pytest.mark.parametrize("scale", ["log", "linear"])
@pytest.mark.parametrize("edge", ["lower", "upper"])
@given(ends=st.tuples(st.floats(1e-10, 1e3), st.floats(1.01, 1e6)), count=st.integers(3, 300))
def test_a_longer_grid_has_no_longer_steps(scale, edge, ends, count):
    rates = grid(ends[0], ends[0] * ends[1], count, scale)
    low, high, more = longer(rates, edge, scale)
    assert (low < rates[0], high > rates[-1]) == (edge == "lower", edge == "upper")
    step = np.diff(np.log(rates) if scale == "log" else rates).mean()
    length = np.log(high / low) if scale == "log" else high - low
    assert length / (more - 1) <= step * (1 + 1e-6)
    if scale == "log":
        assert length / (more - 2) >= step * (1 - 1e-6), "one rate less would make them longer"
    else:
        assert more - 1 == 2 * (count - 1)
        assert length / (more - 1) >= step / 2


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        ([0.8, 0.9, 1.0], (0.6, 1.0, 5)),
        ([0.1, 0.55, 1.0], (0.01, 1.0, 5)),
        ([0.0, 0.5, 1.0], (0.0, 1.0, 5)),
    ],
)
def test_a_linear_grid_does_not_reach_below_a_tenth_of_its_lowest_rate(rates, expected):
    assert longer(np.array(rates), "lower", "linear") == pytest.approx(expected)


def test_the_default_grid_is_the_first_that_is_widened():
    default = Settings()
    assert next(iter(WIDER)) == (default.lr_min, default.lr_max, default.num_evals)


def test_a_wider_grid_has_nearly_the_same_steps():
    for (low, high, count), wider in WIDER.items():
        for end, (lower, upper, more) in wider.items():
            assert (lower < low, upper > high) == (end == "lower", end == "upper")
            steps = [np.diff(np.log10(grid(*ends)))[0] for ends in ((low, high, count), (lower, upper, more))]
            assert steps[1] == pytest.approx(steps[0], rel=0.05)
