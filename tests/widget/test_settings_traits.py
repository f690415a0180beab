import numpy as np
import pytest
import traitlets

from autolr_widget import TunerWidget
from autolr_widget.engine.reading.selection import RULES
from autolr_widget.engine.settings import DEFAULTS
from autolr_widget.widget.settings_traits import setting_controls


@pytest.mark.slow
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
def test_a_bad_value_is_refused_and_the_old_one_kept(widget, trait, value, message):
    before = getattr(widget, trait)
    with pytest.raises((ValueError, traitlets.TraitError), match=message):
        setattr(widget, trait, value)
    assert getattr(widget, trait) == before
    widget.run()
    assert widget.status == "done"


def test_both_ends_of_the_grid_can_change_together(widget):
    with widget.hold_trait_notifications():
        widget.lr_min, widget.lr_max = 20.0, 30.0
    widget.run()
    np.testing.assert_allclose(widget.results.rates[[0, -1]], [20, 30])


def test_a_custom_rule_is_in_the_menu(make_model, digits, monkeypatch):
    monkeypatch.setitem(RULES, "third", lambda rates, deltas: float(rates[2]))
    widget = TunerWidget(make_model(), *digits, num_subsamples=1, num_evals=4, method="third")
    assert widget._panel.settings[8]["options"]["third"] == "third"
    widget.run()
    assert widget.selected_lr == widget.results.rates[2]
    widget.close()


def test_too_many_rates_are_refused(widget):
    with pytest.raises(ValueError, match=r"`num_evals` must be at most 10,000\. Received: num_evals=1000000000"):
        widget.num_evals = 10**9


def test_every_setting_has_a_control_and_a_trait(widget):
    controls = setting_controls()
    assert [control["name"] for control in controls] == [*DEFAULTS]
    for control in controls:
        assert widget._panel.has_trait(control["name"])
        assert (control["options"] is None) == (control["kind"] not in ("choice", "rule"))
        if control["options"]:
            assert DEFAULTS[control["name"]] in control["options"]
