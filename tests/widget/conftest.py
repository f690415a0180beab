import weakref

import ipywidgets
import pytest

from autolr_widget import TunerWidget
from tests.widget.counting_tuner import make_session


# Every test here makes widgets, and none but those of closing is about their end.
@pytest.fixture(autouse=True)
def widgets_are_closed():
    """Close the widgets that the test has made."""
    made = weakref.WeakSet()
    ipywidgets.Widget.on_widget_constructed(made.add)
    yield
    ipywidgets.Widget.on_widget_constructed(None)
    for each in [*made]:
        each.close()


@pytest.fixture
def widget(make_model, digits):
    tuner = TunerWidget(make_model("adam"), *digits, lr_space=(1e-4, 10), num_evals=12, num_subsamples=4, method="mean")
    yield tuner
    tuner.close()


@pytest.fixture
def session():
    session = make_session(5)
    yield session
    session.close()
