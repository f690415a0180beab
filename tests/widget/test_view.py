import bqplot
import numpy as np
import pytest

from autolr_widget import TuneResults, TunerWidget
from autolr_widget.widget import session as session_module
from autolr_widget.widget import view
from tests.engine.saved.make_run import make_run
from tests.widget.front_end import drawn, from_front_end, marks, one_round, send, tick

pytestmark = pytest.mark.trains


def test_a_linear_grid_from_zero_keeps_a_linear_axis(make_model, digits):
    widget = TunerWidget(make_model(), *digits, lr_space=(0, 1), scale="linear", num_evals=5, num_subsamples=2)
    from_front_end(widget, axis="log")
    widget.run()
    assert isinstance(widget.figure.marks[0].scales["x"], bqplot.LinearScale)
    assert widget.selected_lr > 0


def test_pinned_runs_stay_in_the_chart(widget):
    with pytest.raises(ValueError, match="There is no curve to pin yet"):
        widget.pin_run()
    widget.run()
    first = widget.results.summary()["mean"]
    widget.pin_run()
    widget.batch_size, widget.num_evals = 64, 7
    widget.run()
    second = widget.results.summary()["mean"]
    send(widget, type="pin_run")
    drawn = marks(widget)["pins"]
    for which, curve in enumerate((first, second)):
        np.testing.assert_allclose(drawn.x[which, : len(curve)], curve.index)
        np.testing.assert_allclose(drawn.y[which, : len(curve)], curve)
    assert [pin["words"] for pin in widget._panel.pins] == [
        "Adam · batches of 32 · 55 steps · 4 rounds",
        "Adam · batches of 64 · 55 steps · 4 rounds",
    ]
    assert widget._panel.pins[0]["rate"] == first.idxmin()
    send(widget, type="unpin_run", index=0)
    np.testing.assert_allclose(drawn.y, second)
    send(widget, type="unpin_run", index=0)
    assert not drawn.visible
    send(widget, type="unpin_run", index=10**9)
    for _ in range(3):
        widget.pin_run()
    assert len(widget._panel.pins) == 1


def test_curves_of_rounds_and_the_histogram_of_a_rate(widget):
    widget.run()
    assert not marks(widget)["rounds"].visible
    assert widget._panel.histogram == {}
    from_front_end(widget, show_rounds=True, probed=3)
    np.testing.assert_allclose(marks(widget)["rounds"].y, widget.results.deltas, rtol=1e-6)
    shown = widget._panel.histogram
    counts, edges = np.histogram(widget.results.deltas[:, 3], bins="sturges")
    assert (shown["counts"], shown["edges"]) == (counts.tolist(), edges.tolist())
    from_front_end(widget, probed=10**6)
    assert widget._panel.histogram == {}
    from_front_end(widget, show_rounds=False)
    assert not marks(widget)["rounds"].visible


def test_zooming_does_not_measure_and_use_view_sets_the_grid(widget):
    widget.run()
    results = widget.results
    from_front_end(widget, view=[1e-3, 1e-1])
    scale = marks(widget)["curve"].scales["x"]
    assert (scale.min, scale.max) == (1e-3, 1e-1)
    assert (widget.results, widget._panel.stale, widget.status) == (results, False, "done")
    send(widget, type="use_view")
    assert (widget.lr_min, widget.lr_max, widget._panel.stale) == (1e-3, 1e-1, True)
    widget.run()
    assert widget._panel.view == widget._panel.full_view == [1e-3, 1e-1]


@pytest.mark.parametrize("view", [[], [1, 2, 3], [1, 1], [2, 1], [-1, 1], ["a", 1], [0.1, float("nan")], [None, 1]])
def test_an_invalid_view_shows_the_full_range(widget, view):
    from_front_end(widget, view=view)
    assert widget._panel.view == [1e-4, 10]
    from_front_end(widget, axis="<b>")
    assert widget._panel.axis == "log"


def curves(widget):
    """The training curves that the panel shows."""
    return np.frombuffer(widget._panel.curves, np.float32).reshape(len(widget.tuner.rates), -1)


def test_the_training_curves_are_shown(widget):
    one_round(widget)
    assert widget._panel.curves_of == "Round 1"
    widget.run()
    diverged = ~np.isfinite(widget.results.curves).all(axis=0)
    expected = np.where(diverged, np.inf, widget.results.curves.mean(axis=0))
    np.testing.assert_allclose(curves(widget), expected, rtol=1e-6)
    assert curves(widget).shape == (12, 55)
    assert widget._panel.curves_of == "Mean of 4 rounds"


def test_a_rate_that_dropped_out_of_the_race_keeps_its_training_curve(make_model, digits):
    widget = TunerWidget(make_model(), *digits, num_evals=12, num_subsamples=24, horizon=3, pruner="racing")
    results = widget.run()
    dropped = np.flatnonzero(~results.measured.all(axis=0))
    assert dropped.size > 0
    first = results.curves[results.measured[:, dropped[0]], dropped[0]]
    np.testing.assert_allclose(curves(widget)[dropped[0]], first.mean(axis=0), rtol=1e-6)
    assert widget._panel.curves_of == "Mean of up to 24 rounds"


def test_a_continued_run_of_version_1_shows_the_curves_of_its_new_rounds(widget, monkeypatch):
    results = widget.run()
    known = np.array(results.curves)
    known[:3] = np.nan
    some = TuneResults(results.rates, results.deltas, curves=known, starts=results.starts)
    monkeypatch.setattr(type(widget.tuner), "results", some)
    widget.alpha = 0.1
    np.testing.assert_allclose(curves(widget), results.curves[3], rtol=1e-6)
    assert widget._panel.curves_of == "Round 1"


def test_a_saved_run_of_version_1_has_no_training_curves(tmp_path):
    path = tmp_path / "run.json"
    make_run().write(path)
    assert TunerWidget.load(path)._panel.curves == b""


def test_reset_clears_the_panel(widget):
    widget.run()
    from_front_end(widget, probed=3, show_rounds=True)
    widget.reset()
    panel = widget._panel
    assert (panel.curves, panel.curves_of) == (b"", "")
    assert (panel.histogram, panel.this_run, panel.choices, panel.table, panel.limits) == ({}, "", {}, b"", [-1.0, 1.0])
    assert not marks(widget)["rounds"].visible


def test_an_outlier_does_not_add_bins(widget, monkeypatch):
    widget.run()
    monkeypatch.setattr(type(widget.tuner), "deltas", np.array([[-1.0]] * 19 + [[1e12]]) * np.ones(12))
    from_front_end(widget, probed=3)
    assert len(widget._panel.histogram["counts"]) < 20


def test_a_linear_grid_from_zero_stays_linear_when_zoomed(make_model, digits):
    widget = TunerWidget(make_model(), *digits, lr_space=(0, 1), scale="linear", num_evals=5, num_subsamples=2)
    widget.run()
    from_front_end(widget, axis="log")
    from_front_end(widget, view=[0.25, 0.75])
    assert isinstance(marks(widget)["curve"].scales["x"], bqplot.LinearScale)


def test_use_view_refuses_a_range_that_is_not_a_grid(make_model, digits):
    widget = TunerWidget(make_model(), *digits, lr_space=(0, 1), scale="linear", num_evals=5, num_subsamples=2)
    widget.run()
    widget.lr_min = 1e-3
    widget.scale = "log"
    from_front_end(widget, view=[0, 0.5])
    send(widget, type="use_view")
    assert "`lr_min` must be positive on a log grid" in widget._panel.notice
    assert (widget.lr_min, widget.lr_max) == (1e-3, 1)
    widget.run()


def test_a_pinned_run_is_named(widget):
    widget.run()
    widget.pin_run()
    send(widget, type="name_run", letter="A", name="  before dropout ")
    assert [pin["name"] for pin in widget._panel.pins] == ["before dropout"]
    send(widget, type="name_run", letter="Z", name="no such run")
    send(widget, type="name_run", letter="A", name="")
    assert [pin["name"] for pin in widget._panel.pins] == [""]


def test_a_run_without_a_curve_is_not_pinned(make_model, digits):
    widget = TunerWidget(make_model(), *digits, lr_space=(1e36, 1e38), num_evals=3, num_subsamples=1, horizon=2)
    widget.run()
    with pytest.raises(ValueError, match="no curve"):
        widget.pin_run()


def slices(widget, monkeypatch):
    """Run the widget, one slice per turn. Yield the unfinished round after each of them."""
    monkeypatch.setattr(session_module, "TURN", 0)
    widget.start()
    while widget.status == "running":
        tick(widget)
        yield widget.tuner.unfinished


def test_the_first_round_is_shown_while_it_is_measured(widget, monkeypatch):
    chosen = []
    for unfinished in slices(widget, monkeypatch):
        if widget.round > 0:
            break
        mark, panel = marks(widget)["unfinished"], widget._panel
        assert panel.progress["finished"] == 0
        assert panel.progress["current"] == unfinished.steps.sum()
        assert panel.progress["round"] == 12 * 55
        if unfinished.common_steps < 2:
            assert not mark.visible
            continue
        np.testing.assert_allclose(mark.y, unfinished.deltas, rtol=1e-6)
        table = np.frombuffer(panel.table, dtype=np.float32).reshape(5, 12)
        np.testing.assert_allclose(table[0], unfinished.deltas, rtol=1e-6)
        assert table[3].tolist() == [0] * 12
        taken = np.isfinite(unfinished.curves)
        np.testing.assert_allclose(curves(widget)[taken], unfinished.curves[taken], rtol=1e-6)
        assert panel.curves_of == f"Round 1, after {unfinished.common_steps} of 55 steps"
        assert panel.reason == f"so far, after {unfinished.common_steps} of 55 steps of the first round"
        chosen.append(widget.selected_lr)
    assert chosen
    assert None not in chosen
    assert not marks(widget)["unfinished"].visible, "a quick round is not shown beside finished ones"
    widget.pause()
    assert "so far" not in widget._panel.reason


def test_a_pause_in_the_first_round_keeps_its_curve(widget, monkeypatch):
    for unfinished in slices(widget, monkeypatch):
        if unfinished.common_steps > 5:
            break
    widget.pause()
    assert marks(widget)["unfinished"].visible
    assert widget._panel.progress["current"] == unfinished.steps.sum()
    widget.reset()
    assert not marks(widget)["unfinished"].visible
    assert widget._panel.progress["current"] == 0
    assert widget._panel.reason == "no choice yet, but you can type a rate"


def test_a_run_that_has_begun_does_not_say_to_press_run(widget):
    widget.start()
    assert (widget.status, widget.round) == ("running", 0)
    assert "press" not in widget._panel.reason


def test_fewer_steps_read_the_same_rounds(widget):
    widget.run()
    whole, chosen, tuner = widget.results, widget.selected_lr, widget.tuner
    from_front_end(widget, horizon=6)
    assert (widget.tuner, widget._panel.stale, widget.status) == (tuner, False, "done")
    assert widget.results == whole.at(6)
    assert widget.selected_lr == whole.at(6).best_lr("mean")
    np.testing.assert_allclose(drawn(widget)[2], whole.at(6).summary()["mean"], rtol=1e-6)
    assert curves(widget).shape == (12, 6)
    assert f"{whole.at(6).summary()['mean'].min():.4g}" in repr(widget)
    assert widget.tuner.saved_run.results == whole
    from_front_end(widget, horizon=55)
    assert (widget.results, widget.selected_lr, widget._panel.stale) == (whole, chosen, False)
    from_front_end(widget, horizon=56)
    assert widget._panel.stale
    from_front_end(widget, horizon=6)
    widget.start()
    assert widget.tuner is not tuner
    assert widget.tuner.settings.horizon == 6


def test_a_slow_round_is_shown_beside_the_finished_ones(widget, monkeypatch):
    monkeypatch.setattr(view, "SEEN", 0.0)
    shown = set()
    for unfinished in slices(widget, monkeypatch):
        if widget.round > 0 and unfinished is not None and unfinished.common_steps > 1:
            shown.add(marks(widget)["unfinished"].visible and marks(widget)["curve"].visible)
    assert shown == {True}
    assert not marks(widget)["unfinished"].visible


def test_a_long_run_that_is_discarded_is_pinned(widget, monkeypatch):
    widget.run()
    monkeypatch.setattr(view, "LONG", 1e-6)
    mean = widget.results.summary()["mean"]
    widget.reset()
    (pin,) = widget._panel.pins
    assert (pin["letter"], pin["rate"]) == ("A", mean.idxmin())
    widget.run()
    widget.run()
    assert len(widget._panel.pins) == 1, "the same curve is pinned once"
    monkeypatch.setattr(view, "LONG", 1e6)
    widget.seed = 3
    widget.run()
    widget.reset()
    assert len(widget._panel.pins) == 1


def test_refine_keeps_the_curve_that_was_on_the_screen(widget):
    widget.run()
    whole = widget.results
    widget.horizon = 6
    widget.num_evals = 13
    assert widget._panel.stale
    assert widget.results == whole.at(6), "the screen still shows the run as it was read"
    widget.num_evals = 12
    widget.refine()
    np.testing.assert_allclose(marks(widget)["before"].y, whole.at(6).summary()["mean"].dropna(), rtol=1e-6)


def test_more_steps_continue_the_run(widget):
    widget.run()
    seed, horizon, rates = widget.seed, widget.horizon, widget.results.rates.size
    from_front_end(widget, horizon=horizon + 6)
    assert (widget._panel.stale, widget._panel.continues, widget.status) == (True, True, "done")
    widget.step()
    assert widget._panel.progress["current"] >= widget.num_subsamples * rates * horizon / 2, "those of all rounds"
    widget.pause()
    assert not widget._panel.stale
    widget.run()
    found = widget.results
    from_front_end(widget, seed=seed + 1)
    assert not widget._panel.continues
    widget.reset()
    from_front_end(widget, seed=seed)
    widget.run()
    assert widget.results == found, "the numbers are those of a run that starts over"


def test_a_reset_run_starts_over(widget):
    widget.run()
    widget.reset()
    from_front_end(widget, horizon=widget.horizon + 6)
    assert not widget._panel.stale
    widget.step()
    assert widget._panel.progress["current"] == 0


def test_fewer_steps_before_the_first_round_make_a_run_stale(widget, monkeypatch):
    for unfinished in slices(widget, monkeypatch):
        if unfinished.common_steps > 5:
            break
    from_front_end(widget, horizon=6)
    assert (widget._panel.stale, widget.status) == (True, "paused")


def test_a_failed_first_round_leaves_nothing_in_the_pictures(widget, monkeypatch):
    def fail(self, seconds):
        self._paths = None
        raise MemoryError

    for unfinished in slices(widget, monkeypatch):
        if unfinished.common_steps > 5:
            break
    assert widget._panel.curves
    monkeypatch.setattr(type(widget.tuner), "advance", fail)
    tick(widget)
    assert widget.status == "error"
    assert (widget._panel.curves, widget._panel.table, widget._panel.curves_of) == (b"", b"", "")


def test_other_losses_than_progressive_ones_have_no_choice_within_the_first_round(widget, monkeypatch):
    widget.evaluate_on = "train"
    for unfinished in slices(widget, monkeypatch):
        if unfinished is not None and unfinished.common_steps > 5:
            break
    assert widget._panel.reason == "the choice comes at the end of the first round"
    assert widget._panel.curves
