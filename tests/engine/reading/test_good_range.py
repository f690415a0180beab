import pytest

from autolr_widget.engine.reading.good_range import good_range
from autolr_widget.engine.settings import Settings


def test_the_range_is_a_multiple_of_the_choice():
    assert good_range(0.01, Settings()) == pytest.approx((0.0025, 0.038))
    assert good_range(2.0, Settings(horizon=36, num_subsamples=1, alpha=0.5)) == pytest.approx((0.5, 7.6))


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
