import numpy as np
import pytest

from autolr_widget.lesson.curves import Curves, apart


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        ([0, 5, 9], [0, 5, 9]),
        ([5, 5, 5], [5, 6, 7]),
        ([9, 0, 9.5], [9, 0, 10]),
        ([10, 10, 10], [8, 9, 10]),
        ([-3, 20], [0, 10]),
    ],
)
def test_names_are_apart_and_inside(places, expected):
    np.testing.assert_allclose(apart(np.array(places, float), 0.0, 10.0, 1.0), expected)


def lines(curves):
    return curves.figure.marks[: len(names(curves).text)]


def names(curves):
    return curves.figure.marks[-1]


def test_curves_start_at_step_1_and_have_their_names_at_their_ends():
    curves = Curves({"A": [2.0, 1.0, 0.5], "B": [2.0, 2.0, 2.0]})
    np.testing.assert_array_equal(lines(curves)[0].x, [1, 2, 3])
    np.testing.assert_allclose(lines(curves)[1].y, 2)
    assert list(names(curves).text) == ["A", "B"]
    assert (names(curves).x > 3).all()
    assert names(curves).y[0] == pytest.approx(0.5)
    assert len({(line.colors[0], line.line_style) for line in lines(curves)}) == 2


def test_what_diverges_leaves_the_picture_at_the_top():
    curves = Curves({"A": [2.0, 1.0, 0.5], "B": [2.0, np.inf, np.nan]})
    high = lines(curves)[0].scales["y"].max
    assert 2 < high < 2.5
    assert np.isfinite(lines(curves)[1].y).all()
    assert (lines(curves)[1].y[1:] > high).all()
    assert names(curves).y[1] < high


def test_a_log_axis_and_values_below_zero():
    curves = Curves({"A": [0.0, -1.0, 5.0]}, x=[0.01, 0.1, 1.0], log=True)
    scale = lines(curves)[0].scales
    assert (scale["x"].min, scale["y"].max > 0, scale["y"].min < -1) == (0.01, True, True)
    assert scale["x"].max > 1
    np.testing.assert_allclose(curves.figure.axes[0].tick_values, [0.01, 0.03, 0.1, 0.3, 1.0])


def test_input_errors():
    with pytest.raises(ValueError, match="`lines` must be at most 4 curves of one length"):
        Curves({"A": [1.0], "B": [1.0, 2.0]})
    with pytest.raises(ValueError, match="`lines` must be at most 4 curves of one length"):
        Curves({str(i): [1.0, 2.0] for i in range(5)})
