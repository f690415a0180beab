import keras
import pytest

from autolr_widget import TunerWidget
from autolr_widget.engine.settings import DEFAULTS
from autolr_widget.widget.efforts import WORK


def test_the_standard_effort_is_that_of_the_defaults(widget):
    by_name = {effort["name"]: effort["settings"] for effort in widget._panel.efforts}
    assert by_name["standard"] == {name: DEFAULTS[name] for name in WORK}


@pytest.mark.parametrize("name", ["quick look", "standard", "thorough"])
def test_each_effort_is_possible_with_gradient_accumulation(make_model, digits, name):
    widget = TunerWidget(make_model(keras.optimizers.Adam(gradient_accumulation_steps=7)), *digits)
    (settings,) = (effort["settings"] for effort in widget._panel.efforts if effort["name"] == name)
    for setting, value in settings.items():
        setattr(widget, setting, value)
    assert widget.horizon % 7 == 0
