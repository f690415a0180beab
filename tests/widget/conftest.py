import math
import weakref

import ipywidgets
import pytest

from autolr_widget import TunerWidget
from autolr_widget.engine.measuring import training
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


class SharedModel:
    """A model in its first state, with its graphs once a test has traced them."""

    def __init__(self, model):
        self.model = model
        self.training = None
        self._compiled = model.optimizer, model._compile_loss
        self._first = [variable.numpy() for variable in self._variables()]

    def is_unchanged(self):
        if self._compiled != (self.model.optimizer, self.model._compile_loss):
            return False
        return len(self._variables()) == len(self._first) and (self.training is None or self.training.is_current())

    def restore(self):
        for variable, value in zip(self._variables(), self._first, strict=True):
            variable.assign(value)
        if self.training is not None:
            self.training.seconds_per_step = math.nan

    def _variables(self):
        return [*self.model.variables, *self.model.optimizer.variables]


SHARED = {}


@pytest.fixture
def make_model(make_model, monkeypatch):
    """As in tests/conftest.py, but tests share models by their optimizer: tracing takes a second."""
    new_training, handed_out = training.Training, {}

    def make(optimizer="sgd", *layers, loss=None):
        if layers or loss or not isinstance(optimizer, str) or optimizer in handed_out:
            return make_model(optimizer, *layers, loss=loss)
        shared = SHARED.get(optimizer)
        if shared is None or not shared.is_unchanged():
            shared = SHARED[optimizer] = SharedModel(make_model(optimizer))
        shared.restore()
        handed_out[optimizer] = shared
        return shared.model

    def shared_training(model, batch, optimizer=None, loss=None):
        shared = next((shared for shared in handed_out.values() if shared.model is model), None)
        if shared is None or optimizer or loss:
            return new_training(model, batch, optimizer, loss)
        if shared.training is None or not shared.training.is_current():
            shared.training = new_training(model, batch)
        return shared.training

    monkeypatch.setattr(training, "Training", shared_training)
    return make


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
