"""`Settings` is the only place that names a setting, and the front end knows exactly the traits that Python syncs."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from autolr_widget.engine.settings import SETTINGS
from autolr_widget.widget.panel import Panel

ROOT = Path(__file__).parent.parent
SEED = '    seed: int = _setting(42, "integer"'
MADE_UP = '    patience: int = _setting(3, "integer", "more", "Patience", "Made up for a test.", least=1, slider=9)\n'

WHERE_IT_ARRIVES = """
import inspect, json
from dataclasses import replace
from autolr_widget import LRTuner, TunerWidget
from autolr_widget.engine.reading.results import TuneResults
from autolr_widget.engine.saved.saved_run import SavedRun
from autolr_widget.engine.settings import Settings
from autolr_widget.widget.export import python
from autolr_widget.widget.panel import Panel
import autolr_widget, numpy as np

(control,) = [control for control in Panel().settings if control["name"] == "patience"]
settings = Settings(patience=5)
saved = SavedRun(settings, TuneResults(np.geomspace(1e-4, 10.0, 9), np.zeros((1, 9))), np.ones(1))
try:
    Settings(patience=0)
except ValueError as error:
    refused = str(error)
print(json.dumps({
    "package": autolr_widget.__file__,
    "signatures": [inspect.signature(cls).parameters["patience"].default for cls in (LRTuner, TunerWidget)],
    "documented": ["Made up for a test." in cls.__doc__ for cls in (Settings, LRTuner, TunerWidget)],
    "traits": [cls.class_traits()["patience"].default_value for cls in (TunerWidget, Panel)],
    "synced": "patience" in Panel.class_traits(sync=True),
    "control": control,
    "refused": refused,
    "measures": settings.measure_alike(replace(settings, patience=6)),
    "saved": SavedRun.from_json(saved.to_json()).settings.patience,
    "code": "patience=5" in python(settings, "x, y", None, str),
}))
"""


def test_a_new_setting_is_written_in_one_place_and_arrives_everywhere(tmp_path):
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "autolr_widget", tmp_path / "autolr_widget", ignore=ignored)
    path = tmp_path / "autolr_widget" / "engine" / "settings.py"
    source = path.read_text(encoding="utf-8")
    assert source.count(SEED) == 1
    path.write_text(source.replace(SEED, MADE_UP + SEED), encoding="utf-8")

    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-c", WHERE_IT_ARRIVES]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found.pop("package").startswith(str(tmp_path))
    assert found == {
        "signatures": [3, 3],
        "documented": [True, True, True],
        "traits": [3, 3],
        "synced": True,
        "control": {
            "name": "patience",
            "label": "Patience",
            "help": "Made up for a test.",
            "group": "more",
            "kind": "integer",
            "options": None,
            "least": 1,
            "most": 9,
            "step": 1,
            "measures": True,
        },
        "refused": "Argument `patience` must be an integer of at least 1. Received: patience=0",
        "measures": False,
        "saved": 5,
        "code": True,
    }


def interface(name, file):
    """The names in a TypeScript interface."""
    source = (ROOT / "js" / "src" / file).read_text(encoding="utf-8")
    (body,) = re.findall(rf"^export interface {name}\b[^{{]*{{\n(.*?)^}}", source, re.DOTALL | re.MULTILINE)
    return set(re.findall(r"^  (\w+)\??:", body, re.MULTILINE))


def test_the_front_end_knows_exactly_the_traits_that_python_syncs():
    known = interface("Screen", "screen.ts") | interface("Paced", "pacer.ts")
    ours = {name for name in Panel.class_traits(sync=True) if not name.startswith("_")}
    # What every DOM widget has.
    ours -= {"layout", "tabbable", "tooltip"}
    assert known == ours - {*SETTINGS}


def test_the_settings_that_the_front_end_names_exist():
    source = (ROOT / "js" / "src" / "screen.ts").read_text(encoding="utf-8")
    (union,) = re.findall(r"^export type NamedSetting =(.*?);", source, re.DOTALL | re.MULTILINE)
    named = set(re.findall(r'"(\w+)"', union))
    assert "method" in named
    assert named <= {*SETTINGS}
