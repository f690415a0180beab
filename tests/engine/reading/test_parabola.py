import numpy as np
import pytest

from autolr_widget.engine.reading.parabola import dip
from autolr_widget.engine.reading.selection import half_minimum


def test_the_dip_goes_through_the_lowest_mean_and_its_minimum_is_the_rule_s():
    rates, means = np.geomspace(1e-3, 1, 4), np.array([-1.0, -3.0, -2.0, 5.0])
    between, curve = dip(rates, means, count=9999)
    assert rates[0] < between[0] < between[-1] < rates[2]
    assert np.interp(rates[1], between, curve) == pytest.approx(-3)
    assert curve[[0, -1]] == pytest.approx([-1, -2], abs=1e-2)
    assert between[np.argmin(curve)] / 2 == pytest.approx(half_minimum(rates, means[np.newaxis]), rel=1e-3)


@pytest.mark.parametrize("means", [[-3.0, -2.0, -1.0], [1.0, 2.0, 3.0], [-1.0, -2.0, -3.0]])
def test_there_is_no_dip_at_an_end_or_above_0(means):
    between, curve = dip(np.geomspace(1e-3, 1, 3), np.array(means))
    assert between.size == curve.size == 0
