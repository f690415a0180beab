"""`make dev`: a bundle that has changed on disk is reloaded by the widgets that are open."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "autolr_widget"

# Warnings are errors: anywidget only warns if it can't watch the file.
RELOADS = """
import time
from autolr_widget.widget.panel import STATIC, Panel

panel = Panel()
assert "console.log" not in panel._esm
end = time.monotonic() + 30
# Again and again, because nobody says when the watching begins.
while "console.log" not in panel._esm:
    assert time.monotonic() < end, "the panel still has the old bundle"
    (STATIC / "panel.js").write_text("console.log('new')")
    time.sleep(0.2)
"""


def test_an_open_panel_gets_the_new_bundle(tmp_path):
    # A copy, whose bundle may be changed.
    shutil.copytree(PACKAGE, tmp_path / PACKAGE.name)
    environment = {**os.environ, "ANYWIDGET_HMR": "1", "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-W", "error", "-c", RELOADS]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
