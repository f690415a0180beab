import numpy as np
import pytest

from autolr_widget.lesson.parabola import STEPS, Parabola, comes_down, motion, path


@pytest.fixture
def bowl():
    return Parabola(curvature=4)


def drag(bowl, to):
    """Move the orange point, as the browser does while the pointer moves."""
    bowl._tip.x = np.array([to])


def test_a_path_is_gradient_descent():
    np.testing.assert_allclose(path(0.1, 4.0, start=2.0, steps=3), [2.0, 2 * 0.6, 2 * 0.36, 2 * 0.216])


@pytest.mark.parametrize("curvature", [1.0, 4.0, 8.0])
def test_two_over_the_curvature_is_the_limit(curvature):
    assert comes_down(1.99 / curvature, curvature)
    assert not comes_down(2.01 / curvature, curvature)


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        (0.01, "come down on one side, slowly"),
        (0.2, "come down on one side"),
        (0.25, "lands on the bottom"),
        (0.4, "pass the bottom each time, and still come down"),
        (0.5, "come no lower"),
        (0.55, "explodes"),
    ],
)
def test_what_the_steps_do_in_words(bowl, rate, words):
    assert motion(rate, 4.0).endswith(words)
    bowl.rate = rate
    assert words in bowl._motion.value


def test_dragging_sets_the_rate_and_moves_the_pictures(bowl):
    before = bowl._losses.y
    drag(bowl, -0.4)
    assert bowl.rate == pytest.approx(0.35)
    assert bowl._slider.value == bowl.rate
    np.testing.assert_allclose(bowl._losses.y, 2 * path(0.35, 4.0) ** 2)
    assert (bowl._losses.y != before).any()
    np.testing.assert_allclose(bowl._first.x, [1.0, -0.4])


def test_the_point_follows_the_pointer_until_it_is_let_go(bowl):
    drag(bowl, -0.405)
    assert bowl._tip.x[0] == -0.405, "while it is dragged, nothing else moves it"
    bowl._tip._handle_custom_msg({"event": "drag_end", "point": {"x": -0.405, "y": 0}, "index": 0}, [])
    assert bowl._tip.x[0] == pytest.approx(-0.4)
    assert bowl.rate == pytest.approx(0.35)


def test_the_point_follows_the_slider(bowl):
    bowl._slider.value = 0.25
    assert bowl.rate == 0.25
    assert bowl._tip.x[0] == pytest.approx(0)


@pytest.mark.parametrize("to", [1.5, -1.59])
def test_a_rate_is_never_outside_of_the_slider(bowl, to):
    drag(bowl, to)
    assert 0 < bowl.rate <= 0.6


def test_what_leaves_the_picture_is_finite_and_short():
    bowl = Parabola(curvature=8)
    bowl.rate = 0.6
    assert np.isfinite(bowl._losses.y).all()
    assert bowl._losses.y.size == STEPS + 1
    assert bowl._steps.x.size < 5
    assert bowl._tip.x[0] == -1.6
    assert bowl.rate == 0.6, "the edge of the picture is not the rate"


@pytest.mark.parametrize(
    ("goal", "wrong", "right", "formula"),
    [("bottom", 0.3, 0.25, "This is 1 / L"), ("edge", 0.45, 0.5, "This is 2 / L")],
)
def test_the_tasks_are_checked_and_say_why(bowl, goal, wrong, right, formula):
    assert str(bowl.check(goal)) == "Choose an answer first. Drag the orange point, or the slider."
    bowl.rate = wrong
    assert str(bowl.check(goal)).startswith(f"No. At {wrong}, the steps pass the bottom")
    bowl.rate = right
    assert bowl.check(goal).right
    bowl._buttons[goal].click()
    assert "Right." in bowl._verdict.value
    assert formula in bowl._verdict.value
    bowl.rate = wrong
    assert bowl._verdict.value == "", "it was about another rate"
