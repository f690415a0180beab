"""Trainings that look again."""

import contextlib
import threading
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras.optimizers import SGD, schedules

from autolr_widget import LRTuner
from autolr_widget.engine.live import retune as module
from autolr_widget.engine.live.callback import LiveCallback
from autolr_widget.engine.live.retune import Retune
from autolr_widget.engine.reading.warm_up import WarmUp
from tests.engine.live.test_callback import RateOfEachBatch, Recorder
from tests.engine.live.test_scaled import Own

# Keras's ReduceLROnPlateau warns of itself.
pytestmark = [pytest.mark.trains, pytest.mark.filterwarnings("ignore:__array__ implementation")]

#: 768 steps: all looks together may take 76, of which the first takes 50.
EPOCHS, ROWS, BATCH = 16, 768, 16
STEPS = ROWS // BATCH
#: The fewest epochs with a first look.
FEW = 11


def train(model, digits, when="plateau", recorder=None, epochs=EPOCHS, stream=None, beside=(), rows=ROWS, **options):
    """Train, and return the tuner, the history, and the rate after each batch. Without ``when``, it does not look."""
    x, y = digits[0][:rows], digits[1][:rows]
    tuner = LRTuner(model, x if stream is None else stream(), y if stream is None else None, batch_size=BATCH)
    retune = None if when is None else Retune(tuner, when)
    rates = RateOfEachBatch()
    callbacks = [*beside, LiveCallback(recorder or Recorder(), retune=retune), rates]
    data = {"x": x, "y": y, "batch_size": BATCH} if stream is None else {"x": stream(), "shuffle": False}
    history = model.fit(**data, epochs=epochs, verbose=0, callbacks=callbacks, **options)
    return tuner, history.history, rates.rates


def variables(model):
    return [variable.numpy() for variable in [*model.variables, *model.optimizer.variables]]


def batches(rows=ROWS):
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    x = (x[:rows] / 16).astype("float32")
    return tf.data.Dataset.from_tensor_slices((x, y[:rows])).shuffle(rows, 3, False).batch(BATCH)


CASES = {
    "Adam": {},
    "every epoch": {"when": 1},
    "executions": {"at_once": 4},
    "validation": {"validation_split": 0.1},
    "stream": {"stream": lambda: batches(ROWS // 4)},
    "schedule": {"rate": schedules.CosineDecay(0.004, EPOCHS * STEPS // 4, alpha=0.5)},
    "mixed": {"policy": "mixed_float16"},
    "beside": {
        "beside": lambda: [
            keras.callbacks.ReduceLROnPlateau("loss", patience=3, min_delta=0.3),
            keras.callbacks.EarlyStopping("loss", patience=20),
        ]
    },
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_training_that_adopts_nothing_equals_plain_fit(make_model, digits, monkeypatch, case):
    # No gain is large enough.
    monkeypatch.setattr("autolr_widget.engine.live.verdict.LEAST", 1e9)
    # Short epochs, and as many steps for the looks as in long ones: the steps of `fit` take most of the time.
    monkeypatch.setattr("autolr_widget.engine.live.plan.SHARE", 0.4)
    monkeypatch.setattr("autolr_widget.engine.live.plan.FIRST", 0.2)
    case = {"when": "plateau", "at_once": 1, "rate": 0.004, "policy": "float32", "beside": list} | case
    found = []
    for when in (None, case["when"]):
        keras.config.set_dtype_policy(case["policy"])
        try:
            model = make_model("sgd", keras.layers.BatchNormalization(), keras.layers.Dropout(0.2, seed=1))
        finally:
            keras.config.set_dtype_policy("float32")
        model.compile(keras.optimizers.Adam(case["rate"]), model.loss, steps_per_execution=case["at_once"])
        keras.utils.set_random_seed(5)
        options = {name: value for name, value in case.items() if name in ("stream", "validation_split")}
        tuner, *told = train(model, digits, when, beside=case["beside"](), rows=ROWS // 4, **options)
        found.append((told, variables(model)))
    (plain, expected), (looked, other) = found
    assert len(tuner.looks) >= 2
    assert all(look.gradients for look in tuner.looks)
    assert not any(look.adopted for look in tuner.looks)
    assert plain == looked
    for one, two in zip(expected, other, strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("at_once", [1, 4])
@pytest.mark.parametrize(("rate", "direction"), [(1e-4, 1), (50.0, -1)])
def test_a_bad_rate_is_changed_before_the_first_batch(make_model, digits, rate, direction, at_once):
    model = make_model()
    model.compile(SGD(rate), model.loss, steps_per_execution=at_once)
    recorder = Recorder()
    tuner, history, rates = train(model, digits, recorder=recorder)
    first = tuner.looks[0]
    assert (first.epoch, first.step, first.rate) == (0, 0, pytest.approx(rate))
    assert first.adopted
    assert first.gradients == 50
    assert first.words.startswith("Changed ")
    assert direction * np.log(first.proposed / rate) >= np.log(5)
    assert rates[0] == pytest.approx(first.proposed, rel=1e-5)
    assert recorder.only("steered")[0] == (first.proposed, 0)
    assert np.isfinite(history["loss"]).all()
    assert sum(look.gradients for look in tuner.looks) <= STEPS * EPOCHS / 10


def test_what_a_look_tells(make_model, digits):
    recorder = Recorder()
    train(make_model(SGD(1e-4)), digits, recorder=recorder, epochs=FEW)
    names = [name for name, *_ in recorder.told]
    assert names[:6] == ["began", "epoch began", "look began", "steered", "look ended", "epoch ended"]
    assert names.count("look began") == 1, "it does not look where it may take no steps"


def test_each_look_measures_what_it_says_from_where_the_model_is(make_model, digits):
    recorder = Recorder()
    model = make_model(SGD(0.05))
    tuner, *_ = train(model, digits, 6, recorder=recorder)
    told = recorder.only("look ended")
    assert [look for look, _ in told] == tuner.looks
    assert [look.epoch for look in tuner.looks] == [0, 12]
    for look, results in told:
        assert results.curves[0].size == look.gradients
        assert look.step == STEPS * look.epoch
        assert np.isclose(results.rates, look.rate).sum() == 1
    # The loss that the paths begin with is that of the model then.
    starts = [results.starts.mean() for _, results in told]
    assert starts[0] > 2
    assert starts[-1] < 0.5


def test_looks_see_different_batches(make_model, digits):
    model = make_model()
    tuner = LRTuner(model, digits[0], digits[1], batch_size=BATCH)
    seeds = []
    renewed = LRTuner.renewed

    def spy(self, settings, *rest):
        seeds.append(settings.seed)
        return renewed(self, settings, *rest)

    retune = Retune(tuner, 1)
    retune.begin(100, 1000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LRTuner, "renewed", spy)
        for _ in range(3):
            retune.look(0.01, lambda rate: None)
            retune.plan.epoch_ended(1000, 1.0)
    assert seeds == [42, 42, 43, 42, 44, 42]


def test_a_lower_rate_waits_until_the_loss_does_not_improve(make_model, digits, monkeypatch):
    monkeypatch.setattr(module, "verdict", lambda rates, *_: module.Verdict(rates[0], 1.0, 0.1, True, "lower"))
    tuner = LRTuner(make_model(), digits[0], digits[1], batch_size=BATCH)
    retune = Retune(tuner, 1)
    retune.begin(40, 1000)
    adopted = []
    for loss in (5.0, 4.0, 4.0, 4.0, 4.0, 4.0):
        if retune.plan.is_due:
            retune.look(0.1, adopted.append)
        retune.plan.epoch_ended(1000, loss)
    assert [look.adopted for look in tuner.looks] == [True, False, False, False, False, False]
    retune.look(0.1, adopted.append)
    assert tuner.looks[-1].adopted
    assert len(adopted) == 2
    assert "whose loss still improves" in tuner.looks[1].words


def first_look(model, digits, rate, goes_on=lambda: True, **options):
    """Return the first look in a training of 1,056 steps, and what it has measured."""
    tuner = LRTuner(model, digits[0][:ROWS], digits[1][:ROWS], batch_size=BATCH, **options)
    retune = Retune(tuner, "plateau")
    retune.begin(22, STEPS)
    return retune.look(rate, lambda better: None, goes_on=goes_on), retune.results


@pytest.mark.parametrize(("rate", "direction"), [(0.9, -1), (1e-3, 1)])
def test_the_first_look_goes_on_where_few_steps_do_not_tell(make_model, digits, monkeypatch, rate, direction):
    look, results = first_look(make_model(SGD(rate)), digits, rate)
    assert look.adopted
    assert direction * np.log(look.proposed / rate) >= np.log(5)
    assert look.words.split(": ")[1].startswith("after 28 steps, ")
    some = slice(2, 5) if direction == 1 else slice(0, 3)
    assert np.isfinite(results.curves[0, some]).all()
    assert np.isfinite(results.curves[0]).sum() == look.gradients == 5 * 10 + 3 * 18
    # The continued paths are those that are measured at once.
    measured = {"lr_space": (rate / 16, 16 * rate), "num_evals": 5, "horizon": 28, "evaluate_on": "progressive"}
    x, y = digits[0][:ROWS], digits[1][:ROWS]
    at_once = LRTuner(make_model(SGD(rate)), x, y, batch_size=BATCH, **measured).step()
    np.testing.assert_array_equal(results.curves[0, some], at_once.curves[some])
    # With 10 steps alone, the rate that is too high would stay.
    monkeypatch.setattr("autolr_widget.engine.live.plan.FURTHER", 100)
    short, _ = first_look(make_model(SGD(rate)), digits, rate)
    assert (short.adopted, short.gradients) == (direction == 1, 50)


def test_a_good_rate_stays_after_more_steps(make_model, digits):
    look, results = first_look(make_model(SGD(0.3)), digits, 0.3)
    assert not look.adopted
    assert look.words.endswith(", and no lower rate is better after 28 steps.")
    assert look.gradients == 5 * 10 + 3 * 18
    # All five rates are shown.
    assert results.curves.shape == (1, 5, 10)


def test_a_rate_that_is_far_too_high_is_lowered_at_once(make_model, digits):
    look, _ = first_look(make_model(SGD(50.0)), digits, 50.0)
    assert (look.adopted, look.gradients) == (True, 50)


def test_a_higher_rate_that_is_not_better_after_more_steps_is_not_taken(make_model, digits, monkeypatch):
    seen = []

    def verdict(rates, present, round, least=None):
        seen.append((rates.tolist(), present, round.curves.shape))
        higher = len(seen) == 1
        return module.Verdict(rates[-1], 1.0, 0.1, higher, "higher" if higher else "not higher")

    monkeypatch.setattr(module, "verdict", verdict)
    look, _ = first_look(make_model(SGD(0.01)), digits, 0.01)
    assert (look.adopted, look.words) == (False, "Kept 0.01: not higher.")
    assert seen[1] == (pytest.approx([0.01, 0.04, 0.16]), 0, (3, 28))


def test_a_look_that_goes_on_can_be_ended(make_model, digits, monkeypatch):
    monkeypatch.setattr(module, "SLICE", 0.0)
    left = [*range(100)]
    first, _ = first_look(make_model(SGD(0.3)), digits, 0.3, lambda: bool(left and left.pop() is not None))
    whole = 100 - len(left)
    left = [*range(whole - 2)]
    ended, _ = first_look(make_model(SGD(0.3)), digits, 0.3, lambda: bool(left and left.pop() is not None))
    assert "no clearly better rate was found" in first.words
    assert ended.words == "Kept 0.3: the look was ended."


def test_a_look_whose_paths_do_not_fit_into_memory_does_not_go_on(make_model, digits, monkeypatch):
    monkeypatch.setattr("autolr_widget.engine.measuring.paths.STATES", 0)
    look, _ = first_look(make_model(SGD(0.3)), digits, 0.3)
    assert (look.words, look.gradients) == ("Kept 0.3: no clearly better rate was found.", 50)


def slowly(monkeypatch):
    """Let each slice be a step."""
    monkeypatch.setattr(module, "SLICE", 0.0)
    monkeypatch.setattr("autolr_widget.engine.live.callback.PERIOD", 0.0)


def test_stop_ends_a_look_and_the_training(make_model, digits, monkeypatch):
    slowly(monkeypatch)
    recorder = Recorder()
    looked = []

    def look(rate):
        looked.append(rate)
        recorder.steering.stopped = len(looked) == 3

    recorder.looked = look
    tuner, _, rates = train(make_model(SGD(1e-4)), digits, recorder=recorder)
    assert len(rates) == 1
    (only,) = tuner.looks
    assert (only.adopted, only.proposed) == (False, None)
    assert "ended" in only.words
    assert len(looked) <= 4, "it stops within the look"


def test_a_look_waits_while_the_training_is_paused(make_model, digits, monkeypatch):
    slowly(monkeypatch)
    recorder, held = Recorder(), threading.Event()
    looked = []

    def look(rate):
        looked.append(rate)
        if len(looked) == 3:
            recorder.steering.paused = True
        if len(looked) == 10:
            held.set()

    recorder.looked = look
    model = make_model(SGD(1e-4))
    training = threading.Thread(target=train, args=(model, digits), kwargs={"recorder": recorder, "epochs": FEW})
    training.start()
    assert held.wait(60)
    assert [name for name, *_ in recorder.told] == ["began", "epoch began", "look began"]
    recorder.steering.paused = False
    training.join(60)
    assert recorder.only("look ended")[0][0].adopted


def test_a_rate_of_the_user_s_ends_a_look(make_model, digits, monkeypatch):
    slowly(monkeypatch)
    recorder = Recorder()
    looked = []

    def look(rate):
        looked.append(rate)
        if len(looked) == 3:
            recorder.steering.rates.append(0.25)

    recorder.looked = look
    tuner, _, rates = train(make_model(SGD(1e-4)), digits, recorder=recorder, epochs=FEW)
    assert not tuner.looks[0].adopted
    assert rates[0] == pytest.approx(0.25)


def test_a_schedule_is_scaled(make_model, digits):
    schedule = schedules.CosineDecay(1e-4, FEW * STEPS)
    model = make_model(SGD(schedule))
    tuner, _, rates = train(model, digits, epochs=FEW)
    factor = tuner.looks[0].proposed / 1e-4
    assert tuner.looks[0].adopted
    np.testing.assert_allclose(rates[:100], [factor * float(schedule(step + 1)) for step in range(100)], rtol=1e-4)
    assert type(model.optimizer._learning_rate) is schedules.CosineDecay


def test_a_schedule_that_rises_is_not_raised(make_model, digits):
    tuner, _, rates = train(make_model(SGD(WarmUp(schedules.CosineDecay(0.1, 900), 60, 1e-4))), digits, epochs=FEW)
    assert not tuner.looks[0].adopted
    assert tuner.looks[0].words.endswith("but the schedule raises the rate by itself.")
    assert max(rates) <= 0.1001


def test_a_schedule_that_can_not_be_scaled_is_left(make_model, digits):
    tuner, *_ = train(make_model(SGD(Own(schedules.CosineDecay(1e-4, 900)))), digits, epochs=FEW)
    assert not tuner.looks[0].adopted
    assert "but it can't be set. The model's optimizer takes its learning rate from a schedule" in tuner.looks[0].words


@pytest.mark.parametrize("rate", [0.0, float("nan"), float("inf")])
def test_a_rate_that_is_no_rate_is_left(make_model, digits, rate):
    tuner = LRTuner(make_model(), *digits)
    retune = Retune(tuner, "plateau")
    retune.begin(100, 1000)
    retune.look(rate, pytest.fail)
    assert tuner.looks[0].words == f"Kept 0: not looked. The present rate is {rate}."
    assert "NaN" not in tuner.saved_run.to_json()


def test_a_training_is_not_ended_by_a_look_that_can_not_measure_it(make_model, digits):
    model = make_model(SGD(0.01))
    model.layers[0].kernel.assign(np.full((64, 16), np.nan))
    tuner, history, _ = train(model, digits)
    assert len(history["loss"]) == EPOCHS
    assert "nothing was measured" in tuner.looks[0].words
    assert not any(look.adopted for look in tuner.looks)


def test_a_training_of_unknown_length_is_looked_at_after_its_first_epoch(make_model, digits):
    def stream():
        return tf.data.Dataset.from_generator(lambda: iter(batches()), output_signature=batches().element_spec)

    with warnings.catch_warnings():
        # Keras finds the end of the first epoch so.
        warnings.filterwarnings("ignore", "Your input ran out of data")
        tuner, *_ = train(make_model(SGD(1e-4)), digits, stream=stream)
    assert (tuner.looks[0].epoch, tuner.looks[0].step) == (1, STEPS)
    assert tuner.looks[0].adopted
    assert sum(look.gradients for look in tuner.looks) <= STEPS * EPOCHS / 10


def test_whole_updates_are_measured(make_model, digits):
    tuner, *_ = train(make_model(SGD(1e-4, gradient_accumulation_steps=3)), digits, epochs=EPOCHS)
    assert tuner.looks[0].adopted
    # A multiple of three, of which at least 10 are needed.
    assert tuner.looks[0].gradients == 5 * 12


def test_a_second_training_has_a_plan_of_its_own(make_model, digits):
    x, y = digits[0][:ROWS], digits[1][:ROWS]
    model = make_model(SGD(0.05))
    tuner = LRTuner(model, x, y, batch_size=BATCH)
    callback = LiveCallback(Recorder(), retune=Retune(tuner, "plateau"))
    for _ in range(2):
        model.fit(x, y, batch_size=BATCH, epochs=FEW, verbose=0, callbacks=[callback])
    assert [look.epoch for look in tuner.looks if look.epoch == 0] == [0, 0]


def test_epochs_before_the_first_do_not_count(make_model, digits):
    tuner, *_ = train(make_model(SGD(0.05)), digits, initial_epoch=12)
    assert tuner.looks[0].words == "Kept 0.05: not looked. 10% of the steps of this training are too few for it."


def test_nothing_else_measures_meanwhile(make_model, digits):
    held = []

    @contextlib.contextmanager
    def alone():
        held.append("begin")
        yield
        held.append("end")

    retune = Retune(LRTuner(make_model(), *digits, batch_size=BATCH), 1, alone)
    retune.begin(100, 100)
    retune.look(0.01, lambda rate: None, goes_on=lambda: held.append("measured") or True)
    assert (held[0], held[-1]) == ("begin", "end")
    assert "measured" in held


def test_a_number_of_numpy_is_a_time_to_look(make_model, digits):
    retune = Retune(LRTuner(make_model(), *digits), np.int64(3))
    retune.begin(10, 1000)
    assert retune.plan.is_due


def test_another_model_is_not_trained(make_model, digits):
    callback = LiveCallback(Recorder(), retune=Retune(LRTuner(make_model(), *digits), "plateau"))
    with pytest.raises(
        ValueError, match="Argument `retune` must be None if another model trains than that of the tuner"
    ):
        make_model().fit(*digits, verbose=0, callbacks=[callback])


def test_plateaus_are_those_of_the_validation_loss(make_model, digits):
    told = []
    model = make_model()
    retune = Retune(LRTuner(model, *digits, batch_size=BATCH), "plateau")
    callback = LiveCallback(Recorder(), retune=retune)
    callback.set_params({"epochs": 4, "steps": 3})
    callback.set_model(model)
    callback.on_train_begin()
    callback.on_epoch_begin(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retune.plan, "epoch_ended", lambda *args: told.append(args))
        callback.on_epoch_end(0, {"loss": 0.5, "val_loss": 0.75})
        callback.on_epoch_end(1, {"loss": 0.25})
    assert told == [(3, 0.5, 0.75), (3, 0.25, None)]


@pytest.mark.parametrize("when", ["Plateau", "", 0, -1, True, 1.5, [1], np.ones(2)])
def test_what_can_not_be_a_time_to_look(make_model, digits, when):
    with pytest.raises(ValueError, match=r'Argument `retune` must be None, "plateau" or .* Received: retune='):
        Retune(LRTuner(make_model(), *digits), when)
