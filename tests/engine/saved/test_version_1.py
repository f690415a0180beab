import json
from pathlib import Path

import numpy as np
import pytest

from autolr_widget import TunerWidget
from autolr_widget.engine.saved.saved_run import SavedRun
from autolr_widget.engine.saved.version_1 import upgrade

#: Written by version 0.1.0 at commit 1331467, with sampler="racing", evaluate_on="own" and method="cautious".
FILE = Path(__file__).with_name("version_1.json")


def test_a_file_of_version_1_has_the_new_names_and_the_same_numbers():
    run, content = SavedRun.read(FILE), json.loads(FILE.read_text())
    settings = run.settings
    assert content["version"] == 1
    assert (settings.pruner, settings.evaluate_on, settings.method) == ("racing", "progressive", "half-minimum")
    for name in ("lr_min", "lr_max", "scale", "num_evals", "num_subsamples", "batch_size", "horizon", "alpha", "band",
                 "stop_rule", "seed"):  # fmt: skip
        assert getattr(settings, name) == content["settings"][name]
    np.testing.assert_array_equal(run.results.deltas, content["results"]["deltas"])
    np.testing.assert_array_equal(run.results.rates, content["results"]["rates"])
    np.testing.assert_array_equal(run.losses, content["losses"])
    assert (run.model, run.began, run.start) == (content["model"], content["began"], content["start"])


def test_a_file_of_version_1_is_written_as_version_2(tmp_path):
    run = SavedRun.read(FILE)
    run.write(tmp_path / "run.json")
    assert json.loads((tmp_path / "run.json").read_text())["version"] == 2
    assert SavedRun.read(tmp_path / "run.json") == run


def test_a_file_of_version_1_is_shown_by_the_widget():
    widget = TunerWidget.load(FILE)
    assert (widget.status, widget.round, widget.pruner, widget.method) == ("done", 5, "racing", "half-minimum")
    assert widget.selected_lr == widget.results.best_lr("half-minimum")
    widget.close()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"sampler": "full"}, {"pruner": "none"}),
        ({"sampler": "racing"}, {"pruner": "racing"}),
        ({"evaluate_on": "own"}, {"evaluate_on": "progressive"}),
        ({"evaluate_on": "same"}, {"evaluate_on": "train"}),
        ({"evaluate_on": "held-out"}, {"evaluate_on": "held-out"}),
        ({"method": "cautious"}, {"method": "half-minimum"}),
        ({"method": "mean", "seed": 3}, {"method": "mean", "seed": 3}),
        ({"method": ["cautious"]}, {"method": ["cautious"]}),
        (None, None),
    ],
)
def test_upgrade(old, new):
    assert upgrade(old) == new


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("sampler", "racing", "`settings` lacks the key 'pruner'"),
        ("evaluate_on", "own", "`evaluate_on` must be one of"),
    ],
)
def test_version_2_refuses_the_names_of_version_1(name, value, message):
    content = json.loads(SavedRun.read(FILE).to_json())
    if name == "sampler":
        del content["settings"]["pruner"]
    content["settings"][name] = value
    with pytest.raises(ValueError, match=message):
        SavedRun.from_json(json.dumps(content))


def test_version_2_does_not_know_the_rule_of_version_1():
    content = json.loads(SavedRun.read(FILE).to_json())
    content["settings"]["method"] = "cautious"
    with pytest.warns(UserWarning, match="the rule 'cautious', which is not known"):
        SavedRun.from_json(json.dumps(content))
