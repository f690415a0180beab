import subprocess
import sys

import numpy as np
import pytest

from autolr_widget import LRTuner, TunerWidget
from tests.widget.front_end import SETTINGS, tick


def test_a_saved_run_is_shown_without_a_model(make_model, digits, tmp_path):
    widget = TunerWidget(make_model("adam"), *digits, **SETTINGS)
    widget.run()
    widget.save(tmp_path / "run.json")
    loaded = TunerWidget.load(tmp_path / "run.json")
    assert (loaded.results, loaded.status, loaded.round) == (widget.results, "done", 5)
    assert (loaded.selected_lr, loaded._panel.reason) == (widget.selected_lr, widget._panel.reason)
    assert loaded._panel.replay
    np.testing.assert_array_equal(loaded.figure.marks[-1].y, widget.figure.marks[-1].y)
    # Its rules, its files and its picture are at hand.
    loaded.method = "valley"
    assert loaded.selected_lr == widget.results.best_lr("valley")
    loaded.pin_run()
    assert loaded._panel.pins[0]["words"].startswith("Adam")
    for kind in ("json", "csv", "png", "html"):
        loaded.save(tmp_path / f"again.{kind}")
    for ask in (loaded.start, loaded.run, loaded.reset, loaded.refine, loaded.apply):
        with pytest.raises(ValueError, match="This is a saved run"):
            ask()
        assert loaded.results == widget.results
    with pytest.raises(ValueError, match="This is a saved run"):
        loaded.seed = 7
    assert (loaded.seed, loaded._panel.stale, loaded._view.before) == (widget.seed, False, None)
    loaded._on_message(None, {"type": "start"}, [])
    assert "This is a saved run" in loaded._panel.notice


@pytest.mark.parametrize("cut", [1, 3])
def test_a_run_goes_on_from_its_file(make_model, digits, tmp_path, cut):
    path = tmp_path / "run.json"
    unbroken = TunerWidget(make_model("adam"), *digits, **SETTINGS).run()
    widget = TunerWidget(make_model("adam"), *digits, **SETTINGS, autosave=path)
    for _ in range(cut):
        widget.step()
        tick(widget)
    widget.close()
    other = TunerWidget.load(path, make_model("adam"), *digits, autosave=path)
    assert (other.status, other.round, other._panel.replay) == ("paused", cut, False)
    other.resume()
    while other.status == "running":
        tick(other)
    assert other.results == unbroken
    assert TunerWidget.load(path).results == unbroken


def test_it_does_not_go_on_with_another_model(make_model, digits, tmp_path):
    widget = TunerWidget(make_model("adam"), *digits, **SETTINGS)
    widget.run()
    widget.save(tmp_path / "run.json")
    model = make_model("adam")
    model.fit(*digits, verbose=0)
    with pytest.raises(ValueError, match="the model's weights"):
        TunerWidget.load(tmp_path / "run.json", model, *digits)


def test_every_round_is_on_the_disk(make_model, digits, tmp_path):
    path = tmp_path / "run.json"
    widget = TunerWidget(make_model(), *digits, **SETTINGS, autosave=path)
    kept = []
    widget.observe(lambda change: kept.append(len(TunerWidget.load(path).results)), names="round")
    widget.run()
    assert kept == [1, 2, 3, 4, 5]
    assert [*tmp_path.iterdir()] == [path]


def test_a_file_that_can_not_be_written_is_told_and_ends_no_run(make_model, digits, tmp_path):
    widget = TunerWidget(make_model(), *digits, **SETTINGS, autosave=tmp_path / "nowhere" / "run.json")
    widget.run()
    assert widget.status == "done"
    assert widget._panel.notice.startswith("Not saved: ")


def test_autosave_is_json(make_model, digits):
    with pytest.raises(
        ValueError, match=r"`autosave` must be a path that ends in \.json\. Received: autosave=run\.pkl"
    ):
        TunerWidget(make_model(), *digits, autosave="run.pkl")


KILLED = """
import sys, numpy as np, keras
from autolr_widget import TunerWidget
x, y = np.random.default_rng(0).normal(size=(64, 4)), np.zeros(64)
keras.utils.set_random_seed(0)
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
tuner = TunerWidget(model, x, y, num_evals=4, num_subsamples=10**6, horizon=2, autosave=sys.argv[1])
tuner.observe(lambda change: change["new"] == 20 and print("20", flush=True), "round")
tuner.run()
"""


def test_a_kill_in_the_middle_of_a_run_leaves_its_rounds(tmp_path):
    path = tmp_path / "run.json"
    process = subprocess.Popen([sys.executable, "-c", KILLED, path], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "20\n"
    process.kill()
    process.wait()
    process.stdout.close()
    assert TunerWidget.load(path).round >= 20


def test_the_state_that_is_kept_is_the_engine_s(make_model, digits, tmp_path):
    widget = TunerWidget(make_model(), *digits, **SETTINGS)
    widget.run()
    widget.save(tmp_path / "run.json")
    engine = LRTuner(make_model(), *digits, **SETTINGS)
    list(engine)
    assert TunerWidget.load(tmp_path / "run.json").results == engine.results
