import pytest
import tensorflow as tf

from autolr_widget.engine.measuring.line import line_through


@pytest.mark.parametrize(
    ("step", "straight"),
    [
        (lambda rate: [tf.ones(3) - rate * tf.range(3.0)], True),
        (lambda rate: [tf.ones(3) * 1e-20, tf.ones(2) - rate * 1e-12], True),
        (lambda rate: [tf.ones(3) * tf.minimum(rate, 0.3)], False),
        (lambda rate: [tf.ones(3) * tf.minimum(rate, 0.9)], False),
        (lambda rate: [tf.ones(3) * rate**1.01], False),
        (lambda rate: [tf.ones(3), tf.stack([rate, float("nan")])], False),
        (lambda rate: [tf.ones(3) * 1e38 * rate * 1e2], False),
    ],
)
def test_line_through_detects_whether_the_path_is_straight(step, straight):
    line = line_through(step, tf.constant(1e-6), tf.constant(1.0))
    assert bool(line.is_straight) is straight
