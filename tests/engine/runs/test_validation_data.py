"""With ``evaluate_on="validation"``, the losses are those of `Model.evaluate` on a sample of the validation data."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from autolr_widget import LRTuner, TunerWidget
from autolr_widget.engine.runs.validation_data import VALIDATION_BATCHES, sample
from tests.widget.front_end import one_round

pytestmark = pytest.mark.trains


RATES, HORIZON, BATCH = [0.01, 0.1], 5, 16
SETTINGS = {"lr_space": (0.01, 0.1), "num_evals": 2, "num_subsamples": 2, "horizon": HORIZON, "batch_size": BATCH}
ON_VALIDATION = {**SETTINGS, "evaluate_on": "validation"}


@pytest.fixture
def data(digits):
    x, y = digits
    return (x[:600], y[:600]), (x[600:900], y[600:900]), (x[600:900], y[600:900], np.linspace(0, 2, 300))


def with_statistics():
    """What makes the loss in training another one than the loss in evaluation."""
    return keras.layers.BatchNormalization(momentum=0.5), keras.layers.Dropout(0.3, seed=1)


def true_deltas(make, tuner, seen, horizon):
    """From real training and `test_on_batch`."""
    settings = tuner.settings
    training = tuner.observations.draw(settings.batch_size, settings.seed, 0, horizon)
    losses = []
    # One model for all rates, because Keras traces its steps again for each.
    model = make()
    model.optimizer.build(model.trainable_variables)
    state = [*model.variables, *model.optimizer.variables]
    start = [variable.numpy() for variable in state]
    for rate in [None, *tuner.rates]:
        for variable, value in zip(state, start, strict=True):
            variable.assign(value)
        for step in range(horizon if rate else 0):
            model.optimizer.learning_rate = rate
            model.train_on_batch(*training(step))
        losses.append(np.mean([loss_on(model, batch) for batch in seen]))
    return np.array(losses[1:]) - losses[0]


def loss_on(model, batch):
    # Keras 3.5 returns the mean over all calls so far.
    model.reset_metrics()
    return model.test_on_batch(*batch)


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    ("kind", "horizon"),
    [
        ("arrays", 5),
        ("weighted", 1),
        pytest.param("arrays", 1, marks=SLOW),
        pytest.param("weighted", 5, marks=SLOW),
        pytest.param("stream", 1, marks=SLOW),
        pytest.param("stream", 5, marks=SLOW),
    ],
)
def test_the_losses_are_those_of_evaluate_after_real_training(make_model, data, kind, horizon):
    training, plain, weighted = data

    def make():
        model = make_model("adam", *with_statistics())
        # Statistics that are not those of a new model.
        model.layers[1].moving_mean.assign(np.linspace(-1, 1, 16))
        return model

    given = {"arrays": plain, "weighted": weighted, "stream": tf.data.Dataset.from_tensor_slices(plain).batch(24)}[kind]
    tuner = LRTuner(make(), *training, validation_data=given, **ON_VALIDATION | {"horizon": horizon})
    seen = sample(tuner.validation, BATCH, tuner.settings.seed, 0)
    truth = true_deltas(make, tuner, [seen(index) for index in range(VALIDATION_BATCHES)], horizon)
    round = tuner.step()
    np.testing.assert_allclose(round.deltas, truth, rtol=1e-3, atol=1e-5)
    # Each round has a sample of its own, and all are repeatable.
    again = LRTuner(make(), *training, validation_data=given, **ON_VALIDATION | {"horizon": horizon})
    assert [r.deltas.tolist() for r in again] == [round.deltas.tolist(), tuner.step().deltas.tolist()]
    assert again.rounds[0].loss != again.rounds[1].loss


def test_the_sample_is_smaller_than_a_batch_if_there_is_little_data(make_model, data):
    training, (x, y), _ = data
    tuner = LRTuner(make_model(), *training, validation_data=(x[:10], y[:10]), **ON_VALIDATION)
    seen = sample(tuner.validation, BATCH, 42, 0)(0)
    assert sorted(seen[1].tolist()) == sorted(y[:10].tolist())
    assert np.isfinite(tuner.step().deltas).all()


class OwnStep(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(10, "softmax")

    def call(self, x):
        return self.dense(x)

    def train_step(self, data):
        x, y = data[:2]
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(y, self(x, training=True)))
        self.optimizer.apply(tape.gradient(loss, self.trainable_variables), self.trainable_variables)
        return {"loss": loss}


def test_with_a_step_of_ones_own_it_is_the_loss_of_that_step(data):
    training, plain, _ = data

    def make():
        keras.utils.set_random_seed(0)
        model = OwnStep()
        # Momentum: even a step at a rate of 0 would move the weights.
        model.compile(keras.optimizers.SGD(momentum=0.9))
        model(training[0][:1])
        return model

    tuner = LRTuner(make(), *training, validation_data=plain, **ON_VALIDATION)
    draw, seen = tuner.observations.draw(BATCH, 42, 0, HORIZON), sample(tuner.validation, BATCH, 42, 0)
    losses = []
    for rate in [0.0, *tuner.rates]:
        model = make()
        model.optimizer.learning_rate = rate
        for step in range(HORIZON):
            model.train_on_batch(*draw(step))
        batches = [seen(index) for index in range(VALIDATION_BATCHES)]
        losses.append(np.mean([keras.losses.sparse_categorical_crossentropy(y, model(x)) for x, y in batches]))
    np.testing.assert_allclose(tuner.step().deltas, np.array(losses[1:]) - losses[0], rtol=1e-3, atol=1e-6)


class OwnTestStep(keras.Sequential):
    def test_step(self, data):
        return {"loss": 0.0}


def test_what_can_not_be_measured_is_refused(make_model, data):
    training, (x, y), _ = data
    with pytest.raises(ValueError, match=r'`validation_data` must be given with evaluate_on="validation"'):
        LRTuner(make_model(), *training, **ON_VALIDATION)
    for given, message in [
        (x, r"must be \(x, y\) or .* Argument `y` must not be None"),
        ((x, y[:5]), r"Argument `validation_data` must be \(x, y\) .* must have the same length"),
        ((lambda: x, y), r"Argument `validation_data` must be .* which was not called"),
    ]:
        with pytest.raises(ValueError, match=message):
            LRTuner(make_model(), *training, validation_data=given)
    model = OwnTestStep([keras.Input((64,)), keras.layers.Dense(10)])
    model.compile("sgd", "mse")
    tuner = LRTuner(model, x, np.zeros((300, 10)), validation_data=(x, np.zeros((300, 10))), **ON_VALIDATION)
    with pytest.raises(ValueError, match="overrides `test_step`"):
        tuner.step()


def test_a_saved_run_is_continued_with_the_same_validation_data_only(make_model, data, tmp_path):
    training, plain, weighted = data
    widget = TunerWidget(make_model(), *training, validation_data=plain, **ON_VALIDATION)
    one_round(widget)
    widget.save(tmp_path / "run.json")
    run = widget.run()
    continued = TunerWidget.load(tmp_path / "run.json", make_model(), *training, validation_data=plain)
    np.testing.assert_array_equal(continued.run().deltas, run.deltas)
    with pytest.raises(ValueError, match=r"What differs: the validation data\. To continue it, pass the data"):
        TunerWidget.load(tmp_path / "run.json", make_model(), *training, validation_data=weighted)
    with pytest.raises(ValueError, match=r"`validation_data` must be given"):
        TunerWidget.load(tmp_path / "run.json", make_model(), *training)
    for each in (widget, continued):
        each.close()


def test_the_menu_offers_it_only_if_there_are_validation_data(make_model, data, tmp_path):
    training, plain, _ = data
    without = TunerWidget(make_model(), *training)
    assert "validation" not in menu_of(without)
    widget = TunerWidget(make_model(), *training, validation_data=plain, **SETTINGS)
    assert widget.evaluate_on == "progressive"
    assert menu_of(widget)["validation"] == "the validation data"
    widget.evaluate_on = "validation"
    assert "validation_data=validation_data" in widget._panel.code
    widget.run()
    widget.save(tmp_path / "run.json")
    loaded = TunerWidget.load(tmp_path / "run.json")
    assert "validation" in menu_of(loaded)
    for each in (without, widget, loaded):
        each.close()


def menu_of(widget):
    (control,) = [control for control in widget._panel.settings if control["name"] == "evaluate_on"]
    return control["options"]


def test_NaN_in_the_validation_data_is_named(make_model, data):
    training, _, (x, y, weights) = data
    tuner = LRTuner(make_model(), *training, validation_data=(x, y, np.full_like(weights, np.nan)), **ON_VALIDATION)
    for _ in range(2):
        with pytest.raises(ValueError, match="in `validation_data`, sample_weight has NaN or infinity in"):
            tuner.step()
