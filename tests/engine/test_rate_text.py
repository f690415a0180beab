import pytest

from autolr_widget.engine.rate_text import rate_text


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        (0.0, "0"),
        (1e-4, "1e-4"),
        (5.736e-4, "5.74e-4"),
        (9.996e-4, "0.001"),
        (0.0316227766, "0.0316"),
        (3162.3, "3160"),
        (99_960, "1e+5"),
        (1e30, "1e+30"),
    ],
)
def test_a_rate_is_written_as_in_the_front_end(rate, text):
    assert rate_text(rate) == text


def test_applied_rates_have_a_digit_more():
    assert rate_text(0.20517, 4) == "0.2052"
