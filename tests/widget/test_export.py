import numpy as np
import pandas as pd
import pytest

from autolr_widget import TuneResults, TunerWidget
from autolr_widget.widget.export import FORMATS
from tests.widget.front_end import send

pytestmark = pytest.mark.trains


@pytest.mark.parametrize(
    ("settings", "pinned"), [({}, None), ({"num_evals": 5, "horizon": 1, "seed": 3}, None), ({}, 0.125)]
)
def test_the_code_applies_the_same_rate(make_model, digits, settings, pinned):
    model = make_model()
    widget = TunerWidget(model, *digits, **settings)
    widget.num_subsamples = 3
    widget.run()
    widget.selected_lr = pinned
    chosen = widget.selected_lr
    exec(widget._panel.code, {"model": model, "x": digits[0], "y": digits[1]})
    assert float(model.optimizer.learning_rate) == pytest.approx(chosen)


@pytest.mark.slow
@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("rounds", [0, 3])
def test_save_and_download(widget, tmp_path, kind, rounds, monkeypatch):
    widget.num_subsamples = 3
    if rounds:
        widget.run()
    path = tmp_path / f"run.{kind}"
    widget.save(path)
    data, results = path.read_bytes(), widget.results
    if kind == "json":
        assert TuneResults.from_json(data.decode()) == results
    elif kind in ("csv", "parquet"):
        read = pd.read_csv(path, index_col=0, dtype=str) if kind == "csv" else pd.read_parquet(path)
        np.testing.assert_allclose(read.to_numpy(dtype=float), results.deltas, rtol=1e-15)
        np.testing.assert_array_equal([float(name) for name in read.columns], results.rates)
    elif kind == "png":
        assert data.startswith(b"\x89PNG")
    else:
        assert b"<svg" in data
        if kind == "html":
            assert (b"lr_min 0.0001" in data, b"<td>0.0001</td>" in data) == (True, True)
            assert (b'<div class="autolr-widget autolr-recorded">' in data) == (rounds > 0)
            assert data.count(b"</script>") == (2 if rounds else 1)
    sent = []
    monkeypatch.setattr(widget._panel, "send", lambda content, buffers: sent.append((content, buffers)))
    send(widget, type="download", format=kind)
    assert [content for content, _ in sent] == [{"type": "file", "name": f"learning-rate.{kind}"}]
    send(widget, type="download", format="exe")
    assert len(sent) == 1


def test_save_refuses_other_formats(widget, tmp_path):
    with pytest.raises(ValueError, match=r"`path` must end in one of \.json"):
        widget.save(tmp_path / "run.pkl")


def test_the_code_follows_the_settings(widget):
    widget.num_evals = 31
    assert "num_evals=31" in widget._panel.code
    widget.run()
    widget.num_subsamples = 33
    assert "num_subsamples=33" in widget._panel.code


def test_saved_files_and_plots_use_the_chosen_band(widget, tmp_path):
    widget.run()
    widget.band = "t"
    widget.save(tmp_path / "run.html")
    upper = widget.results.summary(0.05, "t")["upper"].iloc[-1]
    assert f"{upper:.4g}" in (tmp_path / "run.html").read_text()
    ax = widget.results.plot(band="t")
    assert ax.collections[0].get_datalim(ax.transData).y1 == pytest.approx(
        widget.results.summary(0.05, "t")["upper"].max()
    )


def test_a_failed_save_keeps_the_old_file(widget, tmp_path, monkeypatch):
    widget.run()
    widget.save(tmp_path / "run.csv")
    before = (tmp_path / "run.csv").read_bytes()
    monkeypatch.setattr("os.fsync", lambda _: 1 / 0)
    for kind in ("csv", "json"):
        with pytest.raises(ZeroDivisionError):
            widget.save(tmp_path / f"run.{kind}")
    assert [path.name for path in tmp_path.iterdir()] == ["run.csv"]
    assert (tmp_path / "run.csv").read_bytes() == before


def test_the_code_names_the_data_arguments(make_model, digits):
    x, y = digits
    widget = TunerWidget(make_model(), x, y, sample_weight=np.ones(len(y)))
    assert "LRTuner(model, x, y, sample_weight=sample_weight)" in widget._panel.code
