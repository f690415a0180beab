"""The whole quickstart, without a mouse."""

import json
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.lab import Notebook
from tests.browser.screen import run_button, state

# One JupyterLab for all of them.
pytestmark = pytest.mark.xdist_group("browser")

QUICKSTART = Path(__file__).parents[2] / "notebooks" / "quickstart.ipynb"


def test_quickstart_by_keys_alone(chromium, lab):
    # In a new page, because the notebook of the other tests stays open.
    page = chromium.new_page(viewport={"width": 1280, "height": 1000})
    shutil.copy(QUICKSTART, lab.folder / QUICKSTART.name)
    cells = json.loads(QUICKSTART.read_text())["cells"]
    quickstart = Notebook(page, lab, name=QUICKSTART.name)
    for _ in range([source_of(cell) for cell in cells].index("tuner") + 1):
        page.keyboard.press("Shift+Enter")
    expect(run_button(page)).to_have_text("Run", timeout=60_000)
    # The focus is on the cell after the widget.
    tab_to(page, "autolr-run", "Shift+Tab")
    page.keyboard.press("Enter")
    expect(state(page)).to_have_text("Done", timeout=60_000)
    tab_to(page, "autolr-chosen", "Shift+Tab")
    page.keyboard.press("ArrowRight")
    quickstart.wait_for("tuner.pinned")
    for _ in range(sum(cell["cell_type"] == "code" for cell in cells) + 4):
        page.keyboard.press("Shift+Enter")
    expect(page.locator(".jp-OutputArea-output", has_text="Keras's default: 0.01, chosen")).to_be_visible(
        timeout=60_000
    )
    chosen = quickstart.python("tuner.selected_lr")
    assert quickstart.python("float(model.optimizer.learning_rate)") == pytest.approx(chosen)
    quickstart.evaluate("return panel.sessionContext.shutdown()")
    page.close()


def source_of(cell):
    return "".join(cell["source"])


def tab_to(page, name, key):
    for _ in range(60):
        page.keyboard.press(key)
        if page.evaluate("name => document.activeElement.classList.contains(name)", name):
            return
    raise AssertionError(f"{name} is not reached by {key}")
