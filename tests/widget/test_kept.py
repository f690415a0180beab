"""What is left of a run: files that it can go on from, and what a reader without a kernel sees."""

import base64
import contextlib
import fcntl
import html
import json
import os
import struct
import subprocess
import sys
import termios

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell

from autolr_widget import LRTuner, TunerWidget
from autolr_widget.engine.reading.selection import RULES

SETTINGS = {"lr_space": (1e-4, 10), "num_evals": 6, "num_subsamples": 5, "horizon": 2}


def tick(widget):
    widget._on_message(None, {"type": "tick", "round": widget.round}, [])


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


@pytest.fixture
def outputs(monkeypatch):
    """What is published in a kernel's stead: data, and the display that it updates."""
    shell, seen = InteractiveShell.instance(), []

    def publish(data, metadata=None, *, transient=None, update=False, **_):
        seen.append((data, (transient or {}).get("display_id"), update))

    monkeypatch.setattr(shell.display_pub, "publish", publish)
    shell.kernel = object()
    yield seen
    InteractiveShell.clear_instance()


def test_a_reader_without_a_kernel_sees_the_last_state(make_model, digits, outputs):
    widget = TunerWidget(make_model(), *digits, **SETTINGS)
    widget._ipython_display_()
    (view, _, _), (still, name, update) = outputs
    assert view["application/vnd.jupyter.widget-view+json"]["model_id"] == widget.model_id
    assert "no learning rate chosen, idle after 0 of 5 rounds" in view["text/plain"] == still["text/plain"]
    assert "image/png" not in still
    assert not update
    outputs.clear()
    widget.run()
    ((still, again, update),) = outputs
    assert (again, update) == (name, True)
    assert base64.b64decode(still["image/png"]).startswith(b"\x89PNG")
    assert f"learning rate {widget.selected_lr:.4g}, done after 5 of 5 rounds" in still["text/plain"]
    assert still["text/html"].startswith('<div class="autolr-snapshot">')
    for rate in widget.results.rates:
        assert f"{rate:g}" in still["text/plain"]
    json.dumps(still)


def test_in_a_script_it_is_text(make_model, digits, capsys):
    widget = TunerWidget(make_model(), *digits, **SETTINGS)
    widget._ipython_display_()
    widget.run()
    assert "idle after 0 of 5 rounds" in capsys.readouterr().out
    assert repr(widget).startswith(f"TunerWidget: learning rate {widget.selected_lr:.4g}, done after 5 of 5 rounds\n")
    assert "<" not in repr(widget)


SCRIPT = """
import numpy as np, keras
from autolr_widget import TunerWidget
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
tuner = TunerWidget(model, np.ones((64, 4)), np.zeros(64), num_evals=4, num_subsamples=7, horizon=2)
print(len(tuner.run()))
"""


@pytest.mark.parametrize("terminal", [True, False])
def test_run_shows_a_bar_in_a_terminal_and_only_there(terminal):
    leader, follower = os.openpty()
    # A terminal of no width has no room for a bar.
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT],
        stdout=subprocess.PIPE,
        stderr=follower if terminal else subprocess.PIPE,
        text=True,
    )
    os.close(follower)
    shown = b"" if terminal else process.stderr.read().encode()
    # It ends with an error once nobody holds the other end any more.
    with contextlib.suppress(OSError):
        while terminal and (some := os.read(leader, 4096)):
            shown += some
    os.close(leader)
    assert process.communicate()[0] == "7\n"
    assert (b"7/7" in shown) == terminal


@pytest.mark.parametrize("markup", ["<img src=x onerror=alert(1)>", "</script><script>alert(1)</script>", "{x}"])
def test_markup_stays_text_in_all_that_is_kept(make_model, digits, tmp_path, monkeypatch, outputs, markup):
    monkeypatch.setitem(RULES, markup, lambda rates, deltas: float(rates[2]))
    widget = TunerWidget(make_model(), *digits, **SETTINGS, method=markup)
    widget._ipython_display_()
    widget.run()
    widget.save(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert html.escape(markup) in page
    assert "<img" not in page
    assert "<script" not in page
    assert "<script" not in outputs[-1][0]["text/html"]
    # A file in which somebody has written it.
    text = widget.tuner.saved_run.to_json().replace('"SGD"', json.dumps(markup))
    (tmp_path / "run.json").write_text(text)
    loaded = TunerWidget.load(tmp_path / "run.json")
    loaded.pin_run()
    assert loaded._panel.pins[0]["words"].startswith(markup), "as it is: the page makes text of it"


def test_the_state_that_is_kept_is_the_engine_s(make_model, digits, tmp_path):
    widget = TunerWidget(make_model(), *digits, **SETTINGS)
    widget.run()
    widget.save(tmp_path / "run.json")
    engine = LRTuner(make_model(), *digits, **SETTINGS)
    list(engine)
    assert TunerWidget.load(tmp_path / "run.json").results == engine.results
