import pytest

from tests.widget.front_end import from_front_end, send


@pytest.mark.parametrize(
    ("trait", "value", "says"),
    [
        ("lr_min", 30.0, "Smallest rate must be smaller than Largest rate."),
        ("num_evals", -3, "Rates must be an integer of at least 2."),
        ("scale", "<b>", "Spacing must be one of"),
        ("selected_lr", -1.0, "The learning rate must be a positive number"),
        ("seed", -1, "Seed must be an integer"),
    ],
)
def test_invalid_values_from_the_front_end_are_reverted(widget, trait, value, says):
    before = getattr(widget, trait)
    from_front_end(widget, **{trait: value})
    assert (getattr(widget, trait), getattr(widget._panel, trait)) == (before, before)
    refusal = widget._panel.refusals[trait]
    assert (refusal["value"], widget._panel.notice) == (value, "")
    assert says in refusal["words"]


def test_a_valid_value_takes_the_refusal_back(widget):
    for valid in (lambda: from_front_end(widget, batch_size=64), lambda: setattr(widget, "batch_size", 128)):
        from_front_end(widget, batch_size=5000)
        words = "Batch size must not be larger than the number of observations."
        assert widget._panel.refusals == {"batch_size": {"value": 5000, "words": words}}
        valid()
        assert widget._panel.refusals == {}


def test_what_was_refused_is_taken_once_another_setting_allows_it(widget):
    widget.scale, widget.lr_min = "linear", 0.0
    from_front_end(widget, scale="log")
    assert "Smallest rate must be positive" in widget._panel.refusals["scale"]["words"]
    from_front_end(widget, lr_min=1e-3)
    assert (widget.scale, widget._panel.scale, widget._panel.refusals) == ("log", "log", {})


def test_the_user_s_own_correction_takes_the_refusal_back(widget):
    from_front_end(widget, batch_size=5000)
    send(widget, type="forget_refusal", name="batch_size")
    assert widget._panel.refusals == {}


def test_what_was_refused_waits_for_another_setting_and_not_for_another_rate(widget):
    from_front_end(widget, scale="linear")
    from_front_end(widget, lr_min=0.0)
    from_front_end(widget, scale="log")
    widget.lr_min = 1e-3
    from_front_end(widget, selected_lr=0.1)
    assert widget.scale == "linear"


def test_an_error_beside_a_valid_value_is_not_a_refusal(widget, monkeypatch):
    def fail(*_):
        raise OSError("no space left")

    with monkeypatch.context() as broken:
        broken.setattr(widget._session, "configure", fail)
        from_front_end(widget, horizon=3)
    assert (widget.horizon, widget._panel.refusals, widget._panel.notice) == (3, {}, "OSError: no space left")
    with monkeypatch.context() as broken:
        broken.setattr(widget, "_show_run", fail)
        from_front_end(widget, method="median")
    assert (widget._panel.refusals, widget._panel.notice) == ({}, "OSError: no space left")


def test_a_rule_that_is_refused_is_told_in_the_notice(widget):
    from_front_end(widget, method="best")
    assert (widget.method, widget._panel.method, widget._panel.refusals) == ("mean", "mean", {})
    assert "must be one of" in widget._panel.notice
