"""The widget's traits against its controls, its chart and the engine; no browser."""

import gc
import subprocess
import sys

import bqplot
import ipywidgets as ipw
import keras
import numpy as np
import pandas as pd
import pytest
import traitlets

from autolr_widget import LRTuner, TuneResults, TunerWidget
from autolr_widget.engine.data.subsample import subsample
from autolr_widget.engine.reading.selection import RULES
from autolr_widget.widget.export import FORMATS


@pytest.fixture
def widget(make_model, digits):
    tuner = TunerWidget(make_model("adam"), *digits, lr_space=(1e-4, 10), num_evals=12, num_subsamples=4, method="mean")
    yield tuner
    tuner.close()


def from_front_end(widget, **values):
    """Set traits as the browser does."""
    widget._panel.set_state(values)


def send(widget, **content):
    widget._on_message(None, content, [])


def marks(widget):
    names = ("rounds", "zero", "before", "pins", "dropped", "curve")
    return dict(zip(names, widget.figure.marks, strict=True))


def test_run_gives_the_engine_s_own_numbers(widget, digits):
    results = widget.run()
    engine = LRTuner(widget.tuner.model, *digits, lr_space=(1e-4, 10), num_evals=12, num_subsamples=4)
    list(engine)
    assert results == engine.results
    assert (widget.status, widget.round, widget.error) == ("done", 4, "")
    assert widget.selected_lr == engine.results.best_lr("mean")
    assert not widget.pinned


def test_the_chart_shows_the_summary(widget):
    widget.run()
    summary, drawn = widget.results.summary(), marks(widget)
    np.testing.assert_allclose(drawn["curve"].x, summary.index)
    np.testing.assert_allclose(drawn["curve"].y, [summary["lower"], summary["upper"], summary["mean"]])
    assert drawn["zero"].y.tolist() == [0, 0]
    assert {name for name, mark in drawn.items() if not mark.visible} == {"before", "dropped", "rounds", "pins"}
    assert isinstance(drawn["curve"].scales["x"], bqplot.LogScale)


def test_the_chart_moves_once_after_every_round_and_before_the_counter(widget):
    events = []
    marks(widget)["curve"].observe(lambda _: events.append("chart"), names="y")
    widget.observe(lambda change: events.append(change["new"]), names="round")
    widget.run()
    assert events == ["chart", 1, "chart", 2, "chart", 3, "chart", 4]


def test_one_round_has_a_mean_and_no_band(widget):
    widget.step()
    widget._on_message(None, {"type": "tick", "round": 0}, [])
    assert (widget.status, widget.round) == ("paused", 1)
    drawn = marks(widget)
    assert drawn["curve"].visible
    lower, upper, mean = drawn["curve"].y
    assert lower.tolist() == upper.tolist() == mean.tolist()


def test_rates_that_diverged_are_left_out_of_the_chart(make_model, digits):
    widget = TunerWidget(make_model(), *digits, lr_space=(1e-3, 1e38), num_evals=6, num_subsamples=2)
    widget.run()
    drawn = marks(widget)
    assert 0 < len(drawn["curve"].x) < 6
    assert np.isfinite(drawn["curve"].y).all()


def test_no_rate_at_all_is_said_and_not_chosen(digits):
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    widget = TunerWidget(model, *digits, lr_space=(1e30, 1e36), num_evals=4, num_subsamples=2)
    widget.run()
    assert widget.selected_lr is None
    assert widget._panel.reason.startswith("Every learning rate from 1e+30 to 1e+36 diverged")
    assert not marks(widget)["curve"].visible


def test_the_rule_max_without_a_safe_rate_selects_nothing(make_model, digits):
    widget = TunerWidget(make_model(), *digits, lr_space=(20, 30), num_evals=4, num_subsamples=2, method="max")
    widget.run()
    assert widget.selected_lr is None
    assert "every rate raised the loss" in widget._panel.reason


@pytest.mark.parametrize(
    ("trait", "value"),
    [
        ("lr_min", 1e-3),
        ("lr_max", 0.5),
        ("scale", "linear"),
        ("num_evals", 5000),
        ("num_subsamples", 40),
        ("batch_size", 17),
        ("horizon", 3),
        ("evaluate_on", "held-out"),
        ("pruner", "racing"),
        ("stop_rule", "settled"),
        ("seed", 7),
        ("method", "share"),
        ("alpha", 0.25),
        ("band", "bootstrap"),
    ],
)
def test_the_panel_and_the_traits_move_each_other(widget, trait, value):
    before = getattr(widget, trait)
    from_front_end(widget, **{trait: value})
    assert getattr(widget, trait) == value
    setattr(widget, trait, before)
    assert getattr(widget._panel, trait) == before


@pytest.mark.parametrize(
    ("trait", "value", "says"),
    [
        ("lr_min", 30.0, "`lr_min` must be smaller than `lr_max`"),
        ("num_evals", -3, "`num_evals` must be an integer of at least 2"),
        ("scale", "<b>", "scale"),
        ("method", "best", "best"),
        ("selected_lr", -1.0, "`selected_lr` must be a positive number"),
        ("seed", -1, "`seed`"),
    ],
)
def test_what_the_front_end_may_not_ask_for_goes_back(widget, trait, value, says):
    before = getattr(widget, trait)
    from_front_end(widget, **{trait: value})
    assert (getattr(widget, trait), getattr(widget._panel, trait)) == (before, before)
    assert says in widget._panel.notice


@pytest.mark.parametrize(
    ("trait", "value", "message"),
    [
        ("lr_min", 11.0, "`lr_min` must be smaller than `lr_max`"),
        ("lr_min", 0.0, "`lr_min` must be positive on a log grid"),
        ("lr_max", float("nan"), "`lr_max` must be a finite number"),
        ("num_evals", 1, "`num_evals` must be an integer of at least 2"),
        ("batch_size", 5000, r"batch_size=5000, len\(x\)=1797"),
        ("alpha", 0.0, "`alpha` must lie between 0 and 1"),
        ("seed", -1, "`seed` must be an integer of at least 0"),
        ("horizon", 0, "`horizon` must be an integer of at least 1"),
        ("selected_lr", -0.1, "`selected_lr` must be a positive number or None"),
        ("method", "best", "best"),
        ("num_subsamples", 2.5, "num_subsamples"),
    ],
)
def test_a_bad_value_is_refused_and_the_old_one_stays(widget, trait, value, message):
    before = getattr(widget, trait)
    with pytest.raises((ValueError, traitlets.TraitError), match=message):
        setattr(widget, trait, value)
    assert getattr(widget, trait) == before
    widget.run()
    assert widget.status == "done"


def test_both_ends_of_the_grid_can_move_at_once(widget):
    with widget.hold_trait_notifications():
        widget.lr_min, widget.lr_max = 20.0, 30.0
    widget.run()
    np.testing.assert_allclose(widget.results.rates[[0, -1]], [20, 30])


@pytest.mark.parametrize("name", ["status", "round", "error"])
def test_what_the_run_says_can_not_be_set(widget, name):
    with pytest.raises(traitlets.TraitError):
        setattr(widget, name, getattr(widget, name))


def test_grid_and_sampling_make_a_run_stale(widget):
    widget.run()
    old = widget.results
    widget.num_evals = 7
    assert widget._panel.stale
    assert widget.results == old
    assert len(marks(widget)["curve"].x) == 12
    widget.run()
    assert not widget._panel.stale
    assert widget.results.frame.shape == (4, 7)
    assert len(marks(widget)["curve"].x) == 7


def test_rule_level_and_axis_recompute_at_once(widget):
    widget.run()
    results, drawn = widget.results, marks(widget)
    before = drawn["curve"].y[:2].copy()
    widget.alpha = 0.5
    summary = results.summary(0.5)
    np.testing.assert_allclose(drawn["curve"].y[:2], [summary["lower"], summary["upper"]])
    assert np.ptp(drawn["curve"].y[:2] - before) > 0
    for band in ("t", "bootstrap"):
        widget.band = band
        summary = results.summary(0.5, band)
        np.testing.assert_allclose(drawn["curve"].y[:2], [summary["lower"], summary["upper"]])
    widget.method = "variance"
    assert widget.selected_lr == results.best_lr("variance") != results.best_lr("mean")
    assert widget.edge == "lower"
    assert widget._panel.reason.endswith("at the lower end of the grid: widen it")
    widget.method = "mean"
    assert widget.edge == ""
    assert "widen" not in widget._panel.reason
    from_front_end(widget, axis="linear")
    assert all(isinstance(mark.scales["x"], bqplot.LinearScale) for mark in widget.figure.marks)
    assert (widget._panel.stale, widget.status, widget.results) == (False, "done", results)


def test_a_linear_grid_from_zero_keeps_a_linear_axis(make_model, digits):
    widget = TunerWidget(make_model(), *digits, lr_space=(0, 1), scale="linear", num_evals=5, num_subsamples=2)
    from_front_end(widget, axis="log")
    widget.run()
    assert isinstance(widget.figure.marks[0].scales["x"], bqplot.LinearScale)
    assert widget.selected_lr > 0


def test_a_rate_from_the_front_end_is_the_user_s(widget):
    widget.run()
    from_front_end(widget, selected_lr=2e-3)
    assert (widget.selected_lr, widget.pinned, widget._panel.pinned) == (2e-3, True, True)
    assert widget._panel.interval == [], "a rate of one's own has no interval"
    widget.method = "variance"
    assert widget.pinned
    send(widget, type="use_rule")
    assert not widget.pinned
    assert widget.selected_lr == widget._panel.selected_lr == widget.results.best_lr("variance")


def test_the_rule_s_own_choice_can_be_pinned(widget):
    widget.run()
    chosen = widget.selected_lr
    from_front_end(widget, selected_lr=chosen, pinned=True)
    widget.method = "variance"
    assert (widget.selected_lr, widget.pinned) == (chosen, True)


def test_a_pinned_rate_outlives_a_run_and_not_a_reset(widget):
    widget.selected_lr = 0.123
    assert widget.pinned
    widget.run()
    assert widget.selected_lr == 0.123
    widget.reset()
    assert (widget.selected_lr, widget.pinned, widget.status, widget.round) == (None, False, "idle", 0)


def test_none_hands_the_choice_back_to_the_rule(widget):
    widget.run()
    widget.selected_lr = 0.5
    widget.selected_lr = None
    assert (widget.pinned, widget.selected_lr) == (False, widget.results.best_lr())


def test_apply_writes_the_rate_and_nothing_else(widget):
    with pytest.raises(ValueError, match="No learning rate is selected"):
        widget.apply()
    widget.run()
    model = widget.tuner.model
    weights = model.get_weights()
    assert widget.apply() == widget.selected_lr
    assert float(model.optimizer.learning_rate) == pytest.approx(widget.selected_lr)
    widget.selected_lr = 0.25
    send(widget, type="apply")
    assert float(model.optimizer.learning_rate) == 0.25
    assert "→ 0.25" in widget._panel.notice
    for before, after in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


def test_apply_to_a_schedule_says_what_to_do(make_model, digits):
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
    widget = TunerWidget(make_model(keras.optimizers.SGD(schedule)), *digits, num_evals=4, num_subsamples=2)
    widget.run()
    with pytest.raises(ValueError, match=r"schedule, which can't be replaced\. Compile the model"):
        widget.apply()
    send(widget, type="apply")
    assert "schedule" in widget._panel.notice


def test_schedule_starts_from_the_selected_rate(widget):
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
    wrong._on_message(None, {"type": "tick", "round": 0}, [])
    assert wrong.status == "error"
    assert wrong.error.startswith("Round 1 failed. ")
    assert wrong._panel.error == wrong.error
    with pytest.raises(ValueError, match="incompatible"):
        wrong.run()


@pytest.mark.parametrize(
    "content",
    [None, 3, "tick", [], {}, {"type": "tick"}, {"type": "tick", "round": None}, {"type": "tick", "round": 10**30},
     {"type": "download"}, {"type": "download", "format": 3}, {"type": "unpin_run", "index": "0"}, {"type": "choose"},
     {"type": "__init__"}, {"type": "close"}, {"type": "start", "round": 1}, {"type": ["start"]}, {"type": "run"}],
)  # fmt: skip
def test_foreign_messages_are_ignored(widget, content):
    widget._on_message(None, content, [])
    assert (widget.status, widget.round) == ("idle", 0)


def test_the_buttons_messages(widget):
    send(widget, type="start")
    assert widget.status == "running"
    send(widget, type="pause")
    assert widget.status == "paused"
    send(widget, type="step")
    send(widget, type="tick", round=0)
    assert (widget.status, widget.round) == ("paused", 1)
    send(widget, type="reset")
    assert (widget.status, widget.round) == ("idle", 0)


def test_two_widgets_on_one_model_have_their_own_numbers(make_model, digits):
    model = make_model("adam", keras.layers.Dropout(0.3))
    settings = [{"seed": 1, "num_evals": 5}, {"seed": 2, "num_evals": 7, "batch_size": 16}]
    alone = []
    for setting in settings:
        alone.append(TunerWidget(model, *digits, num_subsamples=4, **setting).run())
    both = [TunerWidget(model, *digits, num_subsamples=4, **setting) for setting in settings]
    for seen in range(4):
        for widget in both:
            widget.step()
            widget._on_message(None, {"type": "tick", "round": seen}, [])
    assert [widget.results for widget in both] == alone


def test_closing_it_stops_the_run(widget):
    widget.start()
    widget.close()
    assert widget.status == "stopped"
    widget._on_message(None, {"type": "tick", "round": 0}, [])
    assert widget.round == 0


def test_it_nests(widget):
    for box in (ipw.VBox, ipw.Tab, ipw.Accordion):
        assert box([widget]).children == (widget,)


def test_showing_it_traces_nothing(widget, make_model, digits):
    assert widget.tuner._differential is None


def test_the_widget_knows_no_tensorflow():
    code = (
        "import sys; import autolr_widget.widget.tuner_widget, autolr_widget.widget.session;"
        "print([m for m in sys.modules if m.split('.')[0] in ('tensorflow', 'keras')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_all_rules_are_told_and_the_choice_has_an_interval(widget):
    widget.method = "half-minimum"
    widget.run()
    assert widget._panel.choices == widget.results.choices()
    sure = widget.results.certainty("half-minimum")
    assert f"{sure.agreement:.0%} of resampled runs agree to half a grid step" in widget._panel.reason
    assert widget._panel.interval == [sure.lower, sure.upper]


def test_the_table_is_the_summary(widget):
    widget.run()
    summary = widget.results.summary()
    table = np.frombuffer(widget._panel.table, np.float32).reshape(5, -1)
    columns = summary[["mean", "lower", "upper", "count", "diverged"]].to_numpy().T
    np.testing.assert_allclose(table, columns, rtol=1e-6)
    np.testing.assert_array_equal(np.frombuffer(widget._panel.rates), summary.index)
    assert widget._panel.limits == [marks(widget)["curve"].scales["y"].min, marks(widget)["curve"].scales["y"].max]


def test_undo_takes_each_apply_back(widget):
    optimizer = widget.tuner.model.optimizer
    before = float(optimizer.learning_rate)
    with pytest.raises(ValueError, match="no `apply` to take back"):
        widget.undo()
    for rate in (0.5, 0.25):
        widget.selected_lr = rate
        widget.apply()
    assert widget._panel.undoable
    assert widget.undo() == pytest.approx(0.5)
    send(widget, type="undo")
    assert float(optimizer.learning_rate) == pytest.approx(before)
    assert not widget._panel.undoable


def test_pinned_runs_stay_in_the_picture(widget):
    with pytest.raises(ValueError, match="There is no curve yet that could be pinned"):
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
    for _ in range(6):
        widget.pin_run()
    assert len(widget._panel.pins) == 4


def test_each_round_s_curve_and_one_rate_s_rounds_on_request(widget):
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


def test_a_round_that_diverged_leaves_the_picture(make_model, digits):
    widget = TunerWidget(make_model(), *digits, lr_space=(1e-3, 1e38), num_evals=6, num_subsamples=2)
    from_front_end(widget, show_rounds=True)
    widget.run()
    assert np.isfinite(marks(widget)["rounds"].y).all()
    assert marks(widget)["rounds"].y[:, -1].min() > 1e29


def test_zooming_measures_nothing_and_its_range_can_become_the_grid(widget):
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
def test_a_view_that_is_none_shows_all(widget, view):
    from_front_end(widget, view=view)
    assert widget._panel.view == [1e-4, 10]
    from_front_end(widget, axis="<b>")
    assert widget._panel.axis == "log"


def test_explained_the_chart_waits_for_its_stage(widget):
    from_front_end(widget, explain=True)
    for seen in range(2):
        widget.step()
        send(widget, type="tick", round=seen)
        assert (widget._panel.stage, widget.round) == (1, seen + 1)
        told, last = widget._panel.lesson, widget.tuner.rounds[-1]
        assert (told["round"], told["before"], len(told["drawn"])) == (seen + 1, last.loss, 32)
        np.testing.assert_allclose(told["after"], last.loss + last.deltas)
        # The first batch of the round, of the very observations.
        expected = subsample(1797, 32, 42, seen, 55)[:32]
        np.testing.assert_allclose(np.array(told["drawn"]) * 1797, np.sort(expected), atol=0.1)
        assert marks(widget)["curve"].visible == (seen > 0)
        from_front_end(widget, stage=6)
        np.testing.assert_allclose(marks(widget)["curve"].y[2], widget.results.summary()["mean"], rtol=1e-6)
    widget.step()
    send(widget, type="tick", round=2)
    before = marks(widget)["curve"].y
    from_front_end(widget, explain=False)
    assert not np.array_equal(marks(widget)["curve"].y, before), "who stops listening sees the chart"
    from_front_end(widget, explain=True)
    widget.start()
    send(widget, type="tick", round=3)
    np.testing.assert_allclose(marks(widget)["curve"].y[2], widget.results.summary()["mean"], rtol=1e-6)


@pytest.mark.parametrize(
    ("settings", "pinned"), [({}, None), ({"num_evals": 5, "horizon": 1, "seed": 3}, None), ({}, 0.125)]
)
def test_the_python_does_the_same(make_model, digits, settings, pinned):
    model = make_model()
    widget = TunerWidget(model, *digits, **settings)
    widget.num_subsamples = 3
    widget.run()
    widget.selected_lr = pinned
    chosen = widget.selected_lr
    exec(widget._panel.code, {"model": model, "x": digits[0], "y": digits[1]})
    assert float(model.optimizer.learning_rate) == pytest.approx(chosen)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("rounds", [0, 3])
def test_saving(widget, tmp_path, kind, rounds, monkeypatch):
    widget.num_subsamples = 3
    if rounds:
        widget.run()
    path = tmp_path / f"run.{kind}"
    widget.save(path)
    data, results = path.read_bytes(), widget.results
    if kind == "json":
        assert TuneResults.from_json(data.decode()) == results
    elif kind in ("csv", "parquet"):
        read = pd.read_csv(path, index_col=0) if kind == "csv" else pd.read_parquet(path)
        np.testing.assert_allclose(read.to_numpy(dtype=float), results.deltas, rtol=1e-15)
        np.testing.assert_array_equal([float(name) for name in read.columns], results.rates)
    elif kind == "png":
        assert data.startswith(b"\x89PNG")
    else:
        assert b"<svg" in data
        if kind == "html":
            assert (b"lr_min 0.0001" in data, b"0.0001</th>" in data) == (True, True)
            assert b"<script" not in data
    sent = []
    monkeypatch.setattr(widget._panel, "send", lambda content, buffers: sent.append((content, buffers)))
    send(widget, type="download", format=kind)
    assert [content for content, _ in sent] == [{"type": "file", "name": f"learning-rate.{kind}"}]
    send(widget, type="download", format="exe")
    assert len(sent) == 1


def test_saving_as_something_else_is_refused(widget, tmp_path):
    with pytest.raises(ValueError, match=r"`path` must end in one of \.json"):
        widget.save(tmp_path / "run.pkl")


def test_refine_measures_around_the_choice_and_keeps_the_old_curve(widget):
    with pytest.raises(ValueError, match="No learning rate is selected"):
        widget.refine()
    widget.selected_lr = 0.1
    with pytest.raises(ValueError, match="Nothing has been measured yet"):
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


def test_a_race_shows_who_has_dropped_out(widget):
    widget.num_subsamples, widget.pruner, widget.horizon = 24, "racing", 1
    widget.run()
    drawn = marks(widget)
    assert drawn["dropped"].visible
    assert len(drawn["dropped"].x) == 12
    assert 2 <= len(drawn["curve"].x) < 12


def test_a_settled_run_is_done(widget):
    widget.num_subsamples, widget.stop_rule = 300, "settled"
    widget.run()
    assert widget.status == "done"
    assert widget.round < 300


def test_a_rule_of_one_s_own_is_in_the_menu(make_model, digits, monkeypatch):
    monkeypatch.setitem(RULES, "third", lambda rates, deltas: float(rates[2]))
    widget = TunerWidget(make_model(), *digits, num_subsamples=1, num_evals=4, method="third")
    assert widget._panel.settings[8]["options"]["third"] == "third"
    widget.run()
    assert widget.selected_lr == widget.results.rates[2]
    widget.close()


def test_refine_and_go_on_do_not_wait_for_an_explanation(widget):
    from_front_end(widget, explain=True)
    widget.step()
    send(widget, type="tick", round=0)
    from_front_end(widget, stage=6)
    widget.step()
    send(widget, type="tick", round=1)
    assert widget._panel.stage == 1
    widget.refine()
    widget.run()
    assert marks(widget)["curve"].visible
    assert widget._panel.lesson == {}
    # Nor does a step that is none.
    widget.step()
    widget.method = "median"
    assert widget._panel.stage == 0


def test_another_rule_does_not_begin_the_lesson_anew(widget):
    from_front_end(widget, explain=True)
    widget.step()
    send(widget, type="tick", round=0)
    from_front_end(widget, stage=3)
    widget.method = "median"
    assert widget._panel.stage == 3


def test_a_lesson_of_a_race_tells_of_the_rates_that_race(widget):
    widget.num_subsamples, widget.pruner, widget.horizon = 24, "racing", 1
    widget.run()
    widget.num_subsamples = 25
    from_front_end(widget, explain=True)
    widget.step()
    send(widget, type="tick", round=24)
    told = widget._panel.lesson
    assert len(told["rates"]) == len(told["after"]) == widget.tuner.rounds[-1].measured.sum() < 12
    assert None not in told["after"]


def test_reset_leaves_nothing_of_the_run_behind(widget):
    widget.run()
    from_front_end(widget, probed=3, show_rounds=True)
    widget.reset()
    panel = widget._panel
    assert (panel.histogram, panel.this_run, panel.choices, panel.table, panel.limits) == ({}, "", {}, b"", [-1.0, 1.0])
    assert not marks(widget)["rounds"].visible


def test_one_rate_that_blew_up_makes_no_more_bins(widget, monkeypatch):
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


def test_a_range_that_is_no_grid_leaves_the_old_one(make_model, digits):
    widget = TunerWidget(make_model(), *digits, lr_space=(0, 1), scale="linear", num_evals=5, num_subsamples=2)
    widget.run()
    widget.lr_min = 1e-3
    widget.scale = "log"
    from_front_end(widget, view=[0, 0.5])
    send(widget, type="use_view")
    assert "`lr_min` must be positive on a log grid" in widget._panel.notice
    assert (widget.lr_min, widget.lr_max) == (1e-3, 1)
    widget.run()


def test_what_was_refused_is_forgotten_with_the_next_setting(widget):
    from_front_end(widget, batch_size=5000)
    assert "batch_size=5000" in widget._panel.notice
    from_front_end(widget, batch_size=64)
    assert widget._panel.notice == ""


def test_more_rates_than_memory_are_refused(widget):
    with pytest.raises(ValueError, match=r"`num_evals` must be at most 10,000\. Received: num_evals=1000000000"):
        widget.num_evals = 10**9


def test_the_python_follows_the_settings(widget):
    widget.num_evals = 31
    assert "num_evals=31" in widget._panel.code
    widget.run()
    widget.num_subsamples = 33
    assert "num_subsamples=33" in widget._panel.code


def test_the_ticks_of_a_narrow_range_are_not_rounded_to_one_another(widget):
    (axis,) = (axis for axis in widget.figure.axes if isinstance(axis.scale, bqplot.LogScale))
    from_front_end(widget, view=[0.172, 0.1915])
    assert axis.tick_format == ".3~g"
    from_front_end(widget, view=[1e-3, 1.0])
    assert axis.tick_format == ".0e"


def test_a_model_that_changed_during_the_run_is_told(widget, digits):
    widget.run()
    assert widget._panel.notice == ""
    undisturbed = widget.results
    widget.reset()
    widget.step()
    send(widget, type="tick", round=0)
    widget.tuner.model.fit(*digits, verbose=0)
    widget.run()
    assert widget.results == undisturbed
    assert widget._panel.notice.startswith("The model has changed since this run began")
    widget.run()
    assert widget.results != undisturbed, "the next run measures what the model has become"
    assert widget._panel.notice == ""


def test_a_model_that_nobody_else_holds_stays(make_model, digits):
    model = make_model()
    expected = TunerWidget(model, *digits, num_evals=4, num_subsamples=2, horizon=2).run()
    widget = TunerWidget(model, *digits, num_evals=4, num_subsamples=2, horizon=2)
    del model
    gc.collect()
    assert widget.run() == expected


def test_what_is_saved_has_the_band_of_the_settings(widget, tmp_path):
    widget.run()
    widget.band = "t"
    widget.save(tmp_path / "run.html")
    upper = widget.results.summary(0.05, "t")["upper"].iloc[-1]
    assert f"{upper:.4g}" in (tmp_path / "run.html").read_text()
    ax = widget.results.plot(band="t")
    assert ax.collections[0].get_datalim(ax.transData).y1 == pytest.approx(
        widget.results.summary(0.05, "t")["upper"].max()
    )


def test_saving_leaves_the_file_before_it_or_a_whole_one(widget, tmp_path, monkeypatch):
    widget.run()
    widget.save(tmp_path / "run.csv")
    before = (tmp_path / "run.csv").read_bytes()
    monkeypatch.setattr("os.fsync", lambda _: 1 / 0)
    for kind in ("csv", "json"):
        with pytest.raises(ZeroDivisionError):
            widget.save(tmp_path / f"run.{kind}")
    assert [path.name for path in tmp_path.iterdir()] == ["run.csv"]
    assert (tmp_path / "run.csv").read_bytes() == before


def test_a_run_without_a_curve_is_not_pinned(make_model, digits):
    widget = TunerWidget(make_model(), *digits, lr_space=(1e36, 1e38), num_evals=3, num_subsamples=1, horizon=2)
    widget.run()
    with pytest.raises(ValueError, match="no curve"):
        widget.pin_run()


def test_the_python_names_the_data_that_were_given(make_model, digits):
    x, y = digits
    widget = TunerWidget(make_model(), x, y, sample_weight=np.ones(len(y)))
    assert "LRTuner(model, x, y, sample_weight=sample_weight)" in widget._panel.code


def test_no_rate_lowers_the_loss(make_model, digits):
    widget = TunerWidget(make_model(), *digits, lr_space=(1e3, 1e5), num_evals=4, num_subsamples=3)
    widget.run()
    assert widget.selected_lr is None
    assert "finds no rate that lowers the loss. Try smaller ones" in widget._panel.reason
    widget.method = "mean"
    assert widget.selected_lr is not None
    assert widget._panel.reason.startswith("no rate lowers the loss: try smaller ones")


@pytest.mark.parametrize("lr", [1e-50, 1e300])
def test_a_rate_that_the_optimizer_can_not_hold_is_not_applied(widget, lr):
    widget.selected_lr = lr
    with pytest.raises(ValueError, match="can't hold a learning rate of"):
        widget.apply()
    assert float(widget.tuner.model.optimizer.learning_rate) == pytest.approx(0.001)
    assert not widget._panel.undoable


def test_undo_does_not_write_to_an_optimizer_that_is_gone(widget):
    widget.selected_lr = 0.1
    widget.apply()
    before = widget.tuner.model.optimizer
    widget.tuner.model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="compiled again"):
        widget.undo()
    assert float(before.learning_rate) == pytest.approx(0.1)
    assert float(widget.tuner.model.optimizer.learning_rate) == pytest.approx(0.01)
    assert not widget._panel.undoable


def test_a_rule_that_fails_leaves_the_others(make_model, digits, monkeypatch):
    monkeypatch.setitem(RULES, "broken", lambda rates, deltas: 1 / 0)
    monkeypatch.setitem(RULES, "third", lambda rates, deltas: float(rates[2]))
    widget = TunerWidget(make_model(), *digits, num_evals=6, num_subsamples=3, horizon=2, method="third")
    widget.run()
    assert widget.selected_lr == widget.results.rates[2]
    assert "mean" in widget._panel.choices
    assert "broken" not in widget._panel.choices
