"""The momentum of a one-cycle schedule."""

import math
import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras.optimizers import SGD, Adam, Adamax, AdamW, Lamb, Lion, LossScaleOptimizer, Nadam, RMSprop, schedules

import autolr_widget
from autolr_widget import LRTuner
from autolr_widget.engine.live.callback import LiveCallback
from autolr_widget.engine.live.momentum import OneCycleMomentum, moving
from autolr_widget.engine.live.retune import Retune
from autolr_widget.engine.reading.schedule import schedule
from tests.engine.live.test_callback import Recorder

pytestmark = [pytest.mark.trains, pytest.mark.filterwarnings("ignore:__array__ implementation")]

#: 8 steps in each of 2 epochs, of which the first 5 rise.
RISING, STEPS = 5, 16
OPTIMIZERS = {
    "SGD": lambda rate: SGD(rate, momentum=0.9),
    "Nesterov": lambda rate: SGD(rate, momentum=0.9, nesterov=True),
    "RMSprop": lambda rate: RMSprop(rate, momentum=0.9),
    "Adam": Adam,
    "AdamW": AdamW,
    "Nadam": Nadam,
    "Adamax": Adamax,
    "Lamb": Lamb,
    "mixed": lambda rate: LossScaleOptimizer(Adam(rate)),
    "accumulated": lambda rate: Adam(rate, gradient_accumulation_steps=2),
}


def one_cycle():
    return schedule("one-cycle", 0.02, 8, 2)


def expected(step):
    """PyTorch's OneCycleLR with the momenta of its defaults, a linear rise and a fall by a cosine."""
    if step <= RISING:
        return 0.95 + step / RISING * (0.85 - 0.95)
    done = (step - RISING) / (STEPS - RISING)
    return 0.95 + (0.85 - 0.95) / 2 * (1 + math.cos(math.pi * done))


def part(model):
    return getattr(model.optimizer, "inner_optimizer", model.optimizer)


def momentum(model):
    return part(model).momentum if hasattr(part(model), "momentum") else part(model).beta_1


class ByHand(keras.callbacks.Callback):
    """Sets the momentum before each batch, as `run_eagerly=True` allows."""

    def on_train_batch_begin(self, batch, logs=None):
        own = part(self.model)
        setattr(own, "momentum" if hasattr(own, "momentum") else "beta_1", expected(int(own._iterations)))


def train(model, digits, *callbacks, epochs=2, **options):
    x, y = digits
    # Keras reads a dataset in less time than arrays.
    batches = tf.data.Dataset.from_tensor_slices((x[:128], y[:128])).batch(16)
    model.fit(batches, epochs=epochs, shuffle=False, verbose=0, callbacks=callbacks, **options)
    return model.get_weights()


def equal(one, two, **tolerances):
    for first, second in zip(one, two, strict=True):
        np.testing.assert_allclose(first, second, **tolerances)


def test_the_values_are_those_of_pytorch():
    optimizer = SGD(one_cycle(), momentum=0.9)
    ((found,),) = [moving(optimizer)]
    for step in range(STEPS + 1):
        optimizer.iterations.assign(step)
        assert float(found.now()) == pytest.approx(expected(step), abs=1e-6)
    assert [expected(step) for step in (0, RISING, STEPS)] == pytest.approx([0.95, 0.85, 0.95])


def test_without_a_rise_it_begins_at_the_lowest():
    optimizer = Adam(schedule("one-cycle", 0.02, 8, 2, warmup=0))
    assert float(moving(optimizer)[0].now()) == pytest.approx(0.85)


MODES = {
    "graph": {},
    "XLA": {"jit_compile": True},
    "executions": {"steps_per_execution": 3},
    "eager": {"run_eagerly": True},
}


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
@pytest.mark.slow
def test_a_training_equals_one_whose_momentum_is_set_by_hand_at_each_step(digits, make):
    def trained(*callbacks, **options):
        # Without a hidden layer, it is traced six times in less time.
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(10)])
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(make(one_cycle()), loss, **options)
        return train(model, digits, *callbacks), momentum(model)

    by_hand, _ = trained(ByHand(), run_eagerly=True)
    for name, mode in MODES.items():
        found, after = trained(OneCycleMomentum(), **mode)
        equal(found, by_hand, rtol=1e-3, atol=1e-4)
        assert after == 0.9, name
    # With a fixed momentum, it is another training.
    plain, _ = trained()
    assert max(abs(one - two).max() for one, two in zip(plain, by_hand, strict=True)) > 1e-3


def test_the_policy_of_mixed_precision(make_model, digits):
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = make_model(Adam(one_cycle()))
    finally:
        keras.config.set_dtype_policy("float32")
    seen = train(model, digits, OneCycleMomentum())
    plain = make_model(Adam(one_cycle()))
    by_hand = make_model()
    by_hand.compile(Adam(one_cycle()), by_hand.loss, run_eagerly=True)
    equal(seen, train(by_hand, digits, ByHand()), atol=0.02)
    assert max(abs(one - two).max() for one, two in zip(seen, train(plain, digits), strict=True)) > 0.02


def test_the_model_is_saved_in_mid_training_with_its_own_momentum(make_model, digits, tmp_path):
    model = make_model(Adam(one_cycle()))
    whole = keras.callbacks.ModelCheckpoint(tmp_path / "{epoch}.keras")
    weights = keras.callbacks.ModelCheckpoint(tmp_path / "{epoch}.weights.h5", save_weights_only=True)
    checkpoint = tf.train.Checkpoint(model=model)
    raw = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: checkpoint.save(tmp_path / "raw"))
    final = train(model, digits, OneCycleMomentum(), whole, weights, raw)
    loaded = keras.models.load_model(tmp_path / "1.keras")
    assert loaded.optimizer.beta_1 == 0.9
    assert loaded.optimizer._learning_rate.get_config() == one_cycle().get_config()
    # A training that goes on from there is the same as one that was not interrupted.
    equal(train(loaded, digits, OneCycleMomentum(), initial_epoch=1), final, rtol=1e-5, atol=1e-6)
    for restore in (
        lambda other: other.load_weights(tmp_path / "1.weights.h5"),
        lambda other: tf.train.Checkpoint(model=other).restore(str(tmp_path / "raw-1")).expect_partial(),
    ):
        other = make_model(Adam(one_cycle()))
        other.optimizer.build(other.trainable_variables)
        restore(other)
        assert int(other.optimizer.iterations) == 8
        equal(train(other, digits, OneCycleMomentum(), initial_epoch=1), final, rtol=1e-5, atol=1e-6)


def test_backup_and_restore_goes_on_where_it_was(make_model, digits, tmp_path):
    final = train(make_model(Adam(one_cycle())), digits, OneCycleMomentum())

    def fail(epoch, logs):
        if epoch == 1:
            raise RuntimeError("mine")

    model = make_model(Adam(one_cycle()))
    backup = keras.callbacks.BackupAndRestore(tmp_path)
    with pytest.raises(RuntimeError, match="mine"):
        train(model, digits, OneCycleMomentum(), backup, keras.callbacks.LambdaCallback(on_epoch_begin=fail))
    again = make_model(Adam(one_cycle()))
    equal(train(again, digits, OneCycleMomentum(), backup), final, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("live", [False, True])
def test_the_next_training_has_the_optimizer_s_own_momentum(make_model, digits, fails, live):
    def interrupt(batch, logs):
        if fails and int(model.optimizer.iterations) == STEPS // 2:
            raise KeyboardInterrupt

    model = make_model(Adam(one_cycle()))
    callback = LiveCallback(Recorder()) if live else OneCycleMomentum()
    try:
        train(model, digits, callback, keras.callbacks.LambdaCallback(on_train_batch_end=interrupt), epochs=1)
    except KeyboardInterrupt:
        assert fails
    assert model.optimizer.beta_1 == 0.9
    other = make_model(Adam(one_cycle()))
    other.optimizer.build(other.trainable_variables)
    for to, source in [(other, model), (other.optimizer, model.optimizer)]:
        for variable, value in zip(to.variables, source.variables, strict=True):
            variable.assign(value)
    equal(train(model, digits), train(other, digits), rtol=0, atol=0)
    assert "make_train_function" not in vars(model)


@pytest.mark.parametrize(
    ("optimizer", "words"),
    [
        (lambda: SGD(one_cycle()), "SGD without a momentum that can be moved, with a one-cycle schedule"),
        (lambda: RMSprop(one_cycle()), "RMSprop without a momentum that can be moved, with a one-cycle schedule"),
        (lambda: Lion(one_cycle()), "Lion without a momentum that can be moved, with a one-cycle schedule"),
        (
            lambda: type("Own", (Adam,), {})(one_cycle()),
            "Own without a momentum that can be moved, with a one-cycle schedule",
        ),
        (lambda: Adam(0.1), "Adam with beta_1, without a one-cycle schedule"),
        (lambda: Adam(schedule("cosine", 0.02, 8, 2, warmup=1)), "Adam with beta_1, without a one-cycle schedule"),
    ],
)
def test_what_can_not_be_moved_is_refused_by_name_and_watched_as_it_is(make_model, digits, optimizer, words):
    model = make_model(optimizer())
    with pytest.raises(ValueError, match=re.escape(f"Received: {words}")):
        train(model, digits, OneCycleMomentum())
    equal(train(model, digits, LiveCallback(Recorder())), train(make_model(optimizer()), digits), rtol=0, atol=0)


@pytest.mark.parametrize("order", [["live"], ["live", "own"], ["own", "live"]])
def test_a_training_that_is_watched_moves_it_too(make_model, digits, order):
    model = make_model(Adam(one_cycle()))
    callbacks = {"live": LiveCallback(Recorder()), "own": OneCycleMomentum()}
    seen = train(model, digits, *(callbacks[name] for name in order))
    expected = train(make_model(Adam(one_cycle())), digits, OneCycleMomentum())
    equal(seen, expected, rtol=1e-5, atol=1e-7)
    assert "make_train_function" not in vars(model)


def test_steering_the_rate_leaves_the_momentum_as_it_is(make_model, digits):
    seen = []
    recorder = Recorder(lambda batch, steering: steering.rates.append(0.001) if batch == 3 else None)
    model = make_model(Adam(one_cycle()))
    callback = LiveCallback(recorder)
    after = keras.callbacks.LambdaCallback(
        on_train_batch_begin=lambda batch, logs: seen.extend(float(each.now()) for each in callback._momentum._moving)
    )
    train(model, digits, callback, after)
    assert recorder.only("steered") == [(0.001, 3)]
    assert seen == pytest.approx([expected(step) for step in range(STEPS)])
    assert moving(model.optimizer), "the scaled schedule is one of one cycle too"


def test_a_look_has_the_momentum_of_the_training(make_model, digits, monkeypatch):
    model = make_model(Adam(one_cycle()))
    x, y = digits
    retune = Retune(LRTuner(model, x[:128], y[:128]), 1)
    seen = []
    look = retune.look

    def looks(*arguments):
        seen.append((int(model.optimizer.iterations), model.optimizer.beta_1))
        return look(*arguments)

    monkeypatch.setattr(retune, "look", looks)
    train(model, digits, LiveCallback(Recorder(), retune=retune), epochs=1)
    assert seen == [(0, pytest.approx(0.95))]
    assert model.optimizer.beta_1 == 0.9


@pytest.mark.skipif(not hasattr(keras.optimizers, "MultiOptimizer"), reason="Keras 3.5 has no MultiOptimizer")
def test_each_of_several_optimizers_with_the_schedule(make_model, digits):
    fixed, moved = SGD(0.01, momentum=0.9), Adam(one_cycle())
    several = keras.optimizers.OptimizerMap(moved, {".*bias": fixed})
    model = make_model(keras.optimizers.MultiOptimizer(several))
    assert len(moving(model.optimizer)) == 1
    train(model, digits, OneCycleMomentum())
    assert [own.momentum if hasattr(own, "momentum") else own.beta_1 for own in model.optimizer.optimizers] == [0.9] * 2


def test_a_train_step_and_an_optimizer_of_the_user_s_own(digits):
    class Own(keras.Sequential):
        def __init__(self, *layers):
            super().__init__(*layers)
            self.mine = Adam(one_cycle())

        def train_step(self, data):
            with tf.GradientTape() as tape:
                loss = self.compute_loss(x=data[0], y=data[1], y_pred=self(data[0], training=True))
            self.mine.apply(tape.gradient(loss, self.trainable_variables), self.trainable_variables)
            return {"loss": loss, "beta_1": tf.convert_to_tensor(self.mine.beta_1, "float32")}

    model = Own([keras.Input((64,)), keras.layers.Dense(10)])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    seen = []
    read = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(float(logs["beta_1"])))
    train(model, digits, OneCycleMomentum("mine"), read)
    assert seen == pytest.approx([expected(step) for step in range(STEPS)])


def test_the_package_has_it():
    assert autolr_widget.OneCycleMomentum is OneCycleMomentum
    assert isinstance(one_cycle(), schedules.CosineDecay)
