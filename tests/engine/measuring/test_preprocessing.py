"""Models like those of keras_hub, whose `fit` preprocesses the data."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from autolr_widget import AutoLRTuner, LRTuner

pytestmark = pytest.mark.trains


class PipelineModel(keras.Model):
    """Does to its data what keras_hub's class of this name does."""

    __module__ = "keras_hub.src.utils.pipeline_model"

    def preprocess_samples(self, x, y=None, sample_weight=None):
        return keras.utils.pack_x_y_sample_weight(x, y, sample_weight)

    def fit(self, x=None, y=None, batch_size=None, sample_weight=None, **arguments):
        if not isinstance(x, tf.data.Dataset):
            data = keras.utils.pack_x_y_sample_weight(x, y, sample_weight)
            x = tf.data.Dataset.from_tensor_slices(data).batch(batch_size)
        return super().fit(x.map(self.preprocess_samples), shuffle=False, **arguments)

    def train_on_batch(self, x, y=None, sample_weight=None, **arguments):
        data = self.preprocess_samples(x, y, sample_weight)
        return super().train_on_batch(*keras.utils.unpack_x_y_sample_weight(data), **arguments)

    def __call__(self, *arguments, **named):
        if not getattr(self, "_in_pipeline_execution", False):
            raise RuntimeError("keras_hub warns of this")
        return super().__call__(*arguments, **named)


class Task(PipelineModel):
    """A functional model with a preprocessor. Its targets are part of its inputs."""

    def __init__(self, preprocessor):
        inputs = keras.Input((3,))
        super().__init__(inputs=inputs, outputs=keras.layers.Dense(1)(inputs))
        self.preprocessor = preprocessor

    def preprocess_samples(self, x, y=None, sample_weight=None):
        return self.preprocessor(x, y, sample_weight)


def parsed(x, y=None, sample_weight=None):
    """Read three numbers from a string, of which the first is the target, and scale them."""
    numbers = tf.strings.to_number(tf.strings.split(x, " ").to_tensor())
    return numbers / 10, numbers[:, :1] * 5, sample_weight


def shuffled(x, y=None, sample_weight=None):
    return tf.random.shuffle(parsed(x)[0]), parsed(x)[1], sample_weight


def make(preprocessor=parsed, kind=Task):
    keras.utils.set_random_seed(0)
    model = kind(preprocessor)
    model.compile("sgd", "mse")
    return model


NUMBERS = np.random.default_rng(0).uniform(-1, 1, (48, 3)).round(3)
LINES = [" ".join(map(str, row)) for row in NUMBERS]
SETTINGS = {"lr_space": (1e-2, 1e-1), "num_evals": 2, "num_subsamples": 1, "batch_size": 8}


def batches():
    return tf.data.Dataset.from_tensor_slices(tf.constant(LINES)).batch(8)


@pytest.mark.parametrize("horizon", [1, 4])
def test_each_batch_is_preprocessed_as_fit_does(horizon):
    tuner = LRTuner(make(), batches(), **SETTINGS, horizon=horizon, evaluate_on="train")
    truth = []
    seen = batches().take(horizon)
    for rate in [0.0, *tuner.rates]:
        model = make()
        model._in_pipeline_execution = True
        model.optimizer.learning_rate = rate
        model.fit(seen, verbose=0)
        model.optimizer.learning_rate = 0.0
        truth.append(model.fit(seen, verbose=0).history["loss"][0])
    np.testing.assert_allclose(tuner.step().deltas, np.subtract(truth[1:], truth[0]), rtol=1e-4)


def scaled(x, y=None, sample_weight=None):
    return x / 10, y * 5, sample_weight


def test_arrays_and_validation_data_are_preprocessed_too():
    arrays = {"x": NUMBERS.astype("float32"), "y": NUMBERS[:, :1].astype("float32")}
    given = {"validation_data": tuple(arrays.values()), "evaluate_on": "validation", "horizon": 2}
    plain = {"x": arrays["x"] / 10, "y": arrays["y"] * 5}
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    expected = LRTuner(model, **plain, **given | {"validation_data": tuple(plain.values())}, **SETTINGS).step()
    found = LRTuner(make(scaled), **arrays, **given, **SETTINGS).step()
    np.testing.assert_allclose(found.deltas, expected.deltas, rtol=1e-5)
    assert found.loss == pytest.approx(expected.loss)


def test_autolrtuner_preprocesses_too():
    found = []
    for factor in (1, 5):
        tuner = AutoLRTuner(make(lambda x, y, w=None, f=factor: (x, y * f, w)))
        tuner.Tune(NUMBERS.astype("float32"), NUMBERS[:, 0].astype("float32"), num_subsamples=1, num_evals=3)
        found.append(tuner.GetResults().to_numpy())
    assert not np.allclose(*found)


class OwnFit(Task):
    def fit(self, *arguments, **named):
        return super().fit(*arguments, **named)


@pytest.mark.parametrize(
    ("model", "data", "message"),
    [
        (lambda: make(shuffled), {}, r"preprocessor with random numbers\. Received: operations RandomShuffle"),
        (lambda: make(kind=OwnFit), {}, "must train by Keras's own `fit`"),
        (make, {"class_weight": {0: 1.0}}, r"`class_weight` must be None .* Pass `sample_weight`"),
    ],
)
def test_what_can_not_be_preprocessed_step_by_step_is_refused(model, data, message):
    with pytest.raises(ValueError, match=message):
        LRTuner(model(), batches(), **data, **SETTINGS, horizon=2).step()


def test_what_the_message_says_helps():
    model = make(lambda x, y=None, sample_weight=None: (x, y))
    tuner = LRTuner(model, batches().map(shuffled), **SETTINGS, horizon=2)
    assert np.isfinite(tuner.step().deltas).all()
