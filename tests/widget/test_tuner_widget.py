"""The widget's traits against its controls, its chart and the engine; no browser."""

import subprocess
import sys

import bqplot
import ipywidgets as ipw
import keras
import numpy as np
import pytest
import traitlets

from autolr_widget import LRTuner, TuneResults, TunerWidget
from autolr_widget.engine.selection import RULES


@pytest.fixture
def widget(make_model, digits):
    tuner = TunerWidget(make_model("adam"), *digits, lr_space=(1e-4, 10), num_evals=12, num_subsamples=4, method="mean")
    yield tuner
    tuner.close()


def controls(widget, kind):
    found, boxes = [], [widget]
    while boxes:
        for child in boxes.pop().children:
            if isinstance(child, kind):
                found.append(child)
            if isinstance(child, ipw.Box):
                boxes.append(child)
    return found


def control(widget, kind, description):
    return next(c for c in controls(widget, kind) if c.description == description)


def marks(widget):
    names = ("interval", "band", "zero", "before", "dropped", "mean", "choice", "rules", "names", "clicks")
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
    np.testing.assert_allclose(drawn["mean"].x, summary.index)
    np.testing.assert_allclose(drawn["mean"].y, summary["mean"])
    np.testing.assert_allclose(drawn["band"].y, [summary["lower"], summary["upper"]])
    np.testing.assert_allclose(drawn["choice"].x, [widget.selected_lr] * 2)
    assert drawn["zero"].y.tolist() == [0, 0]
    assert {name for name, mark in drawn.items() if not mark.visible} <= {"before", "dropped", "interval"}
    assert isinstance(drawn["mean"].scales["x"], bqplot.LogScale)


def test_the_chart_moves_once_after_every_round_and_before_the_counter(widget):
    events = []
    marks(widget)["mean"].observe(lambda _: events.append("chart"), names="y")
    widget.observe(lambda change: events.append(change["new"]), names="round")
    widget.run()
    assert events == ["chart", 1, "chart", 2, "chart", 3, "chart", 4]


def test_one_round_has_a_mean_and_no_band(widget):
    widget.step()
    widget._receive(None, {"type": "tick", "round": 0}, [])
    assert (widget.status, widget.round) == ("paused", 1)
    drawn = marks(widget)
    assert (drawn["mean"].visible, drawn["band"].visible) == (True, False)


def test_rates_that_diverged_are_left_out_of_the_chart(make_model, digits):
    widget = TunerWidget(make_model(), *digits, lr_space=(1e-3, 1e38), num_evals=6, num_subsamples=2)
    widget.run()
    drawn = marks(widget)
    assert 0 < len(drawn["mean"].x) < 6
    assert np.isfinite(drawn["mean"].y).all()
    assert np.isfinite(drawn["band"].y).all()


def test_no_rate_at_all_is_said_and_not_chosen(digits):
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    widget = TunerWidget(model, *digits, lr_space=(1e30, 1e36), num_evals=4, num_subsamples=2)
    widget.run()
    assert widget.selected_lr is None
    assert widget._choice._says.value.startswith("Every learning rate from 1e+30 to 1e+36 diverged")
    assert not marks(widget)["mean"].visible


def test_the_rule_max_without_a_safe_rate_selects_nothing(make_model, digits):
    widget = TunerWidget(make_model(), *digits, lr_space=(20, 30), num_evals=4, num_subsamples=2, method="max")
    widget.run()
    assert widget.selected_lr is None
    assert "each one raised the loss" in widget._choice._says.value


@pytest.mark.parametrize(
    ("kind", "description", "trait", "value"),
    [
        (ipw.IntSlider, "Rates", "num_evals", 33),
        (ipw.IntSlider, "Rounds", "num_subsamples", 40),
        (ipw.IntSlider, "Batch size", "batch_size", 17),
        (ipw.IntSlider, "Steps", "horizon", 3),
        (ipw.Dropdown, "Loss on", "evaluate_on", "held-out"),
        (ipw.Dropdown, "Measure", "sampler", "racing"),
        (ipw.Dropdown, "Stop", "stop_rule", "settled"),
        (ipw.BoundedIntText, "Seed", "seed", 7),
        (ipw.Dropdown, "Rule", "method", "share"),
        (ipw.FloatSlider, "Band's α", "alpha", 0.25),
        (ipw.Dropdown, "Band", "band", "bootstrap"),
        (ipw.ToggleButtons, "Spacing", "scale", "linear"),
    ],
)
def test_controls_and_traits_move_each_other(widget, kind, description, trait, value):
    before = getattr(widget, trait)
    handle = control(widget, kind, description)
    handle.value = value
    assert getattr(widget, trait) == value
    setattr(widget, trait, before)
    assert handle.value == before


def test_the_range_slider_moves_the_grid(widget):
    from autolr_widget.widget.front_end import LRRange

    (ends,) = controls(widget, LRRange)
    ends.lr_max = 0.5
    assert widget.lr_max == 0.5
    widget.lr_min = 1e-5
    assert ends.lr_min == 1e-5
    ends.lr_min = 3.0
    assert (ends.lr_min, widget.lr_min) == (1e-5, 1e-5), "what is refused goes back"


def test_a_trait_beyond_its_slider_widens_the_slider(widget):
    widget.num_evals = 5000
    assert (widget.num_evals, control(widget, ipw.IntSlider, "Rates").max) == (5000, 5000)


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
    assert widget._run_bar.stale
    assert widget.results == old
    assert len(marks(widget)["mean"].x) == 12
    widget.run()
    assert not widget._run_bar.stale
    assert widget.results.frame.shape == (4, 7)
    assert len(marks(widget)["mean"].x) == 7


def test_rule_level_and_axis_recompute_at_once(widget):
    widget.run()
    results, drawn = widget.results, marks(widget)
    before = drawn["band"].y.copy()
    widget.alpha = 0.5
    summary = results.summary(0.5)
    np.testing.assert_allclose(drawn["band"].y, [summary["lower"], summary["upper"]])
    assert np.ptp(drawn["band"].y - before) > 0
    for band in ("t", "bootstrap"):
        widget.band = band
        summary = results.summary(0.5, band)
        np.testing.assert_allclose(drawn["band"].y, [summary["lower"], summary["upper"]])
    widget.method = "variance"
    assert widget.selected_lr == results.best_lr("variance") != results.best_lr("mean")
    assert widget.edge == "lower"
    assert widget._choice._says.value.endswith("at the lower end of the grid: widen it")
    widget.method = "mean"
    assert widget.edge == ""
    assert "widen" not in widget._choice._says.value
    control(widget, ipw.ToggleButtons, "Axis").value = "linear"
    assert all(isinstance(mark.scales["x"], bqplot.LinearScale) for mark in widget.figure.marks)
    assert (widget._run_bar.stale, widget.status, widget.results) == (False, "done", results)


def test_a_linear_grid_from_zero_keeps_a_linear_axis(make_model, digits):
    widget = TunerWidget(make_model(), *digits, lr_space=(0, 1), scale="linear", num_evals=5, num_subsamples=2)
    control(widget, ipw.ToggleButtons, "Axis").value = "log"
    widget.run()
    assert isinstance(widget.figure.marks[0].scales["x"], bqplot.LinearScale)
    assert widget.selected_lr > 0
    widget._click(0.26)
    assert widget.selected_lr == 0.25


def test_a_click_pins_the_nearest_rate_on_the_screen(widget):
    widget.run()
    clicks = marks(widget)["clicks"]
    clicks.x = np.append(clicks.x, 2e-3)
    rates = widget.results.rates
    assert widget.selected_lr == rates[np.argmin(abs(np.log(rates / 2e-3)))]
    assert widget.pinned
    assert len(clicks.x) == 1
    np.testing.assert_array_equal(marks(widget)["choice"].x, [widget.selected_lr] * 2)
    widget.method = "variance"
    assert widget.pinned
    widget._choice._follow.click()
    assert not widget.pinned
    assert widget.selected_lr == widget.results.best_lr("variance")


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


def test_typing_a_rate(widget):
    widget.run()
    chosen = widget.selected_lr
    box = widget._choice._number
    assert box.value == f"{chosen:.4g}"
    box.value = "1e-3"
    assert (widget.selected_lr, widget.pinned) == (1e-3, True)
    for nonsense in ("", "fast", "-1", "0", "nan", "inf"):
        box.value = nonsense
        assert widget.selected_lr == 1e-3
        assert box.value == "0.001"
        assert "Not a learning rate" in widget._choice._says.value


def test_apply_writes_the_rate_and_nothing_else(widget):
    with pytest.raises(ValueError, match="No learning rate is selected"):
        widget.apply()
    widget.run()
    model = widget.tuner.model
    weights = model.get_weights()
    assert widget.apply() == widget.selected_lr
    assert float(model.optimizer.learning_rate) == pytest.approx(widget.selected_lr)
    widget.selected_lr = 0.25
    widget._choice._apply.click()
    assert float(model.optimizer.learning_rate) == 0.25
    assert "→ 0.25" in widget._choice._says.value
    for before, after in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


def test_apply_to_a_schedule_says_what_to_do(make_model, digits):
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
    widget = TunerWidget(make_model(keras.optimizers.SGD(schedule)), *digits, num_evals=4, num_subsamples=2)
    widget.run()
    with pytest.raises(ValueError, match=r"schedule, which can't be replaced\. Compile the model"):
        widget.apply()
    widget._choice._apply.click()
    assert "schedule" in widget._choice._says.value


def test_schedule_starts_from_the_selected_rate(widget):
    widget.selected_lr = 0.5
    schedule = widget.schedule(stepsize=2)
    assert float(schedule(0)) == 0.5
    assert schedule.get_config()["first_decay_steps"] == 2 * 57


def test_save_and_load(widget, tmp_path):
    widget.run()
    widget.save(tmp_path / "run.json")
    assert TuneResults.from_json((tmp_path / "run.json").read_text()) == widget.results


def test_an_error_in_a_round_is_shown(widget, digits):
    widget.run()
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    wrong = TunerWidget(model, *digits, num_evals=4)
    wrong.start()
    wrong._receive(None, {"type": "tick", "round": 0}, [])
    assert wrong.status == "error"
    assert wrong.error.startswith("Round 1 failed. ")
    assert wrong._run_bar.error == wrong.error
    with pytest.raises(ValueError, match="incompatible"):
        wrong.run()


@pytest.mark.parametrize(
    "content",
    [None, 3, "tick", [], {}, {"type": "tick"}, {"type": "tick", "round": None}, {"type": "tick", "round": 10**30},
     {"type": "__init__"}, {"type": "close"}, {"type": "start", "round": 1}, {"type": ["start"]}, {"type": "run"}],
)  # fmt: skip
def test_foreign_messages_are_ignored(widget, content):
    widget._receive(None, content, [])
    assert (widget.status, widget.round) == ("idle", 0)


def test_the_buttons_messages(widget):
    send = lambda **content: widget._receive(None, content, [])  # noqa: E731
    send(type="start")
    assert widget.status == "running"
    send(type="pause")
    assert widget.status == "paused"
    send(type="step")
    send(type="tick", round=0)
    assert (widget.status, widget.round) == ("paused", 1)
    send(type="reset")
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
            widget._receive(None, {"type": "tick", "round": seen}, [])
    assert [widget.results for widget in both] == alone


def test_closing_it_stops_the_run(widget):
    widget.start()
    widget.close()
    assert widget.status == "stopped"
    widget._receive(None, {"type": "tick", "round": 0}, [])
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


def test_all_rules_are_marked_and_the_choice_has_an_interval(widget):
    widget.method = "cautious"
    widget.run()
    drawn = marks(widget)
    assert drawn["rules"].visible
    texts = [text.partition(" +") for text in drawn["names"].text]
    named = [name for text, _, _ in texts for name in text.split(", ")]
    inside = {n for n, rate in widget.results.choices().items() if widget.lr_min <= rate <= widget.lr_max}
    assert len(set(named)) == len(named) <= len(inside)
    assert len(named) + sum(int(more or 0) for _, _, more in texts) == len(inside)
    assert len(drawn["rules"].x) == len(drawn["names"].text)
    sure = widget.results.certainty("cautious")
    assert f"{sure.agreement:.0%} of resampled runs agree" in widget._choice._says.value
    assert drawn["interval"].visible == (sure.lower < sure.upper)
    widget.selected_lr = 0.5
    assert not drawn["interval"].visible, "a rate of one's own has no interval"


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
    assert (drawn["mean"].scales["x"].min, drawn["mean"].scales["x"].max) == (rates[0], rates[-1])
    widget.reset()
    assert not drawn["before"].visible


def test_a_race_shows_who_has_dropped_out(widget):
    widget.num_subsamples, widget.sampler, widget.horizon = 24, "racing", 1
    widget.run()
    drawn = marks(widget)
    assert drawn["dropped"].visible
    assert len(drawn["dropped"].x) == 12
    assert 2 <= len(drawn["mean"].x) < 12


def test_a_settled_run_is_done(widget):
    widget.num_subsamples, widget.stop_rule = 300, "settled"
    widget.run()
    assert widget.status == "done"
    assert widget.round < 300


def test_a_rule_of_one_s_own_is_in_the_menu(make_model, digits, monkeypatch):
    monkeypatch.setitem(RULES, "third", lambda rates, deltas: float(rates[2]))
    widget = TunerWidget(make_model(), *digits, num_subsamples=1, num_evals=4, method="third")
    assert control(widget, ipw.Dropdown, "Rule").value == "third"
    widget.run()
    assert widget.selected_lr == widget.results.rates[2]
    widget.close()
