"""A recorded run shows the same as a widget with a kernel."""

import base64
import json
from pathlib import Path

import numpy as np
import pytest

from autolr_widget import TuneResults, TunerWidget
from autolr_widget.engine.grid import grid
from autolr_widget.engine.reading.band import BANDS
from autolr_widget.engine.reading.selection import RULES
from autolr_widget.engine.saved.saved_run import SavedRun
from autolr_widget.engine.settings import Settings
from autolr_widget.widget.recording import ANSWER, element, recording
from tests.engine.saved.make_run import make_run

RUNS = sorted((Path(__file__).parents[2] / "docs" / "runs").glob("*.json"))


@pytest.fixture(params=RUNS, ids=lambda path: path.stem)
def shown(request):
    """A saved run: as it is recorded, and in a widget."""
    widget = TunerWidget.load(request.param)
    yield recording(SavedRun.read(request.param)), widget
    widget.close()


def test_each_rule_answers_as_in_the_widget(shown):
    recorded, widget = shown
    assert [*recorded["rules"]] == [*RULES]
    for rule in RULES:
        widget.method = rule
        answer = {name: getattr(widget._panel, name) for name in ANSWER}
        assert recorded["rules"][rule] == answer


def test_each_band_is_that_of_the_widget(shown):
    recorded, widget = shown
    assert [*recorded["bands"]] == [*BANDS]
    for band in BANDS:
        widget.band = band
        drawn, curve = recorded["bands"][band], widget._view.chart._curve
        assert base64.b64decode(drawn["table"]["base64"]) == widget._panel.table
        assert drawn["limits"] == widget._panel.limits
        lines = np.array([drawn[name] for name in ("lower", "upper", "mean")], dtype=float)
        np.testing.assert_allclose(lines, curve.y, rtol=1e-6)
        np.testing.assert_array_equal(drawn["points"], curve.x)


def test_a_rate_of_the_user_is_judged_as_in_the_widget(shown):
    recorded, widget = shown
    for rate, warning in zip(widget.results.rates, recorded["warnings"], strict=True):
        # Near the measured rate, but not at it, and inside of the grid.
        widget.selected_lr = rate * (1.02 if rate < 1 else 0.98)
        assert widget._panel.warning == warning
    widget.selected_lr = 1e20
    assert widget._panel.warning == recorded["outside"]


def test_it_begins_as_the_widget_that_shows_it(shown):
    recorded, widget = shown
    state = recorded["state"]
    for name in ("selected_lr", "pinned", "method", "band", "choices", "round", "subject", "view", "axis", "curves_of"):
        assert state[name] == getattr(widget._panel, name), name
    for name in ("rates", "curves"):
        assert base64.b64decode(state[name]["base64"]) == getattr(widget._panel, name), name


def test_a_rate_of_the_user_is_kept():
    state = recording(make_run(), 0.5)["state"]
    assert (state["selected_lr"], state["pinned"]) == (0.5, True)


def test_in_a_race_all_rates_are_behind_those_that_race():
    rates, deltas = grid(1e-3, 1.0, 5), np.tile([0.0, -1.0, -2.0, -1.0, 5.0], (8, 1))
    deltas += np.random.default_rng(0).normal(scale=0.01, size=deltas.shape)
    settings = Settings(lr_min=1e-3, lr_max=1.0, num_evals=5, num_subsamples=8, pruner="racing")
    run = SavedRun(settings, TuneResults(rates, deltas), np.ones(8))
    drawn = recording(run)["bands"]["t"]
    assert drawn["raced"] == [*rates]
    assert drawn["points"][0] == rates[1]
    assert drawn["points"][-1] == rates[3]


@pytest.mark.parametrize(
    ("rates", "deltas"),
    [
        (grid(0.0, 1.0, 5, "linear"), [[0.0, -1.0, -2.0, -1.0, 5.0]]),
        (grid(1e-3, 1.0, 5), [[np.nan] * 5, [np.nan] * 5]),
        (grid(1e-3, 1.0, 5), [[1e300, 1e200, 1e3, 2.0, 1.0]]),
    ],
    ids=["from 0", "all diverged", "all rise"],
)
def test_unusual_runs_are_recorded(rates, deltas):
    scale = "linear" if rates[0] == 0 else "log"
    settings = Settings(lr_min=rates[0], lr_max=rates[-1], num_evals=5, scale=scale)
    run = SavedRun(settings, TuneResults(rates, np.array(deltas), scale=scale), np.ones(len(deltas)))
    json.dumps(recording(run), allow_nan=False)


def test_no_text_of_a_run_can_end_its_element():
    run = make_run(model="</script><b>", optimizer="<!--")
    html = element(run, None, "inside")
    assert html.count("</script>") == 1
    data = html.split(">", 2)[2].split("</script>")[0]
    assert json.loads(data)["state"]["subject"] == "</script><b> · <!--"
