"""A widget whose paths workers measure."""

import threading
import time

import pytest

from autolr_widget import LRTuner, TunerWidget
from tests.engine.workers.test_spread import Later, assert_same

pytestmark = pytest.mark.trains

SETTINGS = {"num_evals": 4, "num_subsamples": 3, "horizon": 4, "batch_size": 16}


@pytest.fixture
def executor():
    return Later()


@pytest.fixture
def widget(make_model, digits, executor):
    widget = TunerWidget(make_model(), *digits, **SETTINGS, executor=executor)
    yield widget
    widget.close()


def turns(widget, executor, until):
    """Do what a browser does, and let the workers work."""
    end = time.monotonic() + 60
    while not until() and time.monotonic() < end:
        widget._session.tick(widget._panel.turn)
        if executor.waiting:
            executor.run(0)
    assert until()


def test_the_widget_shows_who_measures_and_has_the_numbers_of_the_kernel_alone(widget, executor, make_model, digits):
    widget.start()
    widget._session.tick(widget._panel.turn)
    assert widget._panel.workers == "starting the workers of Later"
    turns(widget, executor, lambda: widget.round == 1)
    assert widget._panel.workers == "2 paths at once on Later"
    turns(widget, executor, lambda: widget.status == "done")
    alone = LRTuner(make_model(), *digits, **SETTINGS)
    list(alone)
    assert_same(widget.results, alone.results)


def test_a_pause_and_a_reset_take_back_the_paths_that_no_worker_has_begun_with(widget, executor):
    widget.start()
    turns(widget, executor, lambda: widget.round == 1)
    widget._session.tick(widget._panel.turn)
    assert executor.pieces()
    widget.pause()
    assert executor.pieces() == []
    widget.start()
    measuring = threading.Thread(target=widget._session.tick, args=[widget._panel.turn])
    measuring.start()
    widget.reset()
    measuring.join()
    assert executor.pieces() == []


def test_the_executor_of_a_widget_can_be_changed(widget, executor):
    widget.start()
    turns(widget, executor, lambda: widget.round == 1)
    widget.executor = None
    assert widget.status == "paused"
    assert widget.tuner.executor is None
    widget.run()
    assert (widget.status, widget.executor) == ("done", None)
