"""VS Code, nbviewer and exported pages load front ends from a CDN, which has what the npm registry has.

bqplot 0.13.1 asks it for a version that was never published, and has no chart there. So each version that our widgets
ask for is looked up, from what pip would install today and from what Colab has.
"""

import json
import subprocess

import pytest

from tests.hosts import environments

# The widgets are those of any other run, and TensorFlow is not needed.
SAVED_RUN = environments.ROOT / "tests" / "engine" / "saved" / "version_1.json"
ASKED_FOR = """
import json, sys
from ipywidgets.embed import dependency_state
from autolr_widget import TunerWidget

tuner = TunerWidget.load(sys.argv[1])
assert "tensorflow" not in sys.modules
states = [saved["state"] for saved in dependency_state(tuner, drop_defaults=False).values()]
print(json.dumps(sorted({
    (state[f"_{part}_module"], state[f"_{part}_module_version"])
    for state in states for part in ("model", "view") if state.get(f"_{part}_module")
})))
"""


def published(name, versions):
    """The versions in the npm registry that fit a range."""
    command = ["npm", "view", f"{name}@{versions}", "version", "--json", "--loglevel=silent"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    try:
        answer = json.loads(done.stdout)
    except json.JSONDecodeError:
        answer = {"error": {"code": "no answer", "summary": done.stdout + done.stderr}}
    if done.returncode == 0:
        return [answer] if isinstance(answer, str) else answer
    if answer["error"]["code"] == "E404":
        return []
    raise ConnectionError(f"The npm registry can't be asked for {name}@{versions}: {answer['error']}")


@pytest.mark.parametrize("host", ["notebook", "colab"])
def test_each_front_end_that_our_widgets_ask_for_is_published(host):
    command = [environments.python(host), "-W", "ignore", "-c", ASKED_FOR, SAVED_RUN]
    asked = subprocess.run(command, capture_output=True, text=True, check=True)
    front_ends = json.loads(asked.stdout)
    assert {"@jupyter-widgets/base", "anywidget", "bqplot"} <= {name for name, _ in front_ends}
    missing = [f"{name}@{versions}" for name, versions in front_ends if not published(name, versions)]
    assert missing == []


def test_what_was_never_published_is_found_missing():
    assert published("bqplot", "^0.6.1") == []


def test_a_registry_that_does_not_answer_is_no_missing_version(monkeypatch):
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9")
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    monkeypatch.setenv("npm_config_prefer_offline", "false")
    with pytest.raises(ConnectionError, match="can't be asked for bqplot"):
        published("bqplot", "^0.5")
