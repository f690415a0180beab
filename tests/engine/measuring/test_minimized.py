import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.engine.measuring.own_steps import RATE, Own, curve, made, trained

pytestmark = pytest.mark.trains


class TwoOptimizers(Own):
    """Both halves lower the same loss."""

    def compile(self, **arguments):
        super().compile()
        self.encoder_optimizer = keras.optimizers.Adam(RATE)
        self.decoder_optimizer = keras.optimizers.SGD(0.2)

    def train_step(self, data):
        with tf.GradientTape(persistent=True) as tape:
            loss = self.error(data)
        for optimizer, layer in ((self.encoder_optimizer, self.encoder), (self.decoder_optimizer, self.decoder)):
            weights = layer.trainable_variables
            optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        return {"loss": loss}


def test_the_named_optimizer_is_tuned_and_the_other_keeps_its_rate():
    model = made(TwoOptimizers)
    measured, batches, tuner = curve(model, optimizer="encoder_optimizer")
    assert tuner.tuned_optimizer is model.encoder_optimizer
    assert tuner.data_arguments == "x, optimizer='encoder_optimizer'"
    np.testing.assert_allclose(
        measured, trained(made(TwoOptimizers), batches, lambda model, x: model.error(x)), rtol=2e-6
    )
    assert not model.encoder_optimizer.built
    assert not model.decoder_optimizer.built


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "must name the optimizer whose learning rate is tuned.*'encoder_optimizer', 'decoder_optimizer'"),
        ({"optimizer": "optimizer"}, "must name an optimizer that `train_step` calls.*'encoder_optimizer'"),
        ({"optimizer": "encoder"}, "must name an attribute of the model that is an optimizer.*'decoder_optimizer'"),
        ({"optimizer": "encoder_optimizer", "loss": "mse"}, "must be a key of the dict.*returns 'loss'"),
    ],
)
def test_several_optimizers_need_a_name(arguments, message):
    with pytest.raises(ValueError, match=message):
        curve(made(TwoOptimizers), **arguments)


class Renamed(Own):
    """Only one optimizer steps, but it is not the one of `compile`."""

    def compile(self, **arguments):
        super().compile()
        self.own_optimizer = keras.optimizers.SGD(keras.optimizers.schedules.ExponentialDecay(RATE, 1, 1.0))

    def train_step(self, data):
        with tf.GradientTape() as tape:
            loss = self.error(data)
        weights = self.trainable_variables
        self.own_optimizer.apply(tape.gradient(loss, weights), weights)
        return {"loss": loss}


def test_the_only_optimizer_that_steps_needs_no_name():
    model = made(Renamed)
    measured, batches, tuner = curve(model)
    assert tuner.tuned_optimizer is model.own_optimizer
    np.testing.assert_allclose(measured, trained(made(Renamed), batches, lambda model, x: model.error(x)), rtol=2e-6)


class Adversarial(TwoOptimizers):
    def train_step(self, data):
        with tf.GradientTape() as tape:
            loss = self.error(data)
        weights = self.encoder.trainable_variables
        self.encoder_optimizer.apply(tape.gradient(loss, weights), weights)
        with tf.GradientTape() as tape:
            gain = -self.error(data)
        weights = self.decoder.trainable_variables
        self.decoder_optimizer.apply(tape.gradient(gain, weights), weights)
        return {"loss": loss}


@pytest.mark.parametrize("optimizer", ["encoder_optimizer", "decoder_optimizer"])
def test_adversarial_pairs_are_refused(optimizer):
    with pytest.raises(ValueError, match="that does not tell whether the learning rate is good"):
        curve(made(Adversarial), optimizer=optimizer)


class TwoLosses(Own):
    def train_step(self, data):
        with tf.GradientTape(persistent=True) as tape:
            loss = self.error(data)
            size = keras.ops.mean(self.encoder.kernel**2)
        weights = self.trainable_variables
        first, second = tape.gradient(loss, weights), tape.gradient(size, weights)
        self.optimizer.apply([a if b is None else a + b for a, b in zip(first, second, strict=True)], weights)
        self.tracker.update_state(loss)
        return {"error": self.tracker.result()}

    @property
    def metrics(self):
        return [self.tracker]


def test_the_user_names_the_loss_where_there_are_several():
    with pytest.raises(ValueError, match=r"must name the loss.*came from 2\."):
        curve(made(TwoLosses))
    measured, batches, _ = curve(made(TwoLosses), loss="error")
    expected = trained(made(TwoLosses), batches, lambda model, x: model.error(x))
    np.testing.assert_allclose(measured, expected, rtol=2e-6)
