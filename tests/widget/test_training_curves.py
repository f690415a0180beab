import numpy as np
import pytest

from autolr_widget.widget.training_curves import training_curves, words

NAN = np.nan
WHOLE = np.full((2, 2), 3)


def test_it_is_the_mean_over_the_rounds():
    curves = np.arange(12.0).reshape(2, 2, 3)
    assert training_curves(curves, WHOLE).tolist() == [[3, 4, 5], [6, 7, 8]]


def test_a_rate_that_diverged_in_one_round_is_infinite_from_there_on():
    curves = np.array([[[1, 2, 3], [1, 2, 3]], [[1, 4, 5], [1, NAN, NAN]]])
    assert training_curves(curves, WHOLE).tolist() == [[1, 3, 4], [1, np.inf, np.inf]]


def test_a_rate_that_dropped_out_has_the_mean_of_the_rounds_before():
    curves = np.array([[[1, 2, 3], [1, 2, 3]], [[1, 4, 5], [NAN, NAN, NAN]]])
    assert training_curves(curves, np.array([[3, 3], [3, 0]])).tolist() == [[1, 3, 4], [1, 2, 3]]


def test_steps_that_have_not_been_taken_are_unknown():
    curves = np.array([[[1, 2, NAN], [NAN, NAN, NAN], [1, NAN, NAN]]])
    np.testing.assert_array_equal(
        training_curves(curves, np.array([[2, 0, 2]])), [[1, 2, NAN], [NAN, NAN, NAN], [1, np.inf, NAN]]
    )


def test_a_loss_that_float32_can_not_hold_is_not_infinite():
    assert training_curves(np.array([[[1e300]]]), np.array([[1]])) == np.float32(1e30)


@pytest.mark.parametrize(
    ("measured", "text"),
    [
        ([[True, True]], "Round 1"),
        ([[True, True], [True, True]], "Mean of 2 rounds"),
        ([[True, True], [True, False]], "Mean of up to 2 rounds"),
    ],
)
def test_the_rounds_in_words(measured, text):
    assert words(np.array(measured)) == text
