import base64
import html
import json

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from autolr_widget import TunerWidget
from autolr_widget.engine.reading.selection import RULES
from tests.widget.front_end import SETTINGS

pytestmark = pytest.mark.trains


@pytest.fixture
def outputs(monkeypatch):
    """The (data, display id, is update) of each message that a kernel would publish."""
    # Its history is kept by a thread, which ends with the process.
    config = Config({"HistoryManager": {"enabled": False}})
    shell, seen = InteractiveShell.instance(config=config), []

    def publish(data, metadata=None, *, transient=None, update=False, **_):
        seen.append((data, (transient or {}).get("display_id"), update))

    monkeypatch.setattr(shell.display_pub, "publish", publish)
    shell.kernel = object()
    yield seen
    InteractiveShell.clear_instance()


def test_a_reader_without_a_kernel_sees_the_last_state(make_model, digits, outputs):
    widget = TunerWidget(make_model(), *digits, **SETTINGS)
    widget._ipython_display_()
    (view, _, _), (snapshot, name, update) = outputs
    assert view["application/vnd.jupyter.widget-view+json"]["model_id"] == widget.model_id
    assert "no learning rate chosen, idle after 0 of 5 rounds" in view["text/plain"] == snapshot["text/plain"]
    assert "image/png" not in snapshot
    assert not update
    outputs.clear()
    widget.run()
    ((snapshot, again, update),) = outputs
    assert (again, update) == (name, True)
    assert base64.b64decode(snapshot["image/png"]).startswith(b"\x89PNG")
    assert f"learning rate {widget.selected_lr:.4g}, done after 5 of 5 rounds" in snapshot["text/plain"]
    assert snapshot["text/html"].startswith('<div class="autolr-snapshot">')
    for rate in widget.results.rates:
        assert f"{rate:g}" in snapshot["text/plain"]
    json.dumps(snapshot)


def test_a_reader_without_a_kernel_sees_why_no_rate_is_chosen(make_model, digits, outputs):
    widget = TunerWidget(make_model(), *digits, lr_space=(1e3, 1e5), num_evals=4, num_subsamples=2, horizon=2)
    widget._ipython_display_()
    outputs.clear()
    widget.run()
    ((snapshot, _, _),) = outputs
    for kind in ("text/plain", "text/html"):
        assert "finds no rate that lowers the loss. Try rates below 1000" in snapshot[kind]
    outputs.clear()
    widget._ipython_display_()
    assert all("finds no rate that lowers the loss" in data["text/plain"] for data, _, _ in outputs)


def test_a_script_prints_text(make_model, digits, capsys):
    widget = TunerWidget(make_model(), *digits, **SETTINGS)
    widget._ipython_display_()
    widget.run()
    assert "idle after 0 of 5 rounds" in capsys.readouterr().out
    assert repr(widget).startswith(f"TunerWidget: learning rate {widget.selected_lr:.4g}, done after 5 of 5 rounds\n")
    assert "<" not in repr(widget)


@pytest.mark.parametrize("markup", ["<img src=x onerror=alert(1)>", "</script><script>alert(1)</script>", "{x}"])
def test_markup_is_escaped_in_all_saved_files(make_model, digits, tmp_path, monkeypatch, outputs, markup):
    monkeypatch.setitem(RULES, markup, lambda rates, deltas: float(rates[2]))
    widget = TunerWidget(make_model(), *digits, **SETTINGS, method=markup)
    widget._ipython_display_()
    widget.run()
    widget.save(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert html.escape(markup) in page
    assert "<img" not in page
    assert page.count("<script") == page.count("</script") == 2, "the run as JSON, and the front end"
    assert "<script" not in outputs[-1][0]["text/html"]
    # A file with markup in it.
    text = widget.tuner.saved_run.to_json().replace('"SGD"', json.dumps(markup))
    (tmp_path / "run.json").write_text(text)
    loaded = TunerWidget.load(tmp_path / "run.json")
    loaded.pin_run()
    assert loaded._panel.pins[0]["words"].startswith(markup), "kept as it is: the page shows it as text"
