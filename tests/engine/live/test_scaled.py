"""Schedules that are steered."""

import gc

import keras
import numpy as np
import pytest
from keras.optimizers import SGD, Adam, schedules

from autolr_widget.engine.live.callback import LiveCallback
from autolr_widget.engine.live.scaled import rises, stand_in
from autolr_widget.engine.reading.warm_up import WarmUp
from tests.engine.live.test_callback import Recorder, fit

# Keras warns of itself when it saves a model.
pytestmark = [
    pytest.mark.trains,
    pytest.mark.inside,
    pytest.mark.filterwarnings("ignore:__array__ implementation"),
]

EXPONENTIAL = schedules.ExponentialDecay(0.5, 3, 0.5)
COSINE = schedules.CosineDecay(0.1, 20, alpha=0.1, warmup_target=0.4, warmup_steps=5)
KNOWN = {
    "exponential": EXPONENTIAL,
    "cosine": COSINE,
    "restarts": schedules.CosineDecayRestarts(0.5, 4, t_mul=1.0, m_mul=0.5, alpha=0.1),
    "inverse": schedules.InverseTimeDecay(0.5, 3, 0.5),
    "piecewise": schedules.PiecewiseConstantDecay([2, 6], [0.5, 0.2, 0.1]),
    "polynomial": schedules.PolynomialDecay(0.5, 10, 0.1),
    "warm up": WarmUp(schedules.PolynomialDecay(0.5, 20, 0.1), 5, 0.02),
}


class Own(schedules.LearningRateSchedule):
    """Another schedule, times a factor from a step on."""

    def __init__(self, schedule, factor=1.0, begin=0):
        self.schedule, self.factor, self.begin = schedule, factor, begin

    def __call__(self, step):
        return self.schedule(step) * keras.ops.where(step >= self.begin, self.factor, 1.0)


def at(schedule, steps):
    return [float(schedule(step)) for step in steps]


def steer_at(number, rate):
    return Recorder(lambda batch, steering: steering.rates.append(rate) if batch == number else None)


@pytest.mark.parametrize(
    ("optimizer", "schedule", "at_once", "jit"),
    [(SGD, EXPONENTIAL, 1, False), (SGD, COSINE, 4, False), (Adam, EXPONENTIAL, 4, True), (Adam, COSINE, 1, False)],
)
def test_a_training_without_steering_equals_plain_fit(make_model, digits, optimizer, schedule, at_once, jit):
    found = []
    for recorder in (None, Recorder()):
        model = make_model()
        model.compile(optimizer(schedule), model.loss, steps_per_execution=at_once, jit_compile=jit)
        keras.utils.set_random_seed(5)
        first = fit(model, digits, recorder, epochs=3)[0]
        assert model.optimizer._learning_rate is schedule
        # A second training of the same model, whose step has been traced.
        found.append((first, fit(model, digits, recorder)[0], model.get_weights(), model.optimizer.variables))
    (*plain, weights, variables), (*watched, other, other_variables) = found
    assert plain == watched
    for one, two in zip([*weights, *variables], [*other, *other_variables], strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize(
    ("schedule", "at_once", "trained_before"),
    [(EXPONENTIAL, 1, False), (COSINE, 4, False), (COSINE, 1, True), (EXPONENTIAL, 4, True)],
)
def test_a_steered_schedule_goes_on_scaled(make_model, digits, schedule, at_once, trained_before):
    begin = 12 if trained_before else 0
    factor = 0.3 / float(schedule(begin + 4))
    recorder = steer_at(4 // at_once, 0.3)
    weights = []
    for own, watcher in ((schedule, recorder), (Own(schedule, factor, begin + 4), None)):
        model = make_model()
        model.compile(SGD(own), model.loss, steps_per_execution=at_once)
        keras.utils.set_random_seed(5)
        if trained_before:
            fit(model, digits, epochs=3)
        _, rates = fit(model, digits, watcher, epochs=3)
        weights.append((rates, model.get_weights()))
    (rates, steered), (_, expected) = weights
    assert recorder.only("steered") == [(0.3, 4 // at_once)]
    ends = begin + np.arange(at_once, 13, at_once)
    # The rate is set between the fourth batch and the next one.
    assert rates == pytest.approx([float(schedule(i)) * (factor if i > begin + 4 else 1) for i in ends])
    for one, two in zip(steered, expected, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-6)


def test_steering_twice_does_not_multiply_the_factors(make_model, digits):
    chosen = {2: [0.2], 5: [0.1]}
    recorder = Recorder(lambda batch, steering: steering.rates.extend(chosen.get(batch, [])))
    model = make_model(SGD(EXPONENTIAL))
    _, rates = fit(model, digits, recorder)
    second, third = 0.2 / EXPONENTIAL(2), 0.1 / EXPONENTIAL(5)
    assert rates[2:5] == pytest.approx([float(EXPONENTIAL(i) * second) for i in (3, 4, 5)])
    assert rates[5:] == pytest.approx([float(EXPONENTIAL(i) * third) for i in (6, 7, 8)])


@pytest.mark.parametrize("schedule", KNOWN.values(), ids=KNOWN)
def test_the_scaled_schedule_is_left_and_saved_with_the_model(make_model, digits, schedule, tmp_path):
    during, after = tmp_path / "during.keras", tmp_path / "after.keras"
    model = make_model(SGD(schedule))

    def steer_and_save(batch, steering):
        if batch == 2:
            steering.rates.append(1.0)
        if batch == 3:
            model.save(during)

    fit(model, digits, Recorder(steer_and_save))
    left = model.optimizer._learning_rate
    assert type(left) is type(schedule)
    factor = 1 / float(schedule(2))
    expected = [factor * rate for rate in at(schedule, range(25))]
    assert at(left, range(25)) == pytest.approx(expected)
    model.save(after)
    for path in (during, after):
        loaded = keras.models.load_model(path).optimizer._learning_rate
        assert type(loaded) is type(schedule)
        assert at(loaded, range(25)) == pytest.approx(expected)


def test_a_model_that_is_saved_before_it_is_steered_has_the_schedule(make_model, digits, tmp_path):
    model = make_model(SGD(COSINE))
    fit(model, digits, Recorder(lambda batch, steering: model.save(tmp_path / "model.keras") if batch == 2 else None))
    loaded = keras.models.load_model(tmp_path / "model.keras").optimizer._learning_rate
    assert type(loaded) is schedules.CosineDecay
    assert loaded.get_config() == COSINE.get_config()


def test_plain_fit_goes_on_with_the_scaled_schedule(make_model, digits):
    model, other = (make_model(SGD(EXPONENTIAL)) for _ in range(2))
    fit(model, digits, steer_at(2, 0.0125))
    fit(other, digits)
    assert not np.allclose(model.get_weights()[0], other.get_weights()[0])
    other.set_weights(model.get_weights())
    other.compile(SGD(model.optimizer._learning_rate), other.loss)
    other.optimizer.iterations.assign(8)
    # The graph of the training step still reads the factor.
    gc.collect()
    for each in (model, other):
        keras.utils.set_random_seed(5)
        fit(each, digits)
    for one, two in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_beside_early_stopping(make_model, digits):
    x, y = digits
    model = make_model(SGD(COSINE))
    recorder = steer_at(2, 0.2)
    rates = []
    own = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: rates.append(float(model.optimizer.learning_rate)))
    stopping = keras.callbacks.EarlyStopping("loss", min_delta=100, patience=1, restore_best_weights=True)
    model.fit(x[:128], y[:128], epochs=9, verbose=0, callbacks=[stopping, LiveCallback(recorder), own])
    factor = 0.2 / COSINE(2)
    assert rates == pytest.approx([float(COSINE(4) * factor), float(COSINE(8) * factor)])
    assert type(model.optimizer._learning_rate) is schedules.CosineDecay


def test_a_training_after_one_that_an_error_ended(make_model, digits):
    def steer_and_fail(batch, steering):
        if batch == 1:
            steering.rates.append(0.2)
        if batch == 3:
            raise RuntimeError("mine")

    model = make_model(SGD(EXPONENTIAL))
    with pytest.raises(RuntimeError, match="mine"):
        fit(model, digits, Recorder(steer_and_fail))
    factor = 0.2 / float(EXPONENTIAL(1))
    assert float(model.optimizer.learning_rate) == pytest.approx(factor * float(EXPONENTIAL(3)))
    fit(model, digits, Recorder())
    left = model.optimizer._learning_rate
    assert type(left) is schedules.ExponentialDecay
    assert left.initial_learning_rate == pytest.approx(factor * 0.5)


def test_the_schedule_inside_of_a_loss_scale_optimizer(make_model, digits):
    model = make_model(keras.optimizers.LossScaleOptimizer(SGD(EXPONENTIAL)))
    recorder = steer_at(2, 0.2)
    _, rates = fit(model, digits, recorder)
    assert recorder.only("steered") == [(0.2, 2)]
    assert rates[3] == pytest.approx(0.2 * float(EXPONENTIAL(4) / EXPONENTIAL(2)))
    assert type(model.optimizer.inner_optimizer._learning_rate) is schedules.ExponentialDecay


def test_a_schedule_at_0_is_not_scaled(make_model, digits):
    warmup = schedules.CosineDecay(0.0, 20, warmup_target=0.4, warmup_steps=5)
    recorder = Recorder()
    began = recorder.began
    recorder.began = lambda *told: (steering := began(*told), steering.rates.extend([0.1]))[0]
    model = make_model(SGD(warmup))
    fit(model, digits, recorder)
    ((why,),) = recorder.only("refused")
    assert "at 0" in why
    assert model.optimizer._learning_rate is warmup


def test_a_rate_that_no_float_can_hold_leaves_the_schedule_as_it_is(make_model, digits):
    recorder = steer_at(2, 1e-50)
    model = make_model(SGD(EXPONENTIAL))
    _, rates = fit(model, digits, recorder)
    ((why,),) = recorder.only("refused")
    assert "can't hold" in why
    assert rates == pytest.approx(at(EXPONENTIAL, range(1, 9)))


def test_a_schedule_of_another_class_is_not_scaled(make_model, digits):
    own = Own(EXPONENTIAL)
    recorder = steer_at(2, 0.1)
    model = make_model(SGD(own))
    _, rates = fit(model, digits, recorder)
    ((why,),) = recorder.only("refused")
    assert "schedule" in why
    assert rates == pytest.approx(at(EXPONENTIAL, range(1, 9)))
    assert model.optimizer._learning_rate is own


@pytest.mark.skipif(not hasattr(keras.optimizers, "MultiOptimizer"), reason="Keras 3.5 has no MultiOptimizer")
@pytest.mark.parametrize("schedule_first", [False, True])
def test_if_one_of_several_optimizers_is_at_0_no_rate_is_changed(make_model, digits, schedule_first):
    warmup = schedules.CosineDecay(0.0, 20, warmup_target=0.4, warmup_steps=5)
    first, last = (SGD(warmup), SGD(0.1)) if schedule_first else (SGD(0.1), SGD(warmup))
    # That of the map comes before the default.
    several = keras.optimizers.OptimizerMap(last, {".*bias": first})
    recorder = Recorder()
    began = recorder.began
    recorder.began = lambda *told: (steering := began(*told), steering.rates.append(0.2))[0]
    model = make_model(keras.optimizers.MultiOptimizer(several))
    x, y = digits
    model.fit(x[:128], y[:128], verbose=0, callbacks=[LiveCallback(recorder)])
    assert len(recorder.only("refused")) == 1
    now = sorted(float(part.learning_rate) for part in model.optimizer.optimizers)
    assert now == pytest.approx([0.1, float(warmup(4))])


@pytest.mark.parametrize(
    ("schedule", "step", "steps", "rising"),
    [
        (EXPONENTIAL, 0, 100, False),
        (COSINE, 0, 20, True),
        (COSINE, 0, 0, False),
        (COSINE, 5, 15, False),
        (KNOWN["restarts"], 3, 10, True),
        (Own(EXPONENTIAL, 4.0, 50), 0, 100, False),
        (0.1, 0, 100, False),
    ],
)
def test_whether_a_schedule_rises(schedule, step, steps, rising):
    optimizer = SGD(schedule)
    optimizer.iterations.assign(step)
    assert rises(optimizer, steps) == rising


def test_a_schedule_that_is_steered_rises_as_it_is(make_model):
    optimizer = SGD(COSINE)
    stand_in(optimizer)
    assert rises(optimizer, 20)
