import json
import math
import os
import subprocess
import sys
from dataclasses import fields, replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from autolr_widget import LRTuner, TuneResults
from autolr_widget.engine.grid import grid
from autolr_widget.engine.live.look import Look
from autolr_widget.engine.reading.selection import RULES
from autolr_widget.engine.saved import saved_run
from autolr_widget.engine.saved.saved_run import LIMIT, NUMBERS, SavedRun, write_whole
from autolr_widget.engine.settings import Settings
from tests.engine.saved.make_run import WORDS, make_run


@st.composite
def saved_runs(draw):
    scale, pruner = draw(st.sampled_from(["log", "linear"])), draw(st.sampled_from(["none", "racing"]))
    lr_min = draw(st.floats(1e-300, 1) | st.just(1e-5) | st.just(0.0 if scale == "linear" else 1e-8))
    chosen = Settings(
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
    shape = draw(st.integers(0, 5)), chosen.num_evals
    deltas = draw(arrays(float, shape, elements=st.floats()))
    measured = draw(arrays(bool, shape)) if pruner == "racing" else np.ones(shape, bool)
    deltas[~measured] = math.nan
    rates = grid(chosen.lr_min, chosen.lr_max, chosen.num_evals, scale)
    losses = draw(arrays(float, shape[0], elements=st.floats(allow_nan=False, allow_infinity=False)))
    words = draw(st.fixed_dictionaries({name: st.text(st.characters()) for name in WORDS}))
    curves, starts = None, None
    if draw(st.booleans()):
        finite_or_nan = st.floats(allow_infinity=False)
        curves = draw(arrays(float, (*shape, chosen.horizon), elements=finite_or_nan, fill=finite_or_nan))
        starts = draw(arrays(float, (shape[0], chosen.horizon), elements=finite_or_nan, fill=finite_or_nan))
    numbers = {
        "pinned_lr": draw(st.none() | st.floats(0, exclude_min=True, allow_infinity=False)),
        "num_observations": draw(st.none() | st.integers(1)),
        "own_batch_size": draw(st.none() | st.integers(1)),
    }
    return SavedRun(chosen, TuneResults(rates, deltas, scale, measured, curves, starts), losses, **words, **numbers)


@pytest.mark.slow
@given(run=saved_runs())
def test_write_and_read_round_trip(run, path):
    text = run.to_json()
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    run.write(path)
    for again in (SavedRun.from_json(text), SavedRun.read(path)):
        assert again == run
        assert again.settings == run.settings
        assert again.results == run.results
        np.testing.assert_array_equal(again.losses, run.losses)
        for name in (*WORDS, "pinned_lr", "num_observations", "own_batch_size"):
            assert getattr(again, name) == getattr(run, name)
    assert TuneResults.from_json(text) == run.results


def test_looks_are_saved(path):
    looks = (
        Look(0, 0, 0.1, 0.01, 0.1 + 0.2, 0.05, True, "Changed 0.1 to 0.01.", 50),
        Look(12, 480, 0.01, None, None, None, False, "Kept 0.01.", 26),
    )
    run = replace(make_run(), looks=looks)
    run.write(path)
    assert SavedRun.read(path).looks == looks
    assert run != make_run()
    assert TuneResults.from_json(run.to_json()) == run.results
    assert "looks" not in json.loads(make_run().to_json()), "as before there were looks"


@pytest.mark.parametrize("number", [0.1, 1])
def test_a_pinned_rate_and_the_size_of_the_data_are_saved(path, number):
    run = make_run(pinned_lr=number, num_observations=1797, own_batch_size=16)
    run.write(path)
    again = SavedRun.read(path)
    assert (again.pinned_lr, again.num_observations, again.own_batch_size) == (number, 1797, 16)
    assert type(again.pinned_lr) is float
    content = json.loads(path.read_text())
    assert content["version"] == 2
    # Files that were written before are the same without them.
    for name in NUMBERS:
        del content[name]
    assert json.loads(make_run().to_json()) == content


@pytest.mark.parametrize("pinned_lr", [0.0, -1.0, math.nan, math.inf])
def test_a_pinned_rate_must_be_positive(pinned_lr):
    with pytest.raises(ValueError, match="`pinned_lr` must be a positive number or None"):
        make_run(pinned_lr=pinned_lr)


def test_a_run_of_a_rule_that_is_not_known_gets_the_default_rule(path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setitem(RULES, "mine", lambda rates, deltas: rates[0])
        run = replace(make_run(), settings=replace(make_run().settings, method="mine"))
        run.write(path)
        assert SavedRun.read(path) == run
    with pytest.warns(
        UserWarning, match=r"saved with the rule 'mine', .*RULES\['mine'\] = lambda rates, deltas: "
    ) as seen:
        again = SavedRun.read(path)
    assert len(seen) == 1
    assert again == replace(run, settings=Settings(num_evals=4))
    with pytest.warns(UserWarning, match="gets the rule 'half-minimum', and has that if it is saved again"):
        assert SavedRun.from_json(run.to_json()) == again


def test_runs_that_differ_are_not_equal():
    run = make_run()
    assert run == make_run()
    assert run != replace(run, losses=run.losses + 1e-15)
    assert run != replace(run, settings=replace(run.settings, seed=1))
    assert all(run != replace(run, **{name: "other"}) for name in WORDS)


@pytest.mark.parametrize("losses", [[0.0, 1.0], [0.0, 1.0, math.nan], [[0.0, 1.0, 2.0]]])
def test_losses_must_be_one_number_per_round(losses):
    with pytest.raises(ValueError, match=r"`losses` must contain one finite number per round.*3 rounds"):
        replace(make_run(), losses=losses)


@pytest.mark.parametrize("word", ["<img src=x onerror=alert(1)>", "</script>", "../../etc/passwd", "\0", "\ud800", "∅"])
def test_strings_are_kept_unchanged(word, path):
    make_run(**dict.fromkeys(WORDS, word)).write(path)
    again = SavedRun.read(path)
    assert [getattr(again, name) for name in WORDS] == [word] * len(WORDS)


def test_files_that_cannot_be_a_run_are_not_read(tmp_path):
    with pytest.raises(FileNotFoundError):
        SavedRun.read(tmp_path / "missing.json")
    os.mkfifo(tmp_path / "pipe")
    with open(tmp_path / "huge.json", "wb") as file:
        file.truncate(LIMIT + 1)
    for name in ("", "pipe", "huge.json"):
        with pytest.raises(ValueError, match="but it is not a file of at most 64 MB"):
            SavedRun.read(tmp_path / name)
    (tmp_path / "latin.json").write_bytes(b'{"format": "\xe4"}')
    with pytest.raises(ValueError, match=r"latin\.json', but 'utf-8' codec can't decode"):
        SavedRun.read(tmp_path / "latin.json")


def test_a_failed_write_keeps_the_old_file(tmp_path, monkeypatch):
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
    with pytest.raises(ValueError, match="The run is too large"):
        make_run(100).write(tmp_path / "run.json")
    with pytest.raises(FileNotFoundError) as error:
        make_run(2).write(tmp_path / "missing" / "run.json")
    assert str(error.value) == f"[Errno 2] No such file or directory: {str(tmp_path / 'missing' / 'run.json')!r}"
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", lambda *paths: os.rename(tmp_path / "nothing", tmp_path / "run.json"))
        with pytest.raises(FileNotFoundError) as error:
            write_whole(tmp_path / "link.json", b"")
    assert (error.value.filename, error.value.filename2) == (str(tmp_path / "link.json"), None)
    assert os.listdir(tmp_path) == ["run.json"]


def test_write_keeps_default_permissions_and_symbolic_links(tmp_path):
    (tmp_path / "other").write_text("")
    (tmp_path / "link.json").symlink_to("run.json")
    make_run().write(tmp_path / "link.json")
    assert (tmp_path / "link.json").is_symlink()
    assert (tmp_path / "run.json").stat().st_mode == (tmp_path / "other").stat().st_mode


@pytest.mark.slow
def test_a_kill_during_a_write_leaves_a_complete_file(tmp_path):
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
    # Wait for the child's first file, then kill it at a random time.
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
    # The file may already be the one that was being written.
    assert len(found.results) in (done[0], done[0] + 1), (len(found.results), done[0])
    written.append(done[0])
print(len(set(written)))
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, tmp_path / "run.json"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 3, "the kills hit different rounds"


def test_a_saved_run_names_model_optimizer_and_versions(make_model, digits):
    model = make_model("adam")
    tuner = LRTuner(model, *digits, num_evals=3, horizon=1)
    tuner.step()
    run = tuner.saved_run
    assert {field.name for field in fields(SavedRun)} - {"settings", "results", "losses", "looks", *NUMBERS} == {*WORDS}
    assert (run.model, run.optimizer, run.keras, run.tensorflow) == (
        model.name, "Adam", keras.__version__, tf.__version__
    )  # fmt: skip
    assert run.began.endswith("+00:00")
    assert [part.split(":")[0] for part in run.start.split(";")] == ["weights", "state", "optimizer", "data"]
