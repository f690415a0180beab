import numpy as np
import pytest

from autolr_widget.engine.live.losses import MOST, Losses


def record(losses, epochs, mean=False):
    """Add the losses of each batch of some epochs, or the means over the epoch that Keras would report."""
    losses.are_means = mean
    for epoch, values in enumerate(epochs):
        losses.begin_epoch(epoch * len(values))
        for batch, value in enumerate(values):
            losses.add(batch, np.mean(values[: batch + 1]) if mean else value)
        losses.end_epoch()
    return losses.table()


def test_the_losses_of_batches():
    steps, loss, _ = record(Losses(), [[4.0, 3.0], [2.0, 1.0]])
    np.testing.assert_array_equal(steps, [0.5, 1.5, 2.5, 3.5])
    np.testing.assert_array_equal(loss, [4, 3, 2, 1])


def test_the_losses_of_batches_from_the_means_of_the_epochs_so_far():
    steps, loss, _ = record(Losses(), [[4.0, 3.0, 8.0], [2.0, 1.0, 5.0]], mean=True)
    np.testing.assert_array_equal(steps, [0.5, 1.5, 3.5, 4.5])
    np.testing.assert_allclose(
        loss, [4, 3, 2, 1], err_msg="the last batch of an epoch may be smaller, so it is left out"
    )


def test_an_epoch_of_one_batch_has_a_loss():
    _, loss, _ = record(Losses(), [[4.0], [2.0]], mean=True)
    np.testing.assert_array_equal(loss, [4, 2])


def test_batches_between_two_reports_count():
    losses = Losses()
    losses.are_means = True
    losses.begin_epoch(0)
    for batch, mean in ((3, 5.0), (7, 4.0), (11, 3.0)):
        losses.add(batch, mean)
    losses.end_epoch()
    steps, loss, _ = losses.table()
    np.testing.assert_array_equal(steps, [2, 6])
    np.testing.assert_array_equal(loss, [5, 3])


@pytest.mark.parametrize("count", [MOST, MOST + 1, 10_000])
def test_long_trainings_have_few_points_with_the_right_means(count):
    losses = Losses()
    losses.rate = 0.5
    steps, loss, rate = record(losses, [np.arange(count, dtype=float)])
    assert MOST / 2 <= len(steps) <= MOST
    # The loss is the step's number, so the mean over a stretch is its middle.
    np.testing.assert_allclose(loss, steps - 0.5, rtol=1e-6)
    assert (rate == 0.5).all()


def test_losses_that_are_not_finite_stay_so():
    _, loss, _ = record(Losses(), [[1.0, np.nan, 1e200]])
    np.testing.assert_array_equal(loss, np.array([1, np.nan, 1e30], dtype="float32"))


def test_nothing_yet():
    assert Losses().table().shape == (3, 0)
