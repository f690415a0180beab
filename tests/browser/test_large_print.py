"""Large print at the size of a projector: no text under 16 pixels, and the main parts in sight."""

import pytest
from playwright.sync_api import expect

from tests.browser.screen import run_button, state
from tests.browser.text_sizes import small_texts

# One JupyterLab and one kernel for all of them.
pytestmark = pytest.mark.xdist_group("browser")

LEAST = 16
# The batches are slow, so that there is time to look.
FIT = """
import time
class Slow(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        time.sleep(0.01)
other = keras.models.clone_model(model)
other.compile("sgd", "sparse_categorical_crossentropy")
other.fit(x, y, epochs=100, validation_split=0.2, verbose=0, callbacks=[Slow(), tuner.callback()])
"""


@pytest.fixture
def large(notebook, page):
    page.set_viewport_size({"width": 1280, "height": 720})
    notebook.execute("tuner.large = True")
    expect(page.locator(".autolr-widget.autolr-large")).to_be_visible()
    yield notebook
    # Where a test has failed, it may still train.
    notebook.evaluate("return panel.sessionContext.session.kernel.interrupt()")
    notebook.execute("pass")
    notebook.evaluate("return app.commands.execute('apputils:change-theme', {theme: 'JupyterLab Light'})")
    page.set_viewport_size({"width": 1280, "height": 1000})


def test_the_choice_the_chart_and_the_buttons_are_in_sight_together(large, page):
    large.evaluate("app.shell.collapseLeft()")
    names = (".autolr-choice", ".autolr-training .autolr-losses", ".autolr-run")
    page.wait_for_timeout(500)
    places = [page.locator(name).bounding_box() for name in names]
    sight = page.locator(".jp-Notebook").bounding_box()["height"]
    large.evaluate("app.shell.expandLeft()")
    choice, losses, run = places
    assert losses["y"] < run["y"], "the two pictures are side by side"
    assert run["y"] + run["height"] - choice["y"] < sight


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_no_text_is_below_16_pixels_in_any_state(large, page, theme):
    large.evaluate("return app.commands.execute('apputils:change-theme', {theme: `JupyterLab ${argument}`})", theme)
    widget = page.locator(".autolr-widget")

    def look(words):
        # bqplot lays nothing out that is out of sight.
        page.locator(".bqplot").scroll_into_view_if_needed()
        page.wait_for_timeout(300)
        assert small_texts(widget, LEAST) == [], words

    page.locator("summary").click()
    look("idle")
    run_button(page).click()
    expect(run_button(page)).to_have_text("Pause")
    look("running")
    expect(state(page)).to_have_text("Done", timeout=60_000)
    page.get_by_label("Histogram of one rate's rounds").check()
    page.get_by_role("button", name="Pin this run").click()
    expect(page.locator(".autolr-legend li")).to_have_count(2)
    look("done")
    page.get_by_role("button", name="Reset").click()
    page.get_by_role("button", name="Explain").click()
    page.get_by_role("button", name="One round").click()
    for stage in range(1, 7):
        expect(page.locator(".autolr-explain h4")).to_contain_text(f"{stage} of 6", timeout=60_000)
        look(f"explained, {stage}")
        page.get_by_role("button", name="Next").click()
    large.begin(FIT)
    expect(page.locator(".autolr-live-state")).to_have_text("Running", timeout=60_000)
    look("training")
    page.locator(".autolr-live").get_by_role("button", name="Stop").click()
    expect(page.locator(".autolr-live-state")).to_have_text("Stopped", timeout=60_000)
    look("trained")
