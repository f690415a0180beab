from itertools import cycle

import keras
import numpy as np
import pytest

from autolr_widget import LRTuner
from autolr_widget.engine.saved.saved_run import SavedRun

pytestmark = pytest.mark.trains

SHORT = {"horizon": 8, "num_subsamples": 2, "batch_size": 16}


@pytest.fixture(scope="module")
def linear():
    """A linear model and its data. The larger the scale of the data, the smaller the rates that it can train with."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, use_bias=False)])
    model.compile("sgd", "mse")
    x = np.random.default_rng(0).normal(size=(256, 4)).astype("float32")
    y = x.sum(axis=1, keepdims=True)
    return model, lambda scale: (scale * x, y)


def run(model, x, y=None, **settings):
    tuner = LRTuner(model, x, y, **SHORT | settings)
    list(tuner)
    return tuner


@pytest.mark.parametrize(
    ("scale", "grid"),
    [
        (1, (1e-4, 10, 9)),
        (80, (1e-6, 10, 12)),
        (300, (1e-6, 10, 12)),
        (1e4, (1e-8, 10, 15)),
        (1e6, (1e-8, 10, 15)),
        (1e-2, (1e-4, 1e3, 12)),
        (1e-3, (1e-4, 1e3, 12)),
    ],
)
@pytest.mark.parametrize("horizon", [1, 8])
def test_a_default_grid_becomes_as_wide_as_the_best_rate_needs(linear, scale, grid, horizon):
    model, data = linear
    tuner = run(model, *data(scale), horizon=horizon)
    low, high, count = grid
    assert (tuner.settings.lr_min, tuner.settings.lr_max, tuner.settings.num_evals) == grid
    again = run(model, *data(scale), horizon=horizon, lr_space=(low, high), num_evals=count)
    np.testing.assert_array_equal(tuner.rates, again.rates)
    np.testing.assert_array_equal(tuner.deltas, again.deltas)
    assert [round.index for round in tuner.rounds] == [0, 1]


def test_a_grid_of_the_user_stays_as_it_is(linear):
    model, data = linear
    for chosen in ({"lr_space": (2e-4, 10)}, {"num_evals": 8}, {"lr_space": (1e-4, 10), "scale": "linear"}):
        tuner = run(model, *data(80), **chosen)
        asked = {"lr_space": (tuner.rates[0], tuner.rates[-1]), "num_evals": tuner.rates.size}
        assert asked == {"lr_space": (1e-4, 10), "num_evals": 9} | {k: v for k, v in chosen.items() if k != "scale"}


def test_a_loss_that_no_rate_changes_widens_nothing(linear):
    model, data = linear
    other = keras.models.clone_model(model)
    other.compile("sgd", lambda y, p: 0 * keras.ops.sum(p, axis=-1))
    assert run(other, *data(1)).rates.size == 9


def test_the_batches_of_a_generator_are_used_again(linear):
    model, data = linear
    x, y = data(80)
    batches = [(x[i : i + 16], y[i : i + 16]) for i in range(0, 256, 16)]
    tuner = run(model, cycle(batches))
    again = run(model, cycle(batches), lr_space=(1e-6, 10), num_evals=12)
    np.testing.assert_array_equal(tuner.deltas, again.deltas)


def test_a_widened_run_is_saved_and_continued(linear, tmp_path):
    model, data = linear
    whole = run(model, *data(80))
    begun = LRTuner(model, *data(80), **SHORT)
    begun.step()
    begun.saved_run.write(tmp_path / "run.json")
    again = LRTuner(model, *data(80), **SHORT).restored(SavedRun.read(tmp_path / "run.json"))
    list(again)
    np.testing.assert_array_equal(again.deltas, whole.deltas)
