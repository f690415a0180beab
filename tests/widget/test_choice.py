import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from autolr_widget import TunerWidget
from autolr_widget.engine.rate_text import rate_text
from autolr_widget.engine.reading.selection import RULES
from tests.widget.front_end import from_front_end, marks, send

pytestmark = pytest.mark.trains


def test_nothing_is_chosen_if_every_rate_diverged(digits):
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    widget = TunerWidget(model, *digits, lr_space=(1e30, 1e36), num_evals=4, num_subsamples=2)
    widget.run()
    assert widget.selected_lr is None
    assert widget._panel.reason == (
        "Every learning rate from 1e+30 to 1e+36 diverged: a loss was NaN or infinite. "
        "Try smaller rates, such as 1e+27 to 1e+30. If they diverge too, scale the data."
    )
    assert not marks(widget)["curve"].visible


def test_the_rule_max_selects_nothing_without_a_safe_rate(make_model, digits):
    widget = TunerWidget(make_model(), *digits, lr_space=(20, 30), num_evals=4, num_subsamples=2, method="max")
    widget.run()
    assert widget.selected_lr is None
    assert "every rate raised the loss" in widget._panel.reason
    words = "The rule finds no rate: every rate raised the loss in some round."
    assert f"after 2 of 2 rounds. {words}\n" in repr(widget)
    with pytest.raises(ValueError, match=f"^No learning rate is selected. {words} Or set"):
        widget.apply()
    widget.selected_lr = 0.1
    assert "finds no rate" not in repr(widget)


def test_a_rate_set_by_the_front_end_is_pinned(widget):
    widget.run()
    from_front_end(widget, selected_lr=2e-3)
    assert (widget.selected_lr, widget.pinned, widget._panel.pinned) == (2e-3, True, True)
    assert widget._panel.interval == [], "a pinned rate has no interval"
    widget.method = "variance"
    assert widget.pinned
    send(widget, type="use_rule")
    assert not widget.pinned
    assert widget.selected_lr == widget._panel.selected_lr == widget.results.best_lr("variance")


def test_the_choice_of_the_rule_can_be_pinned(widget):
    widget.run()
    chosen = widget.selected_lr
    from_front_end(widget, selected_lr=chosen, pinned=True)
    widget.method = "variance"
    assert (widget.selected_lr, widget.pinned) == (chosen, True)


def test_a_pinned_rate_stays_after_a_run_but_not_after_a_reset(widget):
    widget.selected_lr = 0.123
    assert widget.pinned
    widget.run()
    assert widget.selected_lr == 0.123
    widget.reset()
    assert (widget.selected_lr, widget.pinned, widget.status, widget.round) == (None, False, "idle", 0)


def test_selecting_none_returns_the_choice_to_the_rule(widget):
    widget.run()
    widget.selected_lr = 0.5
    widget.selected_lr = None
    assert (widget.pinned, widget.selected_lr) == (False, widget.results.best_lr("mean"))


def test_the_panel_has_the_choice_of_every_rule_and_the_range_of_the_best_rate(widget):
    widget.method = "half-minimum"
    widget.run()
    assert widget._panel.choices == widget.results.choices()
    lr, sure = widget.selected_lr, widget.results.certainty("half-minimum")
    low, high, lower, upper = map(rate_text, (0.25 * lr, 3.8 * lr, sure.lower, sure.upper))
    assert widget._panel.reason == (
        f"8 times out of 10, the best rate for training lies between {low} and {high} · "
        f"other batches would choose about {lower} to {upper}"
    )
    assert widget._panel.interval == pytest.approx([0.25 * lr, 3.8 * lr])


@pytest.mark.parametrize("kind", ["array", "one batch", "three batches", "large batches", "enough"])
def test_data_that_are_too_few_have_no_range_of_the_best_rate(make_model, digits, tmp_path, kind):
    rows = {"array": 40, "one batch": 32, "three batches": 12, "large batches": 200, "enough": 200}[kind]
    x, y = digits[0][:rows], digits[1][:rows]
    size = {"one batch": 32, "three batches": 4, "large batches": 64}.get(kind)
    data = (x, y) if size is None else (tf.data.Dataset.from_tensor_slices((x, y)).batch(size),)
    widget = TunerWidget(make_model("adam"), *data)
    widget.run()
    assert widget.edge == "", "otherwise this test shows nothing"
    widget.save(tmp_path / "run.json")
    for shown in (widget, TunerWidget.load(tmp_path / "run.json")):
        assert ("8 times out of 10" in shown._panel.reason) == (kind == "enough")
        assert bool(shown._panel.interval) == (kind == "enough")


def test_the_range_needs_one_round_and_the_noise_of_the_batches_three(widget):
    widget.method, widget.num_subsamples = "half-minimum", 1
    widget.run()
    assert widget._panel.reason.startswith("8 times out of 10,")
    assert "other batches" not in widget._panel.reason
    widget.method = "mean"
    assert (widget._panel.reason, widget._panel.interval) == ("too few rounds to say how sure it is", [])


def test_the_benchmark_says_nothing_if_the_lowest_point_is_at_an_end_of_the_grid(make_model, digits):
    widget = TunerWidget(make_model("adam"), *digits, lr_space=(1e-6, 1e-5), num_evals=4, horizon=36, num_subsamples=1)
    widget.run()
    assert (widget.edge, widget._panel.interval) == ("upper", [])
    assert widget._panel.reason == (
        "too few rounds to say how sure it is · the lowest point is at the upper end of the grid"
    )


def test_no_interval_is_narrower_than_the_grid(make_model, digits):
    for scale, lr_min in (("log", 1e-3), ("linear", 0.0)):
        widget = TunerWidget(
            make_model("adam"), *digits, lr_space=(lr_min, 0.1), scale=scale, num_evals=4, horizon=4, num_subsamples=4
        )
        widget.run()
        low, high = widget._panel.interval
        assert low < widget.selected_lr < high
        if scale == "log":
            assert high / low >= 100 ** (1 / 3) * (1 - 1e-9)
        else:
            assert high - low >= 0.1 / 6


def test_resampled_rounds_may_all_choose_the_same_rate(widget):
    widget.run()
    sure = widget.results.certainty("mean")
    assert sure.lower == sure.upper, "otherwise this test shows nothing"
    assert widget._panel.reason == "other batches would choose the same rate"


def test_the_reason_if_no_rate_lowers_the_loss(make_model, digits):
    widget = TunerWidget(make_model(), *digits, lr_space=(1e3, 1e5), num_evals=4, num_subsamples=3)
    widget.run()
    assert widget.selected_lr is None
    way_out = "Try rates below 1000, such as 1 to 1000."
    reason = f'Rule "half-minimum" finds no rate that lowers the loss. {way_out}'
    assert widget._panel.reason == reason
    for ask in (widget.apply, widget.schedule, widget.refine, widget.log):
        with pytest.raises(ValueError, match=re.escape(reason)) as error:
            ask()
        assert str(error.value) == f"No learning rate is selected. {reason} Or set `selected_lr`."
    line, table = repr(widget).split("\n", 1)
    assert line == f"TunerWidget: no learning rate chosen, done after 3 of 3 rounds. {reason}"
    assert "diverged" in table
    widget.method = "mean"
    assert widget.selected_lr is not None
    assert widget._panel.reason.startswith(f"no rate lowers the loss. {way_out[:-1]} · ")


@pytest.mark.parametrize("method", ["half-minimum", "mean"])
def test_the_reason_if_no_rate_changes_the_loss(make_model, digits, method):
    model = make_model(loss=lambda y, p: 0 * keras.ops.sum(p, axis=-1))
    widget = TunerWidget(model, *digits, num_evals=4, num_subsamples=3, horizon=3, method=method)
    widget.run()
    assert "same at every rate, to the last bit. Try much larger rates." in widget._panel.reason
    assert "smaller" not in widget._panel.reason


def test_a_failing_rule_does_not_affect_the_others(make_model, digits, monkeypatch):
    monkeypatch.setitem(RULES, "broken", lambda rates, deltas: 1 / 0)
    monkeypatch.setitem(RULES, "third", lambda rates, deltas: float(rates[2]))
    widget = TunerWidget(make_model(), *digits, num_evals=6, num_subsamples=3, horizon=2, method="third")
    widget.run()
    assert widget.selected_lr == widget.results.rates[2]
    assert "mean" in widget._panel.choices
    assert "broken" not in widget._panel.choices


def test_a_faulty_rule_does_not_break_the_widget(widget, monkeypatch):
    answers = {"text": "0.1", "nothing": None, "array": np.ones(2), "nan": np.nan, "negative": -1, "error": 1 / 3}
    for name, answer in answers.items():
        monkeypatch.setitem(RULES, name, lambda rates, deltas, answer=answer: answer)
    monkeypatch.setitem(RULES, "error", lambda rates, deltas: {}["key"])
    widget.run()
    chosen = widget.selected_lr
    assert chosen is not None
    assert not answers.keys() & widget._panel.choices.keys()
    for name in answers:
        widget.method = name
        assert widget.selected_lr is None
        assert widget._panel.reason.startswith(f'Rule "{name}" ')
    widget.method = "mean"
    assert widget.selected_lr == chosen


def test_a_rule_that_is_added_later_works_and_may_return_a_float_of_numpy(widget, monkeypatch):
    widget.run()
    monkeypatch.setitem(RULES, "mine", lambda rates, deltas: np.float32(rates[deltas.mean(axis=0).argmin()]))
    widget.method = "mine"
    assert type(widget.selected_lr) is float
    assert widget.selected_lr == np.float32(widget.results.best_lr("mean"))
    assert widget._panel.choices.keys() == widget.results.choices().keys() - {"mine"}


def test_a_warning_of_a_rate_that_was_measured_to_be_bad(make_model, digits):
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    widget = TunerWidget(model, *digits, lr_space=(1e-4, 1e30), num_evals=35, num_subsamples=2, horizon=2)
    widget.selected_lr = 1e-2
    assert widget._panel.warning == ""
    widget.run()
    means = widget.results.summary()["mean"]
    assert means.iloc[0] < 0 < means.iloc[4]
    for lr, warning in [
        (means.index[0], ""),
        (means.index[4], "the loss rose at this rate"),
        (1.2 * means.index[4], f"the loss rose at {rate_text(means.index[4])}, the nearest measured rate"),
        (1e30, "training diverged at this rate"),
        (1e-5, "only rates from 1e-4 to 1e+30 were measured"),
        (2e30, "only rates from 1e-4 to 1e+30 were measured"),
    ]:
        widget.selected_lr = lr
        assert widget._panel.warning == warning
    widget.pinned = False
    assert widget._panel.warning == ""
