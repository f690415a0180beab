import threading

import keras
import numpy as np
import pytest

from autolr_widget.engine.live import callback as module
from autolr_widget.engine.live.callback import LiveCallback
from autolr_widget.engine.live.watcher import Steering


class Recorder:
    """Writes down what a training tells, and what its optimizer's rate is at each batch."""

    def __init__(self, after_batch=lambda number, steering: None):
        self.after_batch = after_batch
        self.told = []
        self.looks = []
        self.losses = []
        self.batches = []
        self.means = False

    def began(self, epochs, steps, rate):
        self.told.append(("began", epochs, steps, pytest.approx(rate)))
        self.steering = Steering()
        return self.steering

    def epoch_began(self, epoch):
        self.told.append(("epoch began", epoch))

    def reports_means(self):
        self.means = True

    def batch_ended(self, batch, loss):
        self.losses.append(loss)
        self.batches.append(batch)
        self.after_batch(len(self.batches), self.steering)

    def epoch_ended(self, epoch, loss, val_loss):
        self.told.append(("epoch ended", epoch, val_loss))

    def looked(self, rate):
        self.looks.append(rate)

    def steered(self, rate):
        self.told.append(("steered", rate, len(self.batches)))

    def refused(self, why):
        self.told.append(("refused", why))

    def look_began(self):
        self.told.append(("look began",))

    def look_ended(self, look, results):
        self.told.append(("look ended", look, results))

    def ended(self):
        self.told.append(("ended",))

    def only(self, name):
        return [each[1:] for each in self.told if each[0] == name]


class RateOfEachBatch(keras.callbacks.Callback):
    """The rate that the optimizer has after each batch."""

    def on_train_begin(self, logs=None):
        self.rates = []

    def on_train_batch_end(self, batch, logs=None):
        self.rates.append(float(self.model.optimizer.learning_rate))


def fit(model, digits, recorder=None, epochs=2, size=128, **options):
    rates = RateOfEachBatch()
    callbacks = [] if recorder is None else [LiveCallback(recorder), rates]
    x, y = digits
    history = model.fit(x[:size], y[:size], epochs=epochs, verbose=0, callbacks=callbacks, **options)
    return history.history, getattr(rates, "rates", None)


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("dropped", [0.0, 0.3])
def test_a_training_without_steering_equals_plain_fit(make_model, digits, mixed, dropped):
    found = []
    for recorder in (None, Recorder()):
        keras.config.set_dtype_policy("mixed_float16" if mixed else "float32")
        try:
            model = make_model("adam", keras.layers.Dropout(dropped, seed=1))
        finally:
            keras.config.set_dtype_policy("float32")
        keras.utils.set_random_seed(5)
        history, _ = fit(model, digits, recorder, validation_split=0.25)
        found.append((history, [*model.get_weights(), *(v.numpy() for v in model.optimizer.variables)]))
    (plain, weights), (watched, other) = found
    assert plain == watched
    for one, two in zip(weights, other, strict=True):
        np.testing.assert_array_equal(one, two)


def test_what_a_training_tells(make_model, digits):
    recorder = Recorder()
    history, _ = fit(make_model(), digits, recorder, validation_split=0.25, batch_size=16)
    assert recorder.told == [
        ("began", 2, 6, 0.01),
        ("epoch began", 0),
        ("epoch ended", 0, history["val_loss"][0]),
        ("epoch began", 1),
        ("epoch ended", 1, history["val_loss"][1]),
        ("ended",),
    ]
    assert recorder.batches == [0, 1, 2, 3, 4, 5] * 2
    assert recorder.losses[5::6] == pytest.approx(history["loss"])
    assert recorder.means
    assert recorder.looks


def test_a_rate_is_set_before_the_next_batch(make_model, digits):
    def steer(number, steering):
        if number == 3:
            steering.rates.append(0.5)

    recorder = Recorder(steer)
    _, rates = fit(make_model(), digits, recorder)
    assert rates == pytest.approx([0.01] * 3 + [0.5] * 5)
    assert recorder.only("steered") == [(0.5, 3)]


def test_with_several_steps_per_execution_a_rate_is_set_before_the_next_of_them(make_model, digits):
    def steer(number, steering):
        if number == 1:
            steering.rates.append(0.5)

    model = make_model()
    model.compile("sgd", model.loss, steps_per_execution=4)
    recorder = Recorder(steer)
    _, rates = fit(model, digits, recorder, batch_size=8, epochs=1)
    # Keras 3.5 tells the first of them, later versions the last.
    assert np.diff(recorder.batches).tolist() == [4, 4, 4]
    assert rates == pytest.approx([0.01] + [0.5] * 3)


def test_the_rate_inside_of_a_loss_scale_optimizer_is_set(make_model, digits):
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = make_model()
    finally:
        keras.config.set_dtype_policy("float32")
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    recorder = Recorder(lambda number, steering: steering.rates.append(0.5) if number == 1 else None)
    fit(model, digits, recorder)
    assert recorder.only("steered") == [(0.5, 1)]
    assert float(model.optimizer.inner_optimizer.learning_rate) == 0.5


def test_a_schedule_is_watched(make_model, digits, monkeypatch):
    monkeypatch.setattr(module, "PERIOD", 0.0)
    schedule = keras.optimizers.schedules.ExponentialDecay(0.5, 1, 0.5)
    recorder = Recorder()
    _, rates = fit(make_model(keras.optimizers.SGD(schedule)), digits, recorder, epochs=1)
    assert recorder.looks == pytest.approx([0.5, 0.25, 0.125, 0.0625])
    assert rates == pytest.approx([0.25, 0.125, 0.0625, 0.03125])


def test_stop_ends_the_training_after_the_batch(make_model, digits):
    def stop(number, steering):
        steering.stopped = number == 3

    recorder = Recorder(stop)
    fit(make_model(), digits, recorder, epochs=5)
    assert recorder.batches == [0, 1, 2]
    assert recorder.told[-1] == ("ended",)


def test_a_paused_training_waits_and_looks_until_it_is_resumed(make_model, digits):
    def pause(number, steering):
        steering.paused = number == 3

    recorder = Recorder(pause)
    model = make_model()
    training = threading.Thread(target=fit, args=(model, digits, recorder))
    held = threading.Event()

    def looked(rate):
        if recorder.steering.paused:
            held.set()

    recorder.looked = looked
    training.start()
    assert held.wait(30)
    held.clear()
    assert held.wait(30), "it looks again and again"
    assert len(recorder.batches) == 3
    recorder.steering.paused = False
    training.join(30)
    assert len(recorder.batches) == 8


def test_a_paused_training_can_be_stopped(make_model, digits):
    recorder = Recorder(lambda number, steering: setattr(steering, "paused", number == 3))
    # Each look of the pause comes after the third batch.
    recorder.looked = lambda rate: setattr(recorder.steering, "stopped", recorder.steering.paused)
    fit(make_model(), digits, recorder)
    assert len(recorder.batches) <= 4
    assert recorder.told[-1] == ("ended",)


def test_losses_of_a_train_step_that_reports_each_batch_are_no_means(digits):
    class Own(keras.Sequential):
        def train_step(self, data):
            return {"loss": self.compute_loss(x=data[0], y=data[1], y_pred=self(data[0], training=True))}

    model = Own([keras.Input((64,)), keras.layers.Dense(10)])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    recorder = Recorder()
    fit(model, digits, recorder)
    assert not recorder.means
