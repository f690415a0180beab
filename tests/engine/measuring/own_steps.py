"""Models with a `train_step` of their own, and real training of a twin, which is the judge."""

import keras
import numpy as np
import tensorflow as tf

from autolr_widget import LRTuner

X = np.random.default_rng(0).normal(size=(60, 6)).astype("float32")
RATE = 0.03


class Own(keras.Model):
    """A network with two halves, whose `train_step` the subclasses write."""

    def __init__(self):
        super().__init__()
        self.encoder = keras.layers.Dense(3, "tanh")
        self.decoder = keras.layers.Dense(6)
        self.average = tf.Variable(np.zeros((6, 3), "float32"), trainable=False)
        self.tracker = keras.metrics.Mean(name="loss")

    def call(self, x):
        return self.decoder(self.encoder(x))

    def error(self, x):
        return keras.ops.mean((self(x, training=True) - x) ** 2)


class OneTape(Own):
    def train_step(self, data):
        with tf.GradientTape() as tape:
            loss = self.error(data)
        gradients = tape.gradient(loss, self.trainable_variables)
        gradients, _ = tf.clip_by_global_norm(gradients, 0.5)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        self.average.assign(0.9 * self.average + 0.1 * self.encoder.kernel)
        self.tracker.update_state(loss)
        return {"loss": self.tracker.result()}


def made(kind, **compiled):
    keras.utils.set_random_seed(0)
    model = kind()
    model(X[:2])
    model.compile(**{"optimizer": keras.optimizers.Adam(RATE)} | compiled)
    return model


def train(model, batch):
    # `train_on_batch` passes a tuple, and `fit` the array.
    model.fit(batch, batch_size=len(batch), verbose=0)


def trained(model, batches, recorded):
    """The losses of real steps: ``recorded`` makes the loss of a batch before the step on it."""
    losses = []
    for batch in batches:
        losses.append(float(recorded(model, batch)))
        train(model, batch)
    return losses


def curve(model, horizon=9, **arguments):
    tuner = LRTuner(model, X, lr_space=(RATE, 1.0), num_evals=2, batch_size=10, horizon=horizon, **arguments)
    draw = tuner.observations.draw(10, 42, 0, horizon)
    return tuner.step().curves[0], [draw(step) for step in range(horizon)], tuner
