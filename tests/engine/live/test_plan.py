import math

import numpy as np
import pytest

from autolr_widget.engine.live.plan import NARROW, WIDE, Plan


def looks(plan, losses, steps=100):
    """Look whenever it is due, and return the epochs, and the steps at each rate that these looks may take."""
    found = []
    for loss in losses:
        if plan.is_due:
            chosen = plan.look()
            found.append((plan.epoch, chosen and (len(chosen[0]), chosen[1])))
        plan.epoch_ended(steps, loss)
    return found


FALLING = np.arange(20.0, 0, -1)
#: The lowest is that of the fifth epoch.
FLAT = np.maximum(FALLING, 16)


def test_a_loss_that_falls_has_a_look_before_the_first_batch_and_one_near_the_end():
    assert [epoch for epoch, _ in looks(Plan("plateau", 20, 1000), FALLING, 1000)] == [0, 15]


def test_a_plateau_is_a_tenth_of_the_epochs_without_a_lower_loss():
    assert [epoch for epoch, _ in looks(Plan("plateau", 20, 1000), FLAT, 1000)] == [0, 7, 9, 11, 13, 15, 17, 19]
    long = np.repeat(FLAT[:5], [1, 1, 1, 1, 36])
    assert [epoch for epoch, _ in looks(Plan("plateau", 40, 1000), long, 1000)][:3] == [0, 9, 13]


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_is_a_plateau(loss):
    assert [epoch for epoch, _ in looks(Plan("plateau", 20, 1000), [loss] * 5, 1000)] == [0, 2, 4]


def test_where_there_is_a_validation_loss_only_its_epochs_count():
    plan, since = Plan("plateau", 20, 1000), []
    # The training loss of the first epoch is lower than all validation losses.
    losses = [(0.1, None), (0.09, 0.5), (0.08, None), (0.07, 0.4), (0.06, None), (0.05, 0.4), (0.04, None), (0.03, 0.4)]
    plan.look()
    for loss, val_loss in losses:
        plan.epoch_ended(1000, loss, val_loss)
        since.append(plan.may_lower)
    assert since == [False] * 7 + [True]


def test_a_look_after_each_so_many_epochs():
    assert [epoch for epoch, _ in looks(Plan(6, 20, 1000), FALLING, 1000)] == [0, 6, 12, 18]


@pytest.mark.parametrize("when", ["plateau", 1, 3])
@pytest.mark.parametrize(("epochs", "steps"), [(20, 100), (20, 37), (8, 1000), (300, 11), (100, 1), (1, 5000), (2, 7)])
@pytest.mark.parametrize("losses", [FALLING, FLAT])
@pytest.mark.parametrize("unit", [1, 4])
def test_the_looks_cost_at_most_a_tenth(when, epochs, steps, losses, unit):
    plan = Plan(when, epochs, steps, unit)
    losses = [*np.resize(losses, epochs)]
    chosen = [each for _, each in looks(plan, losses, steps) if each]
    assert sum(rates * horizon for rates, horizon in chosen) <= epochs * steps / 10
    assert all(10 <= horizon <= 55 and horizon % unit == 0 for _, horizon in chosen)
    assert all(rates in (len(WIDE), len(NARROW)) for rates, _ in chosen)


def test_a_first_look_takes_half_of_it_and_a_late_look_the_rest():
    assert looks(Plan("plateau", 20, 50), FALLING, 50) == [(0, (5, 10)), (15, (2, 25))]
    assert looks(Plan("plateau", 20, 200), FALLING, 200) == [(0, (5, 40)), (15, (5, 40))]


def test_few_steps_are_all_for_the_first_look_and_fewer_are_not_enough():
    assert looks(Plan("plateau", 10, 50), FALLING[:10], 50)[0] == (0, (5, 10))
    assert looks(Plan("plateau", 10, 49), FALLING[:10], 49) == [(0, None), (8, (2, 24))]
    assert looks(Plan("plateau", 10, 10), FALLING[:10], 10) == [(0, None)]
    assert looks(Plan("plateau", 20, 42, unit=4), FALLING, 42) == [(0, (5, 12)), (15, (2, 12))]


def test_early_looks_leave_steps_for_late_ones():
    assert looks(Plan(1, 20, 50), FALLING, 50) == [(0, (5, 10)), (8, (2, 10)), (15, (2, 15))]


def test_a_training_of_unknown_length_is_looked_at_after_its_first_epoch():
    plan = Plan("plateau", 20, None)
    assert not plan.is_due
    plan.epoch_ended(100, 1.0)
    assert plan.is_due
    assert plan.is_first
    assert plan.allowed == 100
    assert plan.look() is not None
    assert plan.steps_left == 1900


def test_the_rate_is_lowered_at_first_on_a_plateau_and_near_the_end():
    plan = Plan(1, 20, 1000)
    may = []
    for loss in FLAT.tolist():
        may.append(plan.may_lower)
        if plan.is_due:
            plan.look()
        plan.epoch_ended(1000, loss)
    assert may == [True] + [False] * 6 + [True] * 13
    plan = Plan(1, 20, 1000)
    plan.look()
    for loss in FALLING[:15]:
        assert not plan.may_lower
        plan.epoch_ended(1000, loss)
    assert plan.may_lower


@pytest.mark.parametrize(
    ("steps", "horizon", "unit", "longer"),
    [
        # A tenth of 1,024 steps is 102, of which the look has taken 50.
        (1024, 10, 1, 27),
        (1024, 10, 4, 24),
        # It would not be twice as many.
        (760, 10, 1, None),
        # Twice as many would be more than the most.
        (4000, 40, 1, 55),
        (8000, 55, 1, None),
        (4000, 40, 4, 52),
    ],
)
def test_a_look_goes_on_with_what_is_left(steps, horizon, unit, longer):
    plan = Plan("plateau", 16, steps / 16, unit)
    plan._spent = 5 * horizon
    assert plan.further(horizon, 3) == longer
    assert plan._spent == 5 * horizon + (3 * (longer - horizon) if longer else 0)
    assert plan._spent <= steps / 10
