import keras
import numpy as np
import pytest

from autolr_widget import TunerWidget
from tests.widget.front_end import marks

pytestmark = pytest.mark.trains


@pytest.fixture
def widened():
    """A widget whose model needs a rate below the default grid."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x = 80 * np.random.default_rng(0).normal(size=(256, 4)).astype("float32")
    return TunerWidget(model, x, x.sum(axis=1), horizon=8)


def test_the_settings_and_the_chart_follow_a_run_that_widens_its_grid(widened):
    widened.run()
    assert (widened.lr_min, widened.lr_max, widened.num_evals) == (1e-6, 10, 12)
    assert (widened._panel.lr_min, widened._panel.num_evals) == (1e-6, 12)
    assert (widened.status, widened.round, widened._panel.stale, widened.edge) == ("done", 2, False, "")
    assert widened._panel.notice == (
        "A better rate may lie below 1e-4, so round 1 starts over on a wider grid: 1e-6 to 10"
    )
    assert 1e-6 < widened.selected_lr < 1e-4
    np.testing.assert_array_equal(np.frombuffer(widened._panel.rates), widened.tuner.rates)
    assert marks(widened)["curve"].x.min() == pytest.approx(1e-6)
    assert "lr_space=(1e-06, 10.0)" in widened._panel.code


def test_a_widened_run_continues_with_more_rounds(widened):
    widened.run()
    first = widened.tuner
    widened.num_subsamples = 4
    widened.run()
    assert widened.tuner is first
    assert (widened.round, widened.results.deltas.shape) == (4, (4, 12))


def run_and_do(widget, monkeypatch, do):
    """Run, and do something in the turn in which the grid is widened, as a message that comes in another thread."""
    widget.start()
    tuner = widget.tuner
    advance = tuner.advance

    def advance_and_do(seconds):
        finished = advance(seconds)
        if tuner.is_widened and not done:
            done.append(True)
            do()
        return finished

    done = []
    monkeypatch.setattr(tuner, "advance", advance_and_do)
    while widget.status == "running":
        widget._session.tick(widget._session.turn)
    assert done


def test_a_grid_that_the_user_changes_meanwhile_is_kept(widened, monkeypatch):
    run_and_do(widened, monkeypatch, lambda: setattr(widened, "lr_max", 1.0))
    assert (widened.lr_min, widened.lr_max, widened.num_evals) == (1e-4, 1.0, 9)
    assert (widened.status, widened._panel.stale) == ("paused", True)


@pytest.mark.parametrize(("name", "value"), [("num_subsamples", 3), ("method", "mean"), ("alpha", 0.1)])
def test_another_setting_may_change_meanwhile(widened, monkeypatch, name, value):
    run_and_do(widened, monkeypatch, lambda: setattr(widened, name, value))
    assert (widened.lr_min, widened.lr_max, widened.num_evals) == (1e-6, 10, 12)
    assert (widened.status, widened._panel.stale, getattr(widened, name)) == ("done", False, value)
    assert widened.round == widened.num_subsamples


def test_an_interrupt_meanwhile_does_not_part_the_widget_from_the_run(widened, monkeypatch):
    def interrupt():
        raise KeyboardInterrupt

    run_and_do(widened, monkeypatch, interrupt)
    assert (widened.status, widened.num_evals, widened._panel.stale) == ("error", 12, False)
    widened.run()
    assert (widened.status, widened.round, widened.tuner.rates.size) == ("done", 2, 12)
    widened.method = "mean"
    assert not widened._panel.stale
