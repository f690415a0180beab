import weakref

import ipywidgets
import pytest


@pytest.fixture(autouse=True)
def widgets_are_closed():
    """Close the widgets that the test has made."""
    made = weakref.WeakSet()
    ipywidgets.Widget.on_widget_constructed(made.add)
    yield
    ipywidgets.Widget.on_widget_constructed(None)
    for each in [*made]:
        each.close()
