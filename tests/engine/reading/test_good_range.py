import pytest

from autolr_widget.engine.reading.good_range import good_range
from autolr_widget.engine.settings import Settings


def test_the_range_is_a_multiple_of_the_choice():
    assert good_range(0.01, Settings()) == pytest.approx((0.0025, 0.038))
    assert good_range(2.0, Settings(horizon=36, num_subsamples=1, alpha=0.5)) == pytest.approx((0.5, 7.6))


@pytest.mark.parametrize(
    ("settings", "observations", "own_batch_size", "known"),
    [
        # The smallest data of the benchmark.
        ({}, 133, None, True),
        ({}, 132, None, False),
        ({}, 40, None, False),
        # One batch, and three batches of 4.
        ({}, 32, 32, False),
        ({}, 12, 4, False),
        # A stream that has not ended.
        ({}, None, 32, True),
        # More passes than in the benchmark.
        ({"batch_size": 128}, 500, None, False),
        ({"batch_size": 128}, 504, None, True),
        ({}, 500, 128, False),
        # No observation is repeated.
        ({"batch_size": 1}, 55, None, True),
        ({"batch_size": 1}, 54, None, False),
        ({"horizon": 36, "batch_size": 2}, 72, None, True),
    ],
)
def test_there_is_none_for_fewer_observations_than_in_the_benchmark(settings, observations, own_batch_size, known):
    assert (good_range(0.01, Settings(**settings), observations, own_batch_size) is not None) == known


@pytest.mark.parametrize(
    "settings",
    [
        {"method": "mean"},
        {"scale": "linear"},
        {"evaluate_on": "train"},
        {"evaluate_on": "validation"},
        {"horizon": 35},
        {"horizon": 61},
        {"horizon": 1},
    ],
)
def test_there_is_none_for_settings_that_the_benchmark_does_not_know(settings):
    assert good_range(0.01, Settings(**settings)) is None
