import pytest

from autolr_widget.engine.reading.schedule import cosine_restarts


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
