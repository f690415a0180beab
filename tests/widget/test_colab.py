"""Enabling third-party front ends, with a fake Colab that counts the calls."""

import sys
import types

import pytest

from autolr_widget import TunerWidget
from autolr_widget.widget.colab import allow_front_ends


@pytest.fixture
def colab(monkeypatch):
    """The calls of `enable_custom_widget_manager` in a fake Colab."""
    calls = []
    output = types.ModuleType("google.colab.output")
    output.enable_custom_widget_manager = lambda: calls.append("enabled")
    monkeypatch.setitem(sys.modules, "google.colab.output", output)
    return calls


def test_front_ends_are_enabled_once(colab):
    allow_front_ends()
    allow_front_ends()
    assert colab == ["enabled"]


def test_outside_colab_nothing_is_imported():
    before = set(sys.modules)
    allow_front_ends()
    assert not [name for name in set(sys.modules) - before if name.startswith("google.colab")]


def test_a_widget_enables_front_ends_in_colab(colab, monkeypatch, make_model, digits):
    monkeypatch.setattr("anywidget.widget.in_colab", lambda: False)
    TunerWidget(make_model(), *digits).close()
    assert colab == ["enabled"]
