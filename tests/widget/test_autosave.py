import subprocess
import sys

import pytest

from autolr_widget import TunerWidget
from tests.widget.front_end import SETTINGS, send

pytestmark = pytest.mark.trains


def test_autosave_writes_every_round(make_model, digits, tmp_path):
    path = tmp_path / "run.json"
    widget = TunerWidget(make_model(), *digits, **SETTINGS, autosave=path)
    written = []
    widget.observe(lambda change: written.append(len(TunerWidget.load(path).results)), names="round")
    widget.run()
    assert written == [1, 2, 3, 4, 5]
    assert [*tmp_path.iterdir()] == [path]


def test_a_failed_autosave_is_reported_and_does_not_stop_the_run(make_model, digits, tmp_path):
    path = tmp_path / "folder" / "run.json"
    path.parent.mkdir()
    widget = TunerWidget(make_model(), *digits, **SETTINGS, autosave=path)
    path.parent.rmdir()
    with pytest.warns(UserWarning, match=r"Not saved: .*No such file or directory: .*folder/run\.json'$") as warned:
        widget.run()
    assert len(warned) == 1, "it warns once, not after each round"
    assert widget.status == "done"
    assert widget._panel.notice.startswith("Not saved: ")
    path.parent.mkdir()
    widget.apply()
    path.unlink()
    path.parent.rmdir()
    with pytest.warns(UserWarning, match="Not saved"):
        send(widget, type="apply")
    assert " · Not saved: " in widget._panel.notice, "beside what was applied"


def test_the_folder_of_autosave_must_exist(make_model, digits, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"must be in a folder that exists\. Received: autosave=no/run\.json"):
        TunerWidget(make_model(), *digits, autosave="no/run.json")
    widget = TunerWidget(make_model(), *digits, **SETTINGS, autosave="run.json")
    widget.run()
    assert (tmp_path / "run.json").exists()
    for kind in ("json", "csv"):
        with pytest.raises(FileNotFoundError, match=rf"No such file or directory: 'no/run\.{kind}'$"):
            widget.save(f"no/run.{kind}")


def test_autosave_must_end_in_json(make_model, digits):
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


@pytest.mark.slow
def test_autosave_keeps_the_rounds_of_a_killed_run(tmp_path):
    path = tmp_path / "run.json"
    process = subprocess.Popen([sys.executable, "-c", KILLED, path], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "20\n"
    process.kill()
    process.wait()
    process.stdout.close()
    assert TunerWidget.load(path).round >= 20
