"""A run in a file: equal both ways, refused where damaged, whole whenever its writer is killed, and gone on from."""

import contextlib
import json
import math
import os
import subprocess
import sys
from dataclasses import fields, replace

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from autolr_widget import LRTuner, TuneResults
from autolr_widget.engine.data.observations import Observations
from autolr_widget.engine.grid import grid
from autolr_widget.engine.reading.selection import RULES
from autolr_widget.engine.saved import fingerprint, restore, saved_run
from autolr_widget.engine.saved.replay import Replay
from autolr_widget.engine.saved.saved_run import LIMIT, SavedRun
from autolr_widget.engine.settings import Settings
from autolr_widget.engine.types import State

WORDS = ("start", "began", "model", "optimizer", "autolr_widget", "keras", "tensorflow")


def make_run(rounds=3, num_evals=4, **words):
    deltas = np.random.default_rng(rounds).normal(size=(rounds, num_evals))
    deltas[:, -1] = math.nan
    asked = Settings(num_evals=num_evals)
    rates = grid(asked.lr_min, asked.lr_max, num_evals)
    return SavedRun(asked, TuneResults(rates, deltas), np.arange(rounds) / 3, **words)


@st.composite
def saved_runs(draw):
    scale, pruner = draw(st.sampled_from(["log", "linear"])), draw(st.sampled_from(["none", "racing"]))
    lr_min = draw(st.floats(1e-300, 1) | st.just(1e-5) | st.just(0.0 if scale == "linear" else 1e-8))
    asked = Settings(
        lr_min=lr_min,
        lr_max=lr_min * draw(st.floats(1.1, 1e9)) or 1.0,
        scale=scale,
        num_evals=draw(st.integers(2, 6)),
        num_subsamples=draw(st.integers(1, 10**6)),
        horizon=draw(st.integers(1, 100)),
        method=draw(st.sampled_from([*RULES])),
        alpha=draw(st.floats(0, 1, exclude_min=True, exclude_max=True)),
        pruner=pruner,
        seed=draw(st.integers(0, 2**70)),
    )
    shape = draw(st.integers(0, 5)), asked.num_evals
    deltas = draw(arrays(float, shape, elements=st.floats()))
    measured = draw(arrays(bool, shape)) if pruner == "racing" else np.ones(shape, bool)
    deltas[~measured] = math.nan
    rates = grid(asked.lr_min, asked.lr_max, asked.num_evals, scale)
    losses = draw(arrays(float, shape[0], elements=st.floats(allow_nan=False, allow_infinity=False)))
    words = draw(st.fixed_dictionaries({name: st.text(st.characters()) for name in WORDS}))
    return SavedRun(asked, TuneResults(rates, deltas, scale, measured), losses, **words)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("runs") / "run.json"


@given(run=saved_runs())
def test_a_run_both_ways(run, path):
    text = run.to_json()
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    run.write(path)
    for again in (SavedRun.from_json(text), SavedRun.read(path)):
        assert again == run
        assert again.settings == run.settings
        assert again.results == run.results
        np.testing.assert_array_equal(again.losses, run.losses)
        assert [getattr(again, name) for name in WORDS] == [getattr(run, name) for name in WORDS]
    assert TuneResults.from_json(text) == run.results


def test_runs_that_differ_are_not_equal():
    run = make_run()
    assert run == make_run()
    assert run != replace(run, losses=run.losses + 1e-15)
    assert run != replace(run, settings=replace(run.settings, seed=1))
    assert all(run != replace(run, **{name: "other"}) for name in WORDS)


@pytest.mark.parametrize("losses", [[0.0, 1.0], [0.0, 1.0, math.nan], [[0.0, 1.0, 2.0]]])
def test_losses_are_a_number_a_round(losses):
    with pytest.raises(ValueError, match=r"`losses` must hold one finite number a round.*3 rounds"):
        replace(make_run(), losses=losses)


@pytest.mark.parametrize("word", ["<img src=x onerror=alert(1)>", "</script>", "../../etc/passwd", "\0", "\ud800", "∅"])
def test_words_stay_plain_words(word, path):
    make_run(**dict.fromkeys(WORDS, word)).write(path)
    again = SavedRun.read(path)
    assert [getattr(again, name) for name in WORDS] == [word] * len(WORDS)


# --- damaged files --------------------------------------------------------------------------------------------------


def read(path, data):
    """The run in a file of these bytes, or None where it is refused; nothing else may happen."""
    path.write_bytes(data)
    run = results = message = None
    try:
        run = SavedRun.read(path)
    except ValueError as error:
        message = str(error)
    with contextlib.suppress(ValueError):
        results = TuneResults.from_json(data)
    if run is None:
        assert message.startswith("Argument `path` must name a file written by `SavedRun.write`. Received: path=")
        assert f"{path.name}', but " in message
        assert len(message) < 1000
    else:
        assert SavedRun.from_json(run.to_json()) == run
        assert results == run.results
    return run


def test_a_file_cut_anywhere_is_refused(path):
    text = make_run(rounds=2, num_evals=3, start="weights:0", model="∅").to_json().encode()
    assert read(path, text) is not None
    assert not [length for length in range(len(text)) if read(path, text[:length]) is not None]


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_a_file_with_other_bytes_is_a_run_or_refused(data, path):
    text = bytearray(make_run(rounds=2, num_evals=3, model="sequential").to_json().encode())
    for position in data.draw(st.lists(st.integers(0, len(text) - 1), min_size=1, max_size=3)):
        text[position] = data.draw(st.integers(0, 255) | st.sampled_from(b'0123456789eE+-.,:[]{}"\\'))
    read(path, bytes(text))


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(10**300, 10**320) | st.floats() | st.text(max_size=5),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.text(max_size=5), inside, max_size=4),
    max_leaves=8,
)


def places(content, place=()):
    """Where something stands in ``content``, as the keys and indices that lead there."""
    yield place
    for key in content if isinstance(content, dict) else range(len(content)) if isinstance(content, list) else ():
        yield from places(content[key], (*place, key))


def replaced(content, place, change):
    """``content`` with ``change`` made at ``place``."""
    if not place:
        return change(content)
    copy = content.copy()
    copy[place[0]] = replaced(content[place[0]], place[1:], change)
    return copy


@given(data=st.data())
@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_file_with_anything_in_a_place_is_a_run_or_refused(data, path):
    content = json.loads(make_run(rounds=2, num_evals=3).to_json())
    place = data.draw(st.sampled_from([*places(content)]))
    anything = data.draw(ANYTHING)
    changed = json.dumps(replaced(content, place, lambda _: anything)).encode()
    run = read(path, changed)
    if run is not None:
        # What it now says is what was put there, but as floats.
        assert json.loads(run.to_json(), parse_int=float) == json.loads(changed, parse_int=float)


def test_a_file_that_lacks_a_key_or_has_another_is_refused(path):
    content = json.loads(make_run(rounds=2, num_evals=3).to_json())
    objects = [(place, found) for place in places(content) if isinstance(found := _at(content, place), dict)]
    assert len(objects) == 3
    for place, found in objects:
        for key in {*found} - {"measured"}:
            fewer = replaced(content, place, lambda old, key=key: {k: v for k, v in old.items() if k != key})
            assert read(path, json.dumps(fewer).encode()) is None, (place, key)
        more = replaced(content, place, lambda old: {**old, "x": 1})
        assert read(path, json.dumps(more).encode()) is None, place


def _at(content, place):
    for key in place:
        content = content[key]
    return content


def change(place, value):
    """The text of a run with ``value`` at ``place``."""
    content = json.loads(make_run().to_json())
    return json.dumps(replaced(content, place.split("."), lambda _: value))


TEXT = make_run().to_json()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it is no JSON: Expecting value"),
        ("[]", 'its "format" is not "autolr_widget.Run"'),
        ('{"format": "autolr_widget.TuneResults", "version": 1}', 'its "format" is not "autolr_widget.Run"'),
        (make_run().results.to_json(), 'its "format" is not "autolr_widget.Run"'),
        (change("version", 3), 'its "version" is 3, and this autolr_widget reads version 1 and 2'),
        (change("version", True), 'its "version" is True'),
        (change("version", 1.0), r'its "version" is 1\.0'),
        (TEXT.replace('"start"', '"losses": [], "start"'), "it has the key 'losses' twice"),
        (TEXT.replace('"seed": 42', '"seed": 42, "seed": 42'), "it has the key 'seed' twice"),
        (TEXT.replace("null", "NaN"), "it holds NaN"),
        (TEXT.replace("null", "-Infinity"), "it holds -Infinity"),
        (TEXT.replace("null", "1e999"), "`deltas` holds a number that is too large"),
        (TEXT.replace("null", "1" + "0" * 400), "`deltas` holds a number that is too large"),
        (TEXT.replace("null", "1" * 10_000), ""),
        (TEXT.replace("null", "true"), "`deltas` holds True"),
        (TEXT.replace("null", '"1"'), "`deltas` holds '1'"),
        ("[" * 100_000, "nested too deeply"),
        (change("start", [[[]]]), "`start` is a list, which is no str"),
        (change("losses", [0.0, 0.1]), "`losses` must hold one finite number a round.*3 rounds"),
        (change("losses", {}), "`losses` is an object, which is no list"),
        (change("settings", []), "`settings` is no object, it is a list"),
        (change("settings.num_evals", 4.0), r"`num_evals` is 4\.0, which is no int"),
        (change("settings.num_evals", True), "`num_evals` is True, which is no int"),
        (change("settings.num_evals", 10**12), "`num_evals` must be at most 10,000"),
        (change("settings.seed", "9" * 10**5), "`seed` is '9{60}'…, which is no int"),
        (change("settings.seed", -1), "Argument `seed` must be an integer of at least 0"),
        (change("settings.lr_min", "1e-5"), "`lr_min` is '1e-5', which is no float"),
        (change("settings.lr_min", 10**400), "Argument `lr_min` must be a finite number"),
        (change("settings.lr_max", 10.1), "must be on the grid of `settings`"),
        (change("settings.scale", "linear"), "must be on the grid of `settings`"),
        (change("settings.method", "third"), "Argument `method` must be one of"),
        (change("settings.pruner", ["full"]), "`pruner` is a list, which is no str"),
        (change("results", None), 'its "format" is not "autolr_widget.TuneResults"'),
        (change("results.rates", [1e-5, 10.0, 1e-3, 0.1]), "`rates` must be finite, not negative and in order"),
        (change("results.rates", [-1.0, 1e-3, 0.1, 10.0]), "`rates` must be finite, not negative and in order"),
        (change("results.rates", [1e-5, 1e-3, 0.2, 10.0]), "must be on the grid of `settings`"),
        (change("results.rates", []), "row 0 of `deltas` is no list of 0 values"),
        (change("results.deltas", [[0, 0, 0, 0], [0, 0, 0], [0, 0, 0, 0]]), "row 1 of `deltas` is no list of 4 values"),
        (change("results.deltas", "0000"), "`deltas` is '0000', which is no list"),
        (change("results.measured", [[True] * 4] * 2), "`measured` must have the shape of `deltas`"),
        (change("results.measured", [[1] * 4] * 3), "`measured` holds 1"),
        (change("results.measured", [[False] * 4] * 3), "`deltas` must be NaN where `measured` is False"),
        (change("results.measured", [[True] * 3 + [False]] * 3), "must be measured at all rates"),
        (change("results.scale", "linear"), "must be on the grid of `settings`"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(text, message, path):
    path.write_text(text)
    with pytest.raises(ValueError, match=f"Argument `path` must name .*run.json', but .*{message}"):
        SavedRun.read(path)
    with pytest.raises(
        ValueError, match=f"Argument `text` must be JSON written by `SavedRun.to_json`, but .*{message}"
    ):
        SavedRun.from_json(text)


def test_what_is_no_run_at_all_is_refused_unread(tmp_path):
    with pytest.raises(FileNotFoundError):
        SavedRun.read(tmp_path / "missing.json")
    os.mkfifo(tmp_path / "pipe")
    with open(tmp_path / "huge.json", "wb") as file:
        file.truncate(LIMIT + 1)
    for name in ("", "pipe", "huge.json"):
        with pytest.raises(ValueError, match="but it is no file of 64 MB at most"):
            SavedRun.read(tmp_path / name)
    (tmp_path / "latin.json").write_bytes(b'{"format": "\xe4"}')
    with pytest.raises(ValueError, match=r"latin\.json', but 'utf-8' codec can't decode"):
        SavedRun.read(tmp_path / "latin.json")


# --- writing --------------------------------------------------------------------------------------------------------


def test_a_write_that_fails_leaves_what_was_there(tmp_path, monkeypatch):
    make_run(2).write(tmp_path / "run.json")

    def fail(*_):
        raise OSError("the disk is full")

    for function in ("fsync", "replace"):
        with monkeypatch.context() as patch:
            patch.setattr(os, function, fail)
            with pytest.raises(OSError, match="full"):
                make_run(3).write(tmp_path / "run.json")
        assert os.listdir(tmp_path) == ["run.json"]
        assert SavedRun.read(tmp_path / "run.json") == make_run(2)
    monkeypatch.setattr(saved_run, "LIMIT", 1000)
    with pytest.raises(ValueError, match="A run must take"):
        make_run(100).write(tmp_path / "run.json")
    with pytest.raises(FileNotFoundError):
        make_run(2).write(tmp_path / "missing" / "run.json")
    assert os.listdir(tmp_path) == ["run.json"]


def test_a_file_is_readable_to_whom_others_are_and_links_stay_links(tmp_path):
    (tmp_path / "other").write_text("")
    (tmp_path / "link.json").symlink_to("run.json")
    make_run().write(tmp_path / "link.json")
    assert (tmp_path / "link.json").is_symlink()
    assert (tmp_path / "run.json").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_a_kill_at_any_instant_leaves_a_run_that_loads(tmp_path):
    code = """
import os, random, signal, sys, time
import numpy as np
from autolr_widget.engine.saved.saved_run import SavedRun
from autolr_widget.engine.grid import grid
from autolr_widget.engine.reading.results import TuneResults
from autolr_widget.engine.settings import Settings
path, chance = sys.argv[1], random.Random(0)
settings = Settings(num_evals=50)
rates, deltas = grid(settings.lr_min, settings.lr_max, 50), np.random.default_rng(0).normal(size=(200, 50))
written = []
for kill in range(100):
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        for rounds in range(1, 201):
            SavedRun(settings, TuneResults(rates, deltas[:rounds]), np.zeros(rounds)).write(path)
            os.write(into, bytes([rounds]))
        os._exit(0)
    # At least one, so that there is this child's file; then at any time.
    done = os.read(out, 1)
    time.sleep(chance.uniform(0, 0.05))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(into)
    while more := os.read(out, 1000):
        done = more[-1:]
    os.close(out)
    found = SavedRun.read(path)
    assert np.array_equal(found.results.deltas, deltas[:len(found.results)])
    # The one that was being written, too.
    assert len(found.results) in (done[0], done[0] + 1), (len(found.results), done[0])
    written.append(done[0])
print(len(set(written)))
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, tmp_path / "run.json"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 3, "killed at other times each time"


# --- going on -------------------------------------------------------------------------------------------------------


def assert_same_rounds(left, right):
    assert left.saved_run.results == right.saved_run.results
    np.testing.assert_array_equal(left.saved_run.losses, right.saved_run.losses)


@pytest.mark.parametrize("pruner", ["none", "racing"])
@pytest.mark.parametrize("horizon", [1, 3])
def test_a_run_that_goes_on_is_the_unbroken_run(make_model, digits, pruner, horizon):
    asked = {"num_evals": 7, "num_subsamples": 11, "horizon": horizon, "pruner": pruner}
    unbroken = LRTuner(make_model("adam", keras.layers.Dropout(0.3, seed=1)), *digits, **asked)
    saved = [unbroken.saved_run]
    for _ in unbroken:
        saved.append(unbroken.saved_run)
    if pruner == "racing":
        assert not unbroken.results.measured.all()
    tuner = LRTuner(make_model("adam", keras.layers.Dropout(0.3, seed=1)), *digits)
    for run in (saved[i] for i in (0, 1, 4, 6, 10)):
        tuner = tuner.restored(SavedRun.from_json(run.to_json()))
        assert tuner.results == run.results
        assert len([*tuner]) == 11 - len(run.results)
        assert_same_rounds(tuner, unbroken)
        assert tuner.saved_run.start == saved[-1].start
        if len(run.results):
            assert tuner.saved_run.began == saved[-1].began
    tuner = tuner.restored(saved[-1])
    assert tuner.is_complete
    np.testing.assert_array_equal(tuner.racing, unbroken.racing)


def test_a_run_of_a_killed_process_goes_on_here(make_model, digits, path):
    asked = {"num_evals": 5, "num_subsamples": 6, "horizon": 3}
    code = f"""
import os, signal, sys
import keras
from sklearn.datasets import load_digits
from autolr_widget import LRTuner
x, y = load_digits(return_X_y=True)
keras.utils.set_random_seed(0)
model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(16, activation="relu"), keras.layers.Dense(10)])
model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
for round in (tuner := LRTuner(model, (x / 16).astype("float32"), y, **{asked})):
    tuner.saved_run.write(sys.argv[1])
    if round.index == 3:
        os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True)
    assert done.returncode == -9, done.stderr
    run = SavedRun.read(path)
    assert len(run.results) == 4
    tuner = LRTuner(make_model("adam"), *digits).restored(run)
    unbroken = LRTuner(make_model("adam"), *digits, **asked)
    assert [round.index for round in tuner] == [4, 5]
    assert len([*unbroken]) == 6
    assert_same_rounds(tuner, unbroken)


def test_a_settled_run_ends_where_it_would_have(make_model, digits):
    asked = {"lr_space": (1e-3, 10), "num_evals": 3, "num_subsamples": 200, "horizon": 5, "stop_rule": "settled"}
    unbroken = LRTuner(make_model(), *digits, **asked)
    saved = [unbroken.saved_run for _ in unbroken]
    tuner = LRTuner(make_model(), *digits).restored(saved[2])
    assert not tuner.is_complete
    assert len([*tuner]) == len(unbroken) - 3 > 0
    assert_same_rounds(tuner, unbroken)


def batches(digits, order):
    return ((digits[0][10 * i : 10 * i + 10], digits[1][10 * i : 10 * i + 10]) for i in order)


@pytest.mark.parametrize("length", [100, 5])
def test_a_stream_goes_on_where_it_yields_the_same_again(make_model, digits, length):
    asked = {"num_evals": 3, "batch_size": 12, "num_subsamples": 6, "horizon": 2}
    unbroken = LRTuner(make_model(), batches(digits, range(length)), **asked)
    saved = [unbroken.saved_run for _ in unbroken]
    assert "data" not in saved[2].start
    tuner = LRTuner(make_model(), batches(digits, range(length))).restored(saved[2])
    assert len([*tuner]) == 3
    assert_same_rounds(tuner, unbroken)
    # Rows of the third round's second step.
    late = [*range(length)]
    late[-1 if length < 7 else 6] = 1
    for order in (range(length)[::-1], late):
        with pytest.raises(ValueError, match=r"began at a loss of .*or a stream yields in another order"):
            LRTuner(make_model(), batches(digits, order), batch_size=12).restored(saved[2])


def test_the_fingerprint_is_of_the_first_round_s_state(make_model, digits):
    model = make_model("adam")
    tuner = LRTuner(model, *digits, num_evals=3, horizon=1)
    assert tuner.saved_run.start == ""
    tuner.step()
    expected = tuner.saved_run.start
    again = tuner.renewed(tuner.settings)
    again.step()
    model.fit(digits[0][:64], digits[1][:64], verbose=0)
    model.optimizer.beta_1 = 0.5
    assert again.saved_run.start == expected


def test_the_learning_rate_and_names_are_no_part_of_the_state(make_model, digits):
    model = make_model("adam")
    tuner = LRTuner(model, *digits, num_evals=3, horizon=1)
    tuner.step()
    model.optimizer.learning_rate = 0.5
    tuner.restored(tuner.saved_run)
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
    other = LRTuner(make_model(keras.optimizers.Adam(schedule, name="another")), *digits)
    assert other.restored(tuner.saved_run).saved_run.start == tuner.saved_run.start


def train(model, digits):
    model.fit(digits[0][:64], digits[1][:64], verbose=0)


def step_and_put_weights_back(model, digits):
    before = model.get_weights()
    train(model, digits)
    model.set_weights(before)


def shift_seeds(model, digits):
    model(digits[0][:2], training=True)


WEIGHTS, STATE, OPTIMIZER, DATA = restore.PARTS.values()


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        (train, [WEIGHTS, STATE, OPTIMIZER]),
        (step_and_put_weights_back, [STATE, OPTIMIZER]),
        (shift_seeds, [STATE]),
        (lambda model, _: model.compile("sgd", model.loss), [OPTIMIZER]),
        (lambda model, _: model.compile(keras.optimizers.Adam(beta_1=0.8), model.loss), [OPTIMIZER]),
        (lambda _, digits: digits[0].__setitem__((7, 3), 0.123), [DATA]),
        (lambda _, digits: digits[1].__setitem__(slice(None), digits[1][::-1].copy()), [DATA]),
    ],
)
def test_another_state_is_refused(make_model, digits, change, differs):
    def make():
        return make_model("adam", keras.layers.Dropout(0.3, seed=1))

    tuner = LRTuner(make(), *digits, num_evals=3, horizon=1)
    tuner.step()
    model, data = make(), tuple(array.copy() for array in digits)
    change(model, data)
    with pytest.raises(ValueError, match="a run that began in another state: ") as error:
        LRTuner(model, *data).restored(tuner.saved_run)
    assert [part for part in restore.PARTS.values() if part in str(error.value)] == differs
    assert "TensorFlow" not in str(error.value)
    with pytest.raises(ValueError, match=r"measured with Keras 3\.1 and TensorFlow"):
        LRTuner(model, *data).restored(replace(tuner.saved_run, keras="3.1"))


@pytest.mark.parametrize("horizon", [1, 3])
def test_other_layers_and_losses_are_refused_by_the_loss(make_model, digits, horizon):
    tuner = LRTuner(make_model(), *digits, num_evals=3, horizon=horizon)
    tuner.step()
    other = make_model()
    other.layers[0].activation = keras.activations.tanh
    for model in (other, make_model(loss=lambda y, p: 2 * keras.losses.sparse_categorical_crossentropy(y, p, True))):
        with pytest.raises(
            ValueError, match=r"round 1 began at a loss of .*The layers or the loss function are others"
        ):
            LRTuner(model, *digits).restored(tuner.saved_run)


def test_only_what_is_known_is_compared(make_model, digits):
    tuner = LRTuner(make_model(), *digits, num_evals=3, horizon=1)
    tuner.step()
    for start in ("", "weights", "colour:blue"):
        assert len(tuner.restored(replace(tuner.saved_run, start=start))) == 1


def test_a_run_goes_on_at_the_rates_that_it_began_with(make_model, digits):
    tuner = LRTuner(make_model(), *digits, num_evals=3, horizon=1)
    tuner.step()
    # Another machine's last bit.
    rates = np.nextafter(tuner.rates, 0)
    results = TuneResults(rates, tuner.deltas)
    again = tuner.restored(replace(tuner.saved_run, results=results))
    np.testing.assert_array_equal(again.rates, rates)
    assert again.results == results


def test_a_batch_size_that_the_data_can_not_give_is_refused(make_model, digits):
    tuner = LRTuner(make_model(), *digits, num_evals=3, horizon=1)
    with pytest.raises(ValueError, match="`batch_size` must not be larger"):
        LRTuner(make_model(), digits[0][:20], digits[1][:20], batch_size=5).restored(tuner.saved_run)


def start_of(x):
    return fingerprint.fingerprint(State([], [], []), keras.optimizers.SGD(), Observations(x))


def test_data_are_looked_at_as_rounds_see_them(digits):
    x = digits[0]
    assert start_of(x.astype(float)) == start_of(x) == start_of(pd.DataFrame(x))
    assert start_of(x.astype(int)) != start_of(x.astype(int).astype(float))


def test_rows_of_large_data_are_looked_at_here_and_there(digits, monkeypatch, tmp_path):
    x = digits[0].copy()
    monkeypatch.setattr(fingerprint, "WHOLE", 40 * x[:1].nbytes)
    mapped = np.memmap(tmp_path / "x", x.dtype, "w+", shape=x.shape)
    mapped[:] = x
    assert start_of(mapped) == start_of(x)
    for row, seen in ((0, True), (1, False), (len(x) - 1, True)):
        other = x.copy()
        other[row] = 0.5
        assert (start_of(other) != start_of(x)) is seen
    assert start_of(np.zeros((50, 64), "float32")) != start_of(np.zeros((51, 64), "float32"))


def test_of_data_read_row_by_row_only_the_length_is_known(make_model, digits):
    class Rows:
        def __init__(self, rows, least):
            self.rows, self.least = rows, least

        def __len__(self):
            return len(self.rows)

        def __getitem__(self, index):
            assert index >= self.least
            return self.rows[index]

    tuner = LRTuner(make_model(), Rows(digits[0], 0), digits[1], num_evals=3, horizon=1)
    tuner.step()
    tuner.observations.arrays[0].least = math.inf
    run = tuner.saved_run
    assert len(LRTuner(make_model(), Rows(digits[0], 0), digits[1]).restored(run)) == 1
    with pytest.raises(ValueError, match="round 1 began at a loss of"):
        LRTuner(make_model(), Rows(digits[0][::-1], 0), digits[1]).restored(run)
    with pytest.raises(ValueError, match="the data differ"):
        LRTuner(make_model(), Rows(digits[0][1:], 0), digits[1][1:]).restored(run)


def test_class_weights_are_data(make_model, digits):
    weights = {i: 1.0 + i for i in range(10)}
    tuner = LRTuner(make_model(), *digits, class_weight=weights, num_evals=3, horizon=1)
    tuner.step()
    again = LRTuner(make_model(), *digits, class_weight=dict(reversed(weights.items())))
    assert len(again.restored(tuner.saved_run)) == 1
    with pytest.raises(ValueError, match="the data differ"):
        LRTuner(make_model(), *digits, class_weight=weights | {9: 1.0}).restored(tuner.saved_run)


def test_weights_of_any_dtype_have_a_fingerprint(digits):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(10, dtype="bfloat16")])
    optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam())
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    tuner = LRTuner(model, *digits, num_evals=3, horizon=1)
    tuner.step()
    assert tuner.saved_run.optimizer == "LossScaleOptimizer"
    tuner.restored(tuner.saved_run)


# --- looking at a saved run -----------------------------------------------------------------------------------------


def test_a_saved_run_reads_as_its_tuner_did(make_model, digits):
    asked = {"num_evals": 7, "num_subsamples": 9, "horizon": 1, "pruner": "racing"}
    tuner = LRTuner(make_model("adam"), *digits, **asked)
    list(tuner)
    saved = Replay(tuner.saved_run)
    for name in ("rates", "deltas", "racing"):
        np.testing.assert_array_equal(getattr(saved, name), getattr(tuner, name))
    assert (saved.results, saved.settings, saved.saved_run) == (tuner.results, tuner.settings, tuner.saved_run)
    assert len(saved) == 9
    assert saved.is_complete
    assert not saved.can_measure
    assert "saved run" in saved.plan
    saved.check_settings(replace(saved.settings, method="mean", num_subsamples=20))
    with pytest.raises(ValueError, match="no model to measure"):
        saved.check_settings(replace(saved.settings, batch_size=64))
    saved.settings = replace(saved.settings, method="max")
    assert saved.saved_run == replace(tuner.saved_run, settings=saved.settings)
    for refused in (saved.step, lambda: saved.renewed(saved.settings), lambda: saved.model):
        with pytest.raises(ValueError, match="This is a saved run without a model to measure"):
            refused()


def test_a_record_names_what_measured(make_model, digits):
    model = make_model("adam")
    tuner = LRTuner(model, *digits, num_evals=3, horizon=1)
    tuner.step()
    run = tuner.saved_run
    assert {field.name for field in fields(SavedRun)} - {"settings", "results", "losses"} == {*WORDS}
    assert (run.model, run.optimizer, run.keras, run.tensorflow) == (
        model.name, "Adam", keras.__version__, tf.__version__
    )  # fmt: skip
    assert run.began.endswith("+00:00")
    assert [part.split(":")[0] for part in run.start.split(";")] == [*restore.PARTS]
