import contextlib
import fcntl
import gc
import os
import struct
import subprocess
import sys
import termios

import bqplot
import ipywidgets as ipw
import keras
import numpy as np
import pytest

from autolr_widget import LRTuner, TunerWidget
from autolr_widget.engine.reading.selection import RULES
from tests.widget.front_end import SETTINGS, drawn, from_front_end, marks, one_round, rates_drawn, seen, send, tick

pytestmark = pytest.mark.trains


def test_run_gives_the_numbers_of_the_engine(widget, digits):
    results = widget.run()
    engine = LRTuner(widget.tuner.model, *digits, lr_space=(1e-4, 10), num_evals=12, num_subsamples=4)
    list(engine)
    assert results == engine.results
    assert (widget.status, widget.round, widget.error) == ("done", 4, "")
    assert widget.selected_lr == engine.results.best_lr("mean")
    assert not widget.pinned


def test_grid_and_sampling_make_a_run_stale(widget):
    widget.run()
    old = widget.results
    widget.num_evals = 7
    assert widget._panel.stale
    assert widget.results == old
    assert len(rates_drawn(widget)) == 12
    widget.run()
    assert not widget._panel.stale
    assert widget.results.frame.shape == (4, 7)
    assert len(rates_drawn(widget)) == 7


def test_rule_alpha_and_axis_take_effect_immediately(widget):
    widget.run()
    results, before = widget.results, drawn(widget)
    widget.alpha = 0.5
    np.testing.assert_allclose(drawn(widget), seen(widget, results.summary(0.5)), rtol=1e-6)
    assert np.nanmax(abs(drawn(widget) - before)[:2]) > 0
    for band in ("t", "bootstrap"):
        widget.band = band
        np.testing.assert_allclose(drawn(widget), seen(widget, results.summary(0.5, band)), rtol=1e-6)
    widget.method = "variance"
    assert widget.selected_lr == results.best_lr("variance") != results.best_lr("mean")
    assert widget.edge == "", "the lowest point is not at an end"
    from_front_end(widget, axis="linear")
    assert all(isinstance(mark.scales["x"], bqplot.LinearScale) for mark in widget.figure.marks)
    assert (widget._panel.stale, widget.status, widget.results) == (False, "done", results)


def test_schedule_starts_at_the_selected_rate(widget):
    widget.selected_lr = 0.5
    schedule = widget.schedule(stepsize=2)
    assert float(schedule(0)) == 0.5
    assert schedule.get_config()["first_decay_steps"] == 2 * 57


def test_an_error_in_a_round_is_shown(widget, digits):
    widget.run()
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    wrong = TunerWidget(model, *digits, num_evals=4)
    wrong.start()
    wrong._on_message(None, {"type": "tick", "turn": 0}, [])
    assert wrong.status == "error"
    assert wrong.error.startswith("Round 1 failed. ")
    assert wrong._panel.error == wrong.error
    with pytest.raises(ValueError, match="incompatible"):
        wrong.run()


@pytest.mark.slow
def test_two_widgets_on_one_model_have_their_own_numbers(make_model, digits):
    model = make_model("adam", keras.layers.Dropout(0.3))
    settings = [{"seed": 1, "num_evals": 5}, {"seed": 2, "num_evals": 7, "batch_size": 16}]
    alone = []
    for setting in settings:
        alone.append(TunerWidget(model, *digits, num_subsamples=4, **setting).run())
    both = [TunerWidget(model, *digits, num_subsamples=4, **setting) for setting in settings]
    for _ in range(4):
        for widget in both:
            one_round(widget)
    assert [widget.results for widget in both] == alone


def test_widgets_can_be_nested(widget):
    for box in (ipw.VBox, ipw.Tab, ipw.Accordion):
        assert box([widget]).children == (widget,)


def test_creating_the_widget_does_not_trace_the_model(widget, make_model, digits):
    assert widget.tuner._training is None


def test_refine_measures_around_the_choice_and_keeps_the_old_curve(widget):
    with pytest.raises(ValueError, match="No learning rate is selected"):
        widget.refine()
    widget.selected_lr = 0.1
    with pytest.raises(ValueError, match="There is no curve to refine yet"):
        widget.refine()
    widget.pinned = False
    widget.run()
    rates, mean, lr = widget.results.rates, widget.results.summary()["mean"], widget.selected_lr
    widget.refine()
    assert widget.status == "running"
    assert rates[0] < widget.lr_min < lr < widget.lr_max < rates[-1]
    assert {widget.lr_min, widget.lr_max} <= {*rates}
    widget.run()
    drawn = marks(widget)
    assert drawn["before"].visible
    np.testing.assert_allclose(drawn["before"].x, rates)
    np.testing.assert_allclose(drawn["before"].y, mean)
    assert (drawn["curve"].scales["x"].min, drawn["curve"].scales["x"].max) == (rates[0], rates[-1])
    widget.reset()
    assert not drawn["before"].visible


def test_a_settled_run_is_done(widget):
    widget.num_subsamples, widget.stop_rule = 300, "settled"
    widget.run()
    assert widget.status == "done"
    assert widget.round < 300


@pytest.mark.slow
def test_a_model_that_changed_during_the_run_is_reported(widget, digits):
    widget.run()
    assert widget._panel.notice == ""
    undisturbed = widget.results
    widget.reset()
    one_round(widget)
    widget.tuner.model.fit(*digits, verbose=0)
    widget.run()
    assert widget.results == undisturbed
    assert widget._panel.notice.startswith("The model has changed since this run began")
    widget.run()
    assert widget.results != undisturbed, "the next run measures the changed model"
    assert widget._panel.notice == ""


def test_the_screen_tells_the_state_that_a_run_measures_and_what_apply_writes_to(widget, digits):
    model = widget.tuner.model
    x, y = digits
    untrained = f"{model.name} · Adam"
    assert widget._panel.subject == untrained
    model.fit(x[:96], y[:96], verbose=0)
    widget.run()
    assert widget._panel.subject == f"{untrained} · trained for 3 steps before", "trained after the widget was made"
    send(widget, type="apply")
    assert widget._panel.notice.endswith(f" · {untrained}")
    model.fit(x[:64], y[:64], verbose=0)
    send(widget, type="apply")
    assert widget._panel.notice.endswith(f" · {untrained} · trained or compiled again since this run began")
    assert widget._panel.subject == f"{untrained} · trained for 3 steps before", "this is what the run measured"
    widget.run()
    assert widget._panel.subject == f"{untrained} · trained for 5 steps before"
    model.compile("sgd", model.loss)
    send(widget, type="apply")
    assert widget._panel.notice.endswith(f" · {model.name} · SGD · trained or compiled again since this run began")
    assert float(model.optimizer.learning_rate) == pytest.approx(widget.selected_lr)


def test_the_widget_keeps_a_reference_to_the_model(make_model, digits):
    model = make_model()
    expected = TunerWidget(model, *digits, num_evals=4, num_subsamples=2, horizon=2).run()
    widget = TunerWidget(model, *digits, num_evals=4, num_subsamples=2, horizon=2)
    del model
    gc.collect()
    assert widget.run() == expected


# Both in one process, which starts TensorFlow once: first the standard error is a pipe, then the terminal.
SCRIPT = """
import os, sys
import numpy as np, keras
from autolr_widget import TunerWidget
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
tuner = TunerWidget(model, np.ones((64, 4)), np.zeros(64), num_evals=4, num_subsamples=7, horizon=2)
print(len(tuner.run()))
sys.stderr.flush()
os.dup2(int(sys.argv[1]), 2)
tuner.reset()
print(len(tuner.run()))
"""


@pytest.mark.slow
def test_run_shows_a_progress_bar_only_in_a_terminal():
    leader, follower = os.openpty()
    # A terminal of width 0 has no room for a bar.
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(follower)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        pass_fds=[follower],
    )
    os.close(follower)
    in_a_terminal = b""
    # Reading fails once the other end is closed.
    with contextlib.suppress(OSError):
        while some := os.read(leader, 4096):
            in_a_terminal += some
    os.close(leader)
    printed, in_a_pipe = process.communicate()
    assert printed == "7\n7\n"
    assert b"7/7" in in_a_terminal
    assert "7/7" not in in_a_pipe


def test_load_without_a_model_shows_the_saved_run(make_model, digits, tmp_path):
    widget = TunerWidget(make_model("adam"), *digits, **SETTINGS)
    widget.run()
    widget.save(tmp_path / "run.json")
    loaded = TunerWidget.load(tmp_path / "run.json")
    assert (loaded.results, loaded.status, loaded.round) == (widget.results, "done", 5)
    assert (loaded.selected_lr, loaded._panel.reason) == (widget.selected_lr, widget._panel.reason)
    assert loaded._panel.replay
    np.testing.assert_array_equal(loaded.figure.marks[-1].y, widget.figure.marks[-1].y)
    # Its rules, files and chart can still be used.
    loaded.method = "valley"
    assert loaded.selected_lr == widget.results.best_lr("valley")
    loaded.pin_run()
    assert loaded._panel.pins[0]["words"].startswith("Adam")
    for kind in ("json", "csv", "png", "html"):
        loaded.save(tmp_path / f"again.{kind}")
    for call in (loaded.start, loaded.run, loaded.reset, loaded.refine, loaded.apply):
        with pytest.raises(ValueError, match="This is a saved run"):
            call()
        assert loaded.results == widget.results
    with pytest.raises(ValueError, match="This is a saved run"):
        loaded.seed = 7
    assert (loaded.seed, loaded._panel.stale, loaded._view.before) == (widget.seed, False, None)
    loaded._on_message(None, {"type": "start"}, [])
    assert "This is a saved run" in loaded._panel.notice


@pytest.mark.slow
@pytest.mark.parametrize("cut", [1, 3])
def test_load_with_a_model_continues_the_run(make_model, digits, tmp_path, cut):
    path = tmp_path / "run.json"
    uninterrupted = TunerWidget(make_model("adam"), *digits, **SETTINGS).run()
    widget = TunerWidget(make_model("adam"), *digits, **SETTINGS, autosave=path)
    for _ in range(cut):
        one_round(widget)
    widget.close()
    other = TunerWidget.load(path, make_model("adam"), *digits, autosave=path)
    assert (other.status, other.round, other._panel.replay) == ("paused", cut, False)
    other.resume()
    while other.status == "running":
        tick(other)
    assert other.results == uninterrupted
    assert TunerWidget.load(path).results == uninterrupted


def test_load_refuses_another_model(make_model, digits, tmp_path):
    widget = TunerWidget(make_model("adam"), *digits, **SETTINGS)
    widget.run()
    widget.save(tmp_path / "run.json")
    model = make_model("adam")
    model.fit(*digits, verbose=0)
    with pytest.raises(ValueError, match="the model's weights"):
        TunerWidget.load(tmp_path / "run.json", model, *digits)


def test_a_rate_chosen_by_hand_is_saved_and_loaded(make_model, digits, tmp_path):
    path = tmp_path / "run.json"
    widget = TunerWidget(make_model("adam"), *digits, **SETTINGS, autosave=path)
    widget.run()
    rule = widget.selected_lr
    written = path.stat().st_mtime_ns
    widget.selected_lr = 0.0321
    assert path.stat().st_mtime_ns == written, "the line may be dragged: not every choice is saved"
    for choose, selected, pinned in [
        (lambda: setattr(widget, "selected_lr", 0.0123), 0.0123, True),
        # The choice of the rule can be pinned.
        (lambda: setattr(widget, "selected_lr", rule), rule, True),
        (lambda: setattr(widget, "pinned", False), rule, False),
    ]:
        choose()
        widget.apply()
        widget.save(tmp_path / "once.json")
        assert path.read_text() == (tmp_path / "once.json").read_text()
        loaded = TunerWidget.load(path)
        assert (loaded.selected_lr, loaded.pinned) == (selected, pinned)
        assert loaded._panel.reason == widget._panel.reason
    widget.selected_lr = 0.0123
    widget.apply()
    again = TunerWidget.load(path, make_model("adam"), *digits, autosave=path)
    assert (again.selected_lr, again.pinned) == (0.0123, True)
    again.num_subsamples += 1
    again.run()
    assert TunerWidget.load(path).selected_lr == 0.0123
    assert len(TunerWidget.load(path).results) == 6
    widget.method = "mean"
    assert widget.selected_lr == 0.0123


def test_a_run_of_a_rule_that_is_not_known_can_be_viewed(make_model, digits, tmp_path, monkeypatch):
    path = tmp_path / "run.json"
    with monkeypatch.context() as patch:
        patch.setitem(RULES, "mine", lambda rates, deltas: rates[0])
        widget = TunerWidget(make_model("adam"), *digits, **SETTINGS | {"method": "mine"}, autosave=path)
        widget.run()
    with pytest.warns(UserWarning, match="with the rule 'mine', which is not known here") as warned:
        loaded = TunerWidget.load(path)
    assert warned[0].filename == __file__
    assert (loaded.method, loaded.selected_lr) == ("half-minimum", widget.results.best_lr())
    monkeypatch.setitem(RULES, "mine", lambda rates, deltas: rates[0])
    assert TunerWidget.load(path).selected_lr == widget.results.rates[0]


def test_load_needs_both_the_model_and_the_data_or_neither(make_model, digits, tmp_path):
    widget = TunerWidget(make_model("adam"), *digits, **SETTINGS)
    one_round(widget)
    widget.save(tmp_path / "run.json")
    with pytest.raises(ValueError, match=r"^Argument `x` must be given with `model`: .* does not contain the data\."):
        TunerWidget.load(tmp_path / "run.json", make_model("adam"))
    with pytest.raises(ValueError, match=r"^Argument `model` must be given with the data"):
        TunerWidget.load(tmp_path / "run.json", x=digits[0], y=digits[1])


def test_a_saved_widget_has_the_results_of_the_engine(make_model, digits, tmp_path):
    widget = TunerWidget(make_model(), *digits, **SETTINGS)
    widget.run()
    widget.save(tmp_path / "run.json")
    engine = LRTuner(make_model(), *digits, **SETTINGS)
    list(engine)
    assert TunerWidget.load(tmp_path / "run.json").results == engine.results


@pytest.mark.parametrize(
    ("scale", "ends", "edge", "expected"),
    [
        ("log", (1e-6, 1e-3), "upper", (1e-6, 1e-2, 9)),
        ("log", (10.0, 1e4), "lower", (1.0, 1e4, 9)),
        ("linear", (0.0, 0.01), "upper", (0.0, 0.02, 11)),
        ("linear", (10.0, 100.0), "lower", (1.0, 100.0, 11)),
    ],
)
def test_the_grid_is_widened_where_the_lowest_point_is_at_its_end(make_model, digits, scale, ends, edge, expected):
    settings = {"num_evals": 7 if scale == "log" else 6, "num_subsamples": 2, "horizon": 10}
    widget = TunerWidget(make_model("adam"), *digits, lr_space=ends, scale=scale, method="mean", **settings)
    widget.run()
    assert (widget.edge, widget._panel.edge) == (edge, edge)
    assert f"the lowest point is at the {edge} end of the grid" in widget._panel.reason
    send(widget, type="widen")
    assert widget.status == "running"
    assert (widget.lr_min, widget.lr_max, widget.num_evals) == pytest.approx(expected)
    assert marks(widget)["before"].visible
    assert widget._panel.view == pytest.approx(expected[:2]), "the chart shows all of the wider grid"


def test_a_grid_with_the_lowest_point_inside_is_not_widened(widget):
    widget.run()
    send(widget, type="widen")
    assert widget._panel.notice == "The curve's lowest point is not at an end of the grid."
    assert widget.status == "done"


def test_the_panel_names_the_model_and_whether_it_is_trained(make_model, digits):
    widget = TunerWidget(make_model("adam"), *digits, num_evals=3, num_subsamples=1, horizon=2)
    name = widget.tuner.model.name
    assert widget._panel.subject == f"{name} · Adam"
    widget.run()
    widget.tuner.model.fit(*digits, batch_size=1000, verbose=0)
    widget.run()
    assert widget._panel.subject == f"{name} · Adam · trained for 2 steps before"


def test_the_batch_size_of_a_stream_is_its_own(make_model, digits):
    batches = [(digits[0][i : i + 24], digits[1][i : i + 24]) for i in range(0, 240, 24)]
    widget = TunerWidget(make_model(), iter(batches), num_evals=3, num_subsamples=2, horizon=2)
    assert widget._panel.own_batch_size == 24
    widget.run()
    assert "batches of 24" in widget._panel.this_run
    assert TunerWidget(make_model(), *digits)._panel.own_batch_size is None
