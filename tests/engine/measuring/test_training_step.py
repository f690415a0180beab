import keras
import numpy as np
import pytest
import tensorflow as tf
from keras.src.backend.common import global_state

from autolr_widget import LRTuner
from tests.engine.measuring.own_steps import RATE, OneTape, Own, X, curve, made, train, trained

pytestmark = [pytest.mark.trains, pytest.mark.inside]


class FollowsItsAverage(OneTape):
    def error(self, x):
        return super().error(x) + keras.ops.mean((self.encoder.kernel - self.average) ** 2)


class Decorated(OneTape):
    @tf.function
    def train_step(self, data):
        with tf.GradientTape() as tape:
            loss = self.error(data)
            if loss > 0.1:  # AutoGraph must convert this.
                loss = 2.0 * loss
        self.optimizer.apply_gradients(
            zip(tape.gradient(loss, self.trainable_variables), self.trainable_variables, strict=True)
        )
        return {"loss": loss}


class SecondOrder(Own):
    def train_step(self, data):
        with tf.GradientTape() as outer:
            with tf.GradientTape() as inner:
                inner.watch(data)
                value = self.error(data)
            penalty = keras.ops.mean(inner.gradient(value, data) ** 2)
            loss = value + 10.0 * penalty
        self.optimizer.apply(outer.gradient(loss, self.trainable_variables), self.trainable_variables)
        return {"loss": loss}


class PerRow(Own):
    """The gradient of a vector is that of its sum."""

    def train_step(self, data):
        with tf.GradientTape() as tape:
            losses = keras.ops.mean((self(data, training=True) - data) ** 2, axis=1)
        self.optimizer.apply(tape.gradient(losses, self.trainable_variables), self.trainable_variables)
        return {"loss": keras.ops.mean(losses)}


@pytest.mark.parametrize(
    ("kind", "recorded"),
    [
        (OneTape, lambda model, x: model.error(x)),
        (FollowsItsAverage, lambda model, x: model.error(x)),
        (Decorated, lambda model, x: model.error(x) * (2.0 if model.error(x) > 0.1 else 1.0)),
        (PerRow, lambda model, x: 10.0 * model.error(x)),
    ],
)
def test_the_loss_curve_is_that_of_real_training(kind, recorded):
    model = made(kind)
    before = [v.numpy() for v in model.variables]
    measured, batches, _ = curve(model)
    assert all(np.array_equal(a, v.numpy()) for a, v in zip(before, model.variables, strict=True))
    assert not model.optimizer.built
    assert not model.average.numpy().any()
    np.testing.assert_allclose(measured, trained(made(kind), batches, recorded), rtol=2e-6)


def test_second_order_gradients():
    def recorded(model, batch):
        with tf.GradientTape() as tape:
            x = tf.constant(batch)
            tape.watch(x)
            value = model.error(x)
        return value + 10.0 * keras.ops.mean(tape.gradient(value, x) ** 2)

    measured, batches, _ = curve(made(SecondOrder))
    np.testing.assert_allclose(measured, trained(made(SecondOrder), batches, recorded), rtol=2e-6)


def test_the_starting_state_does_not_train():
    model = made(OneTape)
    tuner = curve(model)[2]
    draw = tuner.observations.draw(10, 42, 0, 9)
    expected = [float(model.error(draw(step))) for step in range(9)]
    np.testing.assert_allclose(tuner.rounds[0].starts, expected, rtol=2e-6)


class InTurn(Own):
    """Takes a step for each half of the batch, so that its loss is complete only after the first one."""

    def train_step(self, data):
        total = 0.0
        for half in tf.split(data, 2):
            with tf.GradientTape() as tape:
                loss = self.error(half)
            self.optimizer.apply(tape.gradient(loss, self.trainable_variables), self.trainable_variables)
            total += loss
        return {"loss": total}


@pytest.mark.parametrize("evaluate_on", ["progressive", "train"])
def test_a_step_that_is_only_taken_for_its_loss_takes_no_distance(evaluate_on):
    model = made(InTurn)
    tuner = LRTuner(
        model, X, lr_space=(RATE, 1.0), num_evals=2, batch_size=10, horizon=2, evaluate_on=evaluate_on, loss="loss"
    )
    tuner.step()
    draw = tuner.observations.draw(10, 42, 1, 2)
    losses = [sum(float(model.error(half)) for half in tf.split(draw(step), 2)) for step in range(2)]
    # The second round, whose variables have taken the steps of the first.
    assert tuner.step().loss == pytest.approx(np.mean(losses[evaluate_on == "progressive" :]), rel=1e-5)


def test_a_model_without_a_call_is_built_by_its_step():
    class Parts(OneTape):
        call = keras.Model.call

        def error(self, x):
            return keras.ops.mean((self.decoder(self.encoder(x)) - x) ** 2)

    def unbuilt():
        keras.utils.set_random_seed(0)
        model = Parts()
        model.compile("adam")
        return model

    measured, batches, tuner = curve(unbuilt(), horizon=3)
    twin = unbuilt()
    train(twin, batches[0])
    assert not twin.built
    np.testing.assert_allclose(measured[0], tuner.rounds[0].starts[0])
    assert [v.shape for v in tuner.model.trainable_variables] == [v.shape for v in twin.trainable_variables]


@pytest.mark.parametrize("evaluate_on", ["train", "held-out"])
def test_every_loss_can_be_measured(evaluate_on):
    model = made(OneTape)
    tuner = LRTuner(model, X, lr_space=(RATE, 1.0), num_evals=2, batch_size=10, horizon=4, evaluate_on=evaluate_on)
    round = tuner.step()
    draw = tuner.observations.draw(10, 42, 0, 4, int(evaluate_on == "held-out"))
    twin = made(OneTape)
    seen = [draw(4)] if evaluate_on == "held-out" else [draw(step) for step in range(4)]
    before = np.mean([float(twin.error(batch)) for batch in seen])
    trained(twin, [draw(step) for step in range(4)], lambda *_: 0.0)
    after = np.mean([float(twin.error(batch)) for batch in seen])
    assert round.deltas[0] == pytest.approx(after - before, rel=1e-4)


def test_one_step_of_an_own_training_step():
    tuner = LRTuner(made(OneTape), X, lr_space=(RATE, 1.0), num_evals=2, batch_size=10, horizon=1)
    batch = tuner.observations.draw(10, 42, 0)(0)
    twin = made(OneTape)
    before = float(twin.error(batch))
    train(twin, batch)
    assert tuner.step().deltas[0] == pytest.approx(float(twin.error(batch)) - before, rel=1e-4)


def test_the_global_generators_do_not_move():
    class Noisy(OneTape):
        def error(self, x):
            noise = keras.random.normal(keras.ops.shape(x)) + tf.random.normal(tf.shape(x))
            return super().error(x + 0.1 * noise)

    model = made(Noisy)
    keras.random.normal(())
    generator = global_state.get_global_attribute("global_seed_generator")
    before = generator.state.numpy().tolist()
    tf.random.set_seed(3)
    expected = float(tf.random.uniform(()))
    tf.random.set_seed(3)
    first = curve(model)[0]
    assert float(tf.random.uniform(())) == expected
    assert global_state.get_global_attribute("global_seed_generator") is generator
    assert generator.state.numpy().tolist() == before
    np.testing.assert_array_equal(curve(model)[0], first)
    assert len(set(first.tolist())) == len(first)


def test_nothing_stays_replaced_after_an_error():
    class Fails(Own):
        def train_step(self, data):
            raise RuntimeError("no step today")

    gradient, apply = tf.GradientTape.gradient, keras.optimizers.Adam.apply
    normal = tf.random.normal
    model = made(Fails)
    with pytest.raises(RuntimeError, match="no step today"):
        curve(model)
    assert (tf.GradientTape.gradient, keras.optimizers.Adam.apply, tf.random.normal) == (gradient, apply, normal)
    assert "apply" not in vars(model.optimizer)
