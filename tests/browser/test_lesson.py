"""The lesson on a projector: its own notebook in a real JupyterLab."""

import json
import re
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.lab import Notebook
from tests.browser.text_sizes import small_texts

# One JupyterLab for all of them.
pytestmark = pytest.mark.xdist_group("browser")

LESSON = Path(__file__).parents[2] / "notebooks" / "lesson.ipynb"


def test_the_lesson_by_mouse_and_by_keys(chromium, lab):
    page = chromium.new_page(viewport={"width": 1280, "height": 720})
    shutil.copy(LESSON, lab.folder / LESSON.name)
    cells = [cell["id"] for cell in json.loads(LESSON.read_text(encoding="utf-8"))["cells"]]
    lesson = Notebook(page, lab, name=LESSON.name)

    def run(*names):
        for name in names:
            lesson.run_cell(cells.index(name))

    def output(name):
        return page.locator(".jp-Cell").nth(cells.index(name)).locator(".jp-OutputArea")

    run("setup", "bowl", "predict-steeper", "check-steeper")
    # Drag the orange point to the left of the bottom, and then to the bottom.
    bowl = output("bowl")
    tip = bowl.locator(".bqplot").first.locator(".object_grp").last
    expect(tip).to_be_visible(timeout=60_000)
    tip.scroll_into_view_if_needed()
    drag(page, tip, by=-60)
    expect(bowl).to_contain_text("the steps come down on one side")
    bowl.get_by_role("button", name="Check 1: the first step lands on the bottom").click()
    expect(bowl).to_contain_text(re.compile(r"No\. At 0\.\d+, the steps come down on one side\."))
    rate = lesson.python("bowl.rate")
    assert 0.1 < rate < 0.25
    # The same by keys: the slider takes the arrows and a typed number.
    bowl.locator(".noUi-handle").focus()
    page.keyboard.press("ArrowRight")
    lesson.wait_for(f"round(bowl.rate - {rate}, 6) == 0.005")
    bowl.locator(".widget-readout").focus()
    page.keyboard.press("Control+a")
    page.keyboard.type("0.25")
    page.keyboard.press("Enter")
    lesson.wait_for("bowl.rate == 0.25")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(bowl).to_contain_text("Right. At 0.25, the first step lands on the bottom. This is 1 / L")

    # Answer a question: not at all, wrongly, and rightly.
    check, question = output("check-steeper"), output("predict-steeper")
    expect(check).to_contain_text("Choose an answer first.")
    question.get_by_role("button", name="0.5").click()
    lesson.wait_for("steeper.answer == '0.5'")
    run("check-steeper")
    expect(check).to_contain_text("No. You said: 0.5. Measured: 0.25.")
    expect(question).to_contain_text("No. You said: 0.5. Measured: 0.25.")
    run("predict-steeper")
    question.get_by_role("button", name="0.25").focus()
    page.keyboard.press("Space")
    lesson.wait_for("steeper.answer == '0.25'")
    run("check-steeper")
    expect(check).to_contain_text("Right. You said: 0.25. Measured: 0.25.")

    # All of the notebook is in large print, in the dark too.
    run("units", "tuner")
    expect(output("tuner").locator(".autolr-large .autolr-run")).to_have_text("Run", timeout=60_000)
    for theme in ("Light", "Dark"):
        lesson.evaluate(
            "return app.commands.execute('apputils:change-theme', {theme: `JupyterLab ${argument}`})", theme
        )
        page.wait_for_timeout(500)
        assert small_texts(page.locator(".jp-Notebook"), 16) == []
    lesson.evaluate("return app.commands.execute('apputils:change-theme', {theme: 'JupyterLab Light'})")
    lesson.evaluate("return panel.sessionContext.shutdown()")
    page.close()


def drag(page, node, by):
    box = node.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + by / 2, y, steps=3)
    page.mouse.move(x + by, y, steps=3)
    page.mouse.up()
