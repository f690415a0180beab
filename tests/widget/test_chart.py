import re
from pathlib import Path

import bqplot
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolr_widget import TunerWidget
from autolr_widget.engine.reading.band import normal
from autolr_widget.widget.chart import CURVE, LARGE, MARGIN, Chart, decades
from autolr_widget.widget.pins import COLORS, Pin
from tests.widget import front_end
from tests.widget.front_end import from_front_end, marks, one_round


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
    np.testing.assert_allclose(decades(first, last, 6), expected)


@given(st.floats(1e-12, 10), st.floats(1.01, 1e12), st.sampled_from([4, 6]))
def test_decades_are_few_and_inside(first, ratio, most):
    ticks = decades(first, first * ratio, most)
    assert 2 <= len(ticks) <= most
    assert ticks[0] >= first * (1 - 1e-8)
    assert ticks[-1] <= first * ratio * (1 + 1e-8)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3)), min_size=3, max_size=9))
def test_a_mean_has_two_points_and_no_gaps_and_a_band_is_not_empty(rates):
    racing, rounds = np.array([r for r, _ in rates]), [n for _, n in rates]
    deltas = np.full((3, len(rates)), np.nan)
    for place, n in enumerate(rounds):
        deltas[:n, place] = -1.0 - np.arange(n)
    chart = Chart(np.geomspace(1e-3, 1, len(rates)), "log")
    chart.show_band(normal(deltas, 0.05), racing, np.ones(len(rates), dtype=bool))
    measured = sum(n > 0 for n in rounds)
    curve, dropped = chart._curve, chart._dropped
    for mark in (curve, dropped):
        if mark.visible and measured > 1:
            assert 2 <= len(np.intersect1d(mark.x, chart._rates[np.array(rounds) > 0])) <= measured
            assert (np.diff(mark.x) > 0).all()
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
def test_marks_have_contrast_on_light_and_dark(surface):
    css = (Path(__file__).parents[2] / "js" / "src" / "base.css").read_text()
    (choice,) = re.findall(r"--autolr-choice: (#\w{6})", css)
    for colour in (CURVE, choice, *COLORS.values()):
        lighter, darker = sorted((luminance(colour), luminance(surface)), reverse=True)
        # WCAG 2.2, 1.4.11.
        assert (lighter + 0.05) / (darker + 0.05) >= 3, colour


def test_the_chart_shows_the_summary(widget):
    widget.run()
    summary, drawn = widget.results.summary(), marks(widget)
    np.testing.assert_allclose(front_end.drawn(widget), front_end.seen(widget, summary), rtol=1e-6)
    assert drawn["zero"].y.tolist() == [0, 0]
    assert {name for name, mark in drawn.items() if mark.visible} == {"zero", "curve"}
    assert isinstance(drawn["curve"].scales["x"], bqplot.LogScale)


def test_half_of_the_lowest_point_of_the_chart_is_the_choice(widget):
    widget.method = "half-minimum"
    widget.run()
    drawn = marks(widget)["curve"]
    assert (np.diff(drawn.x) > 0).all()
    assert drawn.x[np.argmin(drawn.y[2])] / 2 == pytest.approx(widget.selected_lr, rel=0.05)
    assert drawn.x.size == 12 + 14


def test_the_chart_changes_once_per_round_and_before_the_counter(widget):
    events = []
    marks(widget)["curve"].observe(lambda _: events.append("chart"), names="y")
    widget.observe(lambda change: events.append(change["new"]), names="round")
    widget.run()
    assert events == ["chart", 1, "chart", 2, "chart", 3, "chart", 4]


def test_one_round_has_a_mean_and_no_band(widget):
    one_round(widget)
    assert (widget.status, widget.round) == ("paused", 1)
    drawn = marks(widget)
    assert drawn["curve"].visible
    lower, upper, mean = front_end.drawn(widget)
    assert lower.tolist() == upper.tolist() == mean.tolist()


def test_a_rate_that_diverged_in_any_round_is_left_out_of_the_chart():
    chart = Chart(np.geomspace(1e-3, 1, 4), "log")
    deltas = np.array([[-1, -2, -3, np.nan], [-1, -2, np.nan, np.nan]])
    chart.show_band(normal(deltas, 0.05), np.ones(4, dtype=bool), np.isfinite(deltas).all(axis=0))
    np.testing.assert_allclose(chart._curve.x, [1e-3, 1e-2])
    np.testing.assert_allclose(chart._curve.y[2], [-1, -2])


def test_the_widget_leaves_out_the_rates_that_diverged(make_model, digits):
    widget = TunerWidget(make_model(), *digits, lr_space=(1e-3, 1e38), num_evals=6, num_subsamples=2)
    widget.run()
    whole = np.isfinite(widget.tuner.deltas).all(axis=0)
    assert 0 < whole.sum() < 6
    np.testing.assert_allclose(front_end.rates_drawn(widget), widget.tuner.rates[whole])


def test_the_y_axis_contains_the_lowest_points_of_pinned_curves():
    chart = Chart(np.geomspace(1e-3, 1, 4), "log")
    chart.show_pins([Pin("B", "run", np.array([0.1, 1.0]), np.array([-5.0, 1e9]))])
    chart.show_grid(np.geomspace(1e-3, 1, 4), "log")
    assert -6 < chart.limits[0] < -5
    deltas = np.array([[-1.0, -2.0, -1.0, 3.0]])
    chart.show_band(normal(deltas, 0.05), np.ones(4, dtype=bool), np.ones(4, dtype=bool))
    assert -6 < chart.limits[0] < -5
    assert chart._pins.colors == [COLORS["B"]]
    # A grid that does not reach a lowest point would be flattened by it.
    chart.show_grid(np.geomspace(1e-5, 1e-2, 4), "log")
    chart.show_band(normal(deltas, 0.05), np.ones(4, dtype=bool), np.ones(4, dtype=bool))
    assert -3 < chart.limits[0] < -2


def test_a_mean_above_the_chart_has_no_band():
    chart = Chart(np.geomspace(1e-3, 1, 4), "log")
    deltas = np.array([[-1, -2, 1e6, 1e9], [-1.1, -2.1, -1e5, -1e8]])
    chart.show_band(normal(deltas, 0.05), np.ones(4, dtype=bool), np.ones(4, dtype=bool))
    measured = np.isin(chart._curve.x, np.geomspace(1e-3, 1, 4))
    assert np.isfinite(chart._curve.y[0, measured]).tolist() == [True, True, False, True]
    assert chart._curve.y[0, -1] == chart._curve.y[2, -1], "a band without width ends the line"


def test_diverged_values_of_a_round_are_drawn_outside_the_chart(make_model, digits):
    widget = TunerWidget(make_model(), *digits, lr_space=(1e-3, 1e38), num_evals=6, num_subsamples=2)
    from_front_end(widget, show_rounds=True)
    widget.run()
    assert np.isfinite(marks(widget)["rounds"].y).all()
    assert marks(widget)["rounds"].y[:, -1].min() > 1e29


def test_the_chart_shows_rates_that_dropped_out_of_a_race(widget):
    widget.num_subsamples, widget.pruner, widget.horizon = 24, "racing", 1
    widget.run()
    drawn = marks(widget)
    assert drawn["dropped"].visible
    assert len(drawn["dropped"].x) == 12
    assert 2 <= len(front_end.rates_drawn(widget)) < 12


def test_ticks_of_a_narrow_range_have_distinct_labels(widget):
    (axis,) = (axis for axis in widget.figure.axes if isinstance(axis.scale, bqplot.LogScale))
    from_front_end(widget, view=[0.172, 0.1915])
    assert axis.tick_format == ".3~g"
    from_front_end(widget, view=[1e-3, 1.0])
    assert axis.tick_format == ".0e"


def test_the_band_keeps_its_width_along_the_parabola():
    chart = Chart(np.geomspace(1e-3, 1, 4), "log")
    deltas = np.array([[-1.0, -3.0, -2.0, 3.0], [-1.2, -3.2, -2.2, 2.8]])
    chart.show_band(normal(deltas, 0.05), np.ones(4, dtype=bool), np.ones(4, dtype=bool))
    lower, upper, mean = chart._curve.y[:, chart._curve.x < 0.1]
    assert lower.size > 8
    np.testing.assert_allclose(upper - mean, mean - lower, rtol=1e-3)
    np.testing.assert_allclose(upper - mean, (upper - mean)[0], rtol=1e-3)


def test_large_print_and_back(widget):
    def sizes():
        figure = widget.figure
        offsets = [int(axis.label_offset.removesuffix("px")) for axis in figure.axes]
        return [*figure.fig_margin.values(), *offsets, *(mark.stroke_width for mark in figure.marks)]

    normal, panel = sizes(), widget._panel
    assert panel.margin == widget.figure.fig_margin
    from_front_end(widget, large=True)
    np.testing.assert_allclose(sizes(), LARGE * np.array(normal), atol=0.5)
    assert panel.margin == widget.figure.fig_margin != MARGIN
    assert len(widget.figure.axes[0].tick_values) <= 4
    assert "autolr-large" in widget._dom_classes
    from_front_end(widget, large=False)
    assert sizes() == normal
    assert panel.margin == MARGIN
    assert len(widget.figure.axes[0].tick_values) == 6
    assert "autolr-large" not in widget._dom_classes


def test_large_print_from_python(widget, digits):
    assert not widget.large
    from_front_end(widget, large=True)
    assert widget.large
    widget.large = False
    assert not widget._panel.large
    model = widget.tuner.model
    large = TunerWidget(model, *digits, large=True)
    assert large._panel.large
    assert "autolr-large" in large._dom_classes
    assert large._panel.margin == large.figure.fig_margin != MARGIN
    with pytest.raises(ValueError, match=r"Argument `large` must be True or False\. Received: large='yes'"):
        TunerWidget(model, *digits, large="yes")
