import re
import subprocess
import sys

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolr_widget.engine.reading.schedule import KINDS, cosine_restarts, schedule


@given(
    kind=st.sampled_from([kind for kind in KINDS if kind != "restarts"]),
    max_lr=st.floats(1e-6, 10),
    steps_per_epoch=st.integers(1, 20),
    epochs=st.floats(1, 5),
    part=st.none() | st.floats(0, 0.9),
)
def test_a_schedule_rises_to_the_rate_once_and_falls_to_zero(kind, max_lr, steps_per_epoch, epochs, part):
    warmup = None if part is None else part * epochs
    chosen = schedule(kind, max_lr, steps_per_epoch, epochs, warmup)
    steps = round(epochs * steps_per_epoch)
    rates = np.array([float(chosen(step)) for step in (*range(steps), steps + 1)])
    if warmup is None:
        warmup = 0.3 * epochs if kind == "one-cycle" else 0
    top = round(warmup * steps_per_epoch)
    if top < steps:
        assert rates[top] == pytest.approx(max_lr, rel=1e-5)
    assert rates.max() <= max_lr * (1 + 1e-5)
    # The last of them is behind the end, though the warm-up may last until there.
    assert (np.diff(rates[: min(top + 1, steps)]) > 0).all()
    assert (np.diff(rates[top:]) < 0).all()
    assert rates[-1] == pytest.approx(0, abs=1e-6 * max_lr)
    if top > 0:
        assert rates[0] == pytest.approx(max_lr / 25, rel=1e-5)


def test_linear_and_cosine_have_half_of_the_rate_in_the_middle_and_differ_before():
    linear, cosine = (schedule(kind, 0.4, 100, epochs=2) for kind in ("linear", "cosine"))
    assert [float(linear(100)), float(cosine(100))] == pytest.approx([0.2, 0.2])
    assert [float(linear(50)), float(cosine(50))] == pytest.approx([0.3, 0.2 * (1 + np.cos(np.pi / 4))])


def test_restarts_may_rise_first_and_follow_their_schedule_then():
    plain, risen = schedule("restarts", 0.4, 10), schedule("restarts", 0.4, 10, warmup=0.5)
    assert float(risen(2)) == pytest.approx(0.4 * (1 + 24 * 2 / 5) / 25)
    assert [float(risen(step)) for step in range(5, 90)] == [float(plain(step)) for step in range(85)]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"kind": "step"}, "`kind` must be one of 'cosine', 'linear'"),
        ({"kind": "cosine"}, "`epochs` must say for how many epochs you will train"),
        ({"kind": "restarts", "epochs": 3}, "`epochs` must be None: this schedule has no end"),
        ({"kind": "linear", "epochs": 0}, "`epochs` must be a number above 0, and at most 1,000,000"),
        ({"kind": "linear", "epochs": 1e300}, "`epochs` must be a number above 0, and at most 1,000,000"),
        ({"kind": "linear", "epochs": float("nan")}, "`epochs` must be a number above 0, and at most 1,000,000"),
        ({"kind": "linear", "epochs": "3"}, "`epochs` must be a number above 0, and at most 1,000,000"),
        ({"kind": "linear", "epochs": 3, "warmup": "1"}, "`warmup` must be a number of at least 0, and less than"),
        ({"kind": "linear", "epochs": 3, "steps_per_epoch": 0}, "`steps_per_epoch` must be an integer of at least 1"),
        ({"kind": "linear", "epochs": 3, "steps_per_epoch": 2.5}, "`steps_per_epoch` must be an integer of at least 1"),
        (
            {"kind": "linear", "epochs": 3, "warmup": 3},
            "`warmup` must be a number of at least 0, and less than `epochs`",
        ),
        ({"kind": "restarts", "warmup": -1}, "`warmup` must be a number of at least 0"),
    ],
)
def test_what_cannot_be_used_is_named(arguments, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        schedule(max_lr=0.1, **{"steps_per_epoch": 10} | arguments)


@pytest.mark.slow
# Keras itself causes this warning when it saves the variables of an optimizer.
@pytest.mark.filterwarnings("ignore:__array__ implementation")
@pytest.mark.parametrize(
    ("kind", "first"), [("one-cycle", "import autolr_widget"), ("linear", "from autolr_widget import WarmUp")]
)
def test_a_model_is_saved_and_loaded_with_its_schedule(tmp_path, kind, first):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(schedule(kind, 0.4, 8, epochs=2, warmup=1)), "mse")
    model.fit(np.ones((8, 2)), np.zeros((8, 1)), batch_size=1, verbose=0)
    model.save(tmp_path / "model.keras")
    code = f"""
{first}
import sys, keras
optimizer = keras.models.load_model(sys.argv[1]).optimizer
print(int(optimizer.iterations), float(optimizer.learning_rate))
"""
    command = [sys.executable, "-c", code, str(tmp_path / "model.keras")]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert [int(loaded[0]), float(loaded[1])] == [8, pytest.approx(0.4)]


def test_periods_grow_and_restart_below_the_first_rate():
    schedule = cosine_restarts(0.5, steps_per_epoch=10, stepsize=2, t_mul=3.0, m_mul=0.9, alpha=0.1)
    assert float(schedule(0)) == 0.5
    assert float(schedule(10)) == pytest.approx(0.5 * (1 + 0.1) / 2, rel=1e-4)
    assert float(schedule(20)) == pytest.approx(0.5 * (0.9 * 0.9 + 0.1), rel=1e-4)
    assert float(schedule(80)) == pytest.approx(0.5 * (0.9 * 0.9**2 + 0.1), rel=1e-4)


def test_by_default_periods_double_and_restart_at_90_percent():
    config = cosine_restarts(0.1, steps_per_epoch=50).get_config()
    names = ("initial_learning_rate", "first_decay_steps", "t_mul", "m_mul", "alpha")
    assert [config[name] for name in names] == [0.1, 200, 2.0, 0.9, 1e-8]
