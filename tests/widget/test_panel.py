import numpy as np
import pytest
import traitlets

from tests.widget.front_end import from_front_end, marks


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
def test_panel_and_widget_traits_are_linked(widget, trait, value):
    before = getattr(widget, trait)
    from_front_end(widget, **{trait: value})
    assert getattr(widget, trait) == value
    setattr(widget, trait, before)
    assert getattr(widget._panel, trait) == before


@pytest.mark.parametrize("name", ["status", "round", "error"])
def test_read_only_traits_cannot_be_set(widget, name):
    with pytest.raises(traitlets.TraitError):
        setattr(widget, name, getattr(widget, name))


def test_the_table_holds_the_summary(widget):
    widget.run()
    summary = widget.results.summary()
    table = np.frombuffer(widget._panel.table, np.float32).reshape(5, -1)
    columns = summary[["mean", "lower", "upper", "count", "diverged"]].to_numpy().T
    np.testing.assert_allclose(table, columns, rtol=1e-6)
    np.testing.assert_array_equal(np.frombuffer(widget._panel.rates), summary.index)
    assert widget._panel.limits == [marks(widget)["curve"].scales["y"].min, marks(widget)["curve"].scales["y"].max]
