"""The arithmetic of the picture."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolr_widget.engine.reading.band import normal
from autolr_widget.widget.chart import CURVE, PINS, Chart, decades, y_limits


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (1e-6, 1.0, [1e-6, 1e-4, 1e-2, 1.0]),
        (1e-4, 10, [1e-4, 1e-3, 1e-2, 1e-1, 1, 10]),
        (2e-3, 0.9, [3e-3, 1e-2, 3e-2, 1e-1, 3e-1]),
        (0.2, 0.9, [0.2, 0.5]),
        (0.3, 0.4, [0.3, 0.4]),
        (0.2, 2.0, [0.2, 0.5, 1.0, 2.0]),
    ],
)
def test_decades(first, last, expected):
    np.testing.assert_allclose(decades(first, last), expected)


@given(st.floats(1e-12, 10), st.floats(1.01, 1e12))
def test_decades_are_few_and_inside(first, ratio):
    ticks = decades(first, first * ratio)
    assert 2 <= len(ticks) <= 6
    assert ticks[0] >= first * (1 - 1e-8)
    assert ticks[-1] <= first * ratio * (1 + 1e-8)


@pytest.mark.parametrize(
    ("mean", "spread", "inside"),
    [
        # A rate that blows up has a band that reaches as far down: neither counts.
        ([-0.5, -2.5, 1e9], [0.5, 0.5, 1e10], (-3, 0)),
        ([-0.5, -2.5, -1.5], [0.5, 0.5, 0.5], (-3, 0)),
        ([2, 3], [1, 1], (0, 4)),
        ([0, 0], [0, 0], (0, 0)),
        # The first rounds' bands are wide, and would make the dip a scratch.
        ([-1, -2], [50, 60], (-2.5, 2)),
    ],
)
def test_y_limits_hold_the_dip_and_zero(mean, spread, inside):
    mean, spread = np.array(mean, float), np.array(spread, float)
    low, high = y_limits(mean, mean - spread, mean + spread)
    assert low < inside[0]
    assert high > inside[1]
    assert high - low <= 2 * max(inside[1] - inside[0], 1)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3)), min_size=3, max_size=9))
def test_a_mean_has_two_points_and_no_gaps_and_a_band_is_no_gap_throughout(rates):
    racing, rounds = np.array([r for r, _ in rates]), [n for _, n in rates]
    deltas = np.full((3, len(rates)), np.nan)
    for place, n in enumerate(rounds):
        deltas[:n, place] = -1.0 - np.arange(n)
    chart = Chart(np.geomspace(1e-3, 1, len(rates)), "log")
    chart.show_band(normal(deltas, 0.05), racing)
    measured = sum(n > 0 for n in rounds)
    curve, dropped = chart._curve, chart._dropped
    for mark in (curve, dropped):
        if mark.visible and measured > 1:
            assert 2 <= len(mark.x) <= measured
    if curve.visible and measured > 1:
        lower, upper, mean = curve.y
        assert np.isfinite(mean).all()
        assert (np.isfinite(lower) == np.isfinite(upper)).all()
        assert np.isfinite(lower).any()
    if dropped.visible and measured > 1:
        assert np.isfinite(dropped.y).all()
    assert curve.visible == (measured > 0)
    assert chart._dropped.visible == (measured > 0 and not racing.all())


def luminance(colour):
    parts = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]


@pytest.mark.parametrize("surface", ["#ffffff", "#111111"])
def test_marks_stand_out_on_light_and_dark(surface):
    css = (Path(__file__).parents[2] / "js" / "src" / "base.css").read_text()
    (choice,) = re.findall(r"--autolr-choice: (#\w{6})", css)
    for colour in (CURVE, choice, *PINS):
        lighter, darker = sorted((luminance(colour), luminance(surface)), reverse=True)
        # WCAG 2.2, 1.4.11.
        assert (lighter + 0.05) / (darker + 0.05) >= 3, colour
