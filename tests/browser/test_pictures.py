"""How each state of the widget looks, against the pictures in docs/screens. `make screens` refreshes these."""

from __future__ import annotations

import io
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.screen import area, run_button, state

# One JupyterLab and one kernel for all of them.
pytestmark = pytest.mark.xdist_group("browser")

SCREENS = Path(__file__).parents[2] / "docs" / "screens"
#: Pixels of a block whose mean is compared: letters may differ by a pixel from one machine to the next.
BLOCK = 10
#: Grey levels, of 255: what blocks may differ by on average, and how many of them by much: fewer than a button has.
MEAN, MUCH, SHARE = 2, 30, 0.001

DEFAULT = "tuner.close(); tuner = TunerWidget(model, x, y, {}); model.optimizer.learning_rate = 0.01"
FAIL = "def fail(*_):\n    raise ValueError('Shapes (32, 10) and (32, 3) are incompatible.')\nLRTuner.advance = fail"

# Another model, because the other pictures show runs of the first. The rate is chosen after a batch, not by the mouse,
# so that the picture is the same each time.
TRAIN = """
keras.utils.set_random_seed(0)
other = keras.models.clone_model(model)
other.compile("sgd", "sparse_categorical_crossentropy")
def choose(batch, logs):
    step = int(other.optimizer.iterations)
    tuner.selected_lr = {90: 0.1, 250: 0.02}.get(step, tuner.selected_lr)
steer = keras.callbacks.LambdaCallback(on_train_batch_end=choose)
other.fit(x, y, epochs=12, validation_split=0.2, shuffle=False, verbose=0, callbacks=[tuner.callback(), steer])
"""


def idle(notebook, page):
    pass


def done(notebook, page):
    run_button(page).click()
    expect(state(page)).to_have_text("Done", timeout=60_000)


def trained(notebook, page):
    done(notebook, page)
    notebook.execute(TRAIN)
    expect(page.locator(".autolr-live-state")).to_have_text("Ended", timeout=60_000)
    expect(page.locator(".autolr-live-mark")).to_have_count(2)


def large(notebook, page):
    notebook.execute("tuner.large = True")
    done(notebook, page)


def diverged(notebook, page):
    notebook.execute("tuner.lr_max = 1e30; tuner.horizon = 2")
    done(notebook, page)


def compare(notebook, page):
    done(notebook, page)
    page.get_by_role("button", name="Pin this run").click()
    # The kernel may hear a cell before the click: it serves them in different threads.
    expect(page.locator(".autolr-legend li")).to_have_count(2)
    notebook.execute("tuner.batch_size = 256")
    run_button(page).click()
    expect(page.locator(".autolr-legend")).to_contain_text("256 · 55 steps · 10 rounds", timeout=60_000)


def error(notebook, page):
    notebook.execute(FAIL)
    run_button(page).click()
    expect(page.locator(".autolr-error")).not_to_have_text("")
    notebook.execute("LRTuner.advance = fast")


def explained(notebook, page):
    page.get_by_role("button", name="Explain").click()
    for _ in range(2):
        page.get_by_role("button", name="One round").click()
        expect(page.locator(".autolr-explain h4")).to_contain_text("1 of 6", timeout=60_000)
        for stage in range(2, 6):
            page.get_by_role("button", name="Next").click()
            expect(page.locator(".autolr-explain h4")).to_contain_text(f"{stage} of 6")
        if notebook.python("tuner.round") == 1:
            page.get_by_role("button", name="Next").click()
            notebook.wait_for("tuner._panel.stage == 6")


def more(notebook, page):
    done(notebook, page)
    page.locator("summary").click()
    page.get_by_label("Each round's own curve").check()
    page.get_by_label("Histogram of one rate's rounds").check()
    box = area(page)
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.4 * box["height"])
    notebook.wait_for("tuner._panel.histogram != {} and tuner._panel.probed > 0")


LAID_OUT = """() => {
    const [plot, area] = ['.plotarea_background', '.autolr-area'].map(name =>
        [...document.querySelectorAll(name)].at(-1).getBoundingClientRect().width);
    return Math.abs(plot - area) < 1;
}"""

STATES = (idle, done, trained, diverged, compare, error, explained, more)
LOOKS = {prepare: [("Light", 1000), ("Dark", 380)] for prepare in STATES}
LOOKS[done] += [("Dark", 1000), ("Light", 380)]
LOOKS[large] = [("Light", 1000)]


@pytest.fixture
def fresh(notebook, page):
    """A widget with its own settings, alone in the window."""
    notebook.execute("LRTuner.advance = fast")
    notebook.execute(DEFAULT.format("num_subsamples=10"))
    notebook.run_cell(notebook.add_cell("tuner"))
    yield notebook
    notebook.execute("LRTuner.advance = fast")
    notebook.evaluate("panel.content.model.sharedModel.deleteCell(panel.content.widgets.length - 1)")
    notebook.evaluate("return app.commands.execute('apputils:change-theme', {theme: 'JupyterLab Light'})")
    page.set_viewport_size({"width": 1280, "height": 1000})


@pytest.mark.parametrize("prepare", LOOKS, ids=lambda prepare: prepare.__name__)
def test_it_looks_as_in_the_docs(fresh, page, request, prepare):
    # Higher than any widget with JupyterLab around it: what is out of sight lies under its toolbar in the picture.
    page.set_viewport_size({"width": 1500, "height": 2900})
    use_look(fresh, page, *LOOKS[prepare][0])
    prepare(fresh, page)
    others = []
    for theme, width in LOOKS[prepare]:
        use_look(fresh, page, theme, width)
        seen = picture(page)
        name = f"{prepare.__name__}-{theme.lower()}-{width}.png"
        if request.config.getoption("--refresh"):
            SCREENS.mkdir(exist_ok=True)
            seen.quantize(96, dither=Image.Dither.NONE).save(SCREENS / name, optimize=True)
        if not is_as_kept(seen, SCREENS / name):
            others.append(name)
    assert others == [], "not as in the docs"


def use_look(notebook, page, theme, width):
    notebook.evaluate("return app.commands.execute('apputils:change-theme', {theme: `JupyterLab ${argument}`})", theme)
    page.locator(".autolr-widget").last.evaluate("(node, width) => { node.style.width = `${width}px`; }", width)
    # The chart may scroll under a pointer at rest, which hides what it shows there, sooner or later.
    page.mouse.move(5, 5)


def picture(page):
    # Whether the focus is seen depends on what was used last, the mouse or the keys.
    page.evaluate("document.activeElement.blur()")
    # bqplot lays nothing out that is out of sight.
    page.locator(".bqplot").last.scroll_into_view_if_needed()
    page.wait_for_function(LAID_OUT)
    time.sleep(1)
    # The time that a run will take is not the same everywhere.
    page.locator(".autolr-price").last.evaluate(
        "node => { node.textContent = node.textContent.replace(/(, about.*)?$/, ', about 1 s'); }"
    )
    taken = page.locator(".autolr-widget").last.screenshot(animations="disabled")
    return Image.open(io.BytesIO(taken)).convert("RGB")


def is_as_kept(seen, path):
    with Image.open(path) as kept:
        if kept.width != seen.width or abs(kept.height - seen.height) > 4:
            return False
        # Where the widget lies between two pixels, its picture may be one higher.
        both = (0, 0, seen.width, min(kept.height, seen.height))
        difference = abs(blocks(kept.convert("RGB").crop(both)) - blocks(seen.crop(both)))
    return difference.mean() < MEAN and (difference > MUCH).mean() < SHARE


def blocks(image: Image.Image) -> np.ndarray:
    """Means of grey over squares."""
    grey = np.asarray(image.convert("L"), float)
    rows, columns = grey.shape[0] // BLOCK - 1, grey.shape[1] // BLOCK
    return grey[: rows * BLOCK, : columns * BLOCK].reshape(rows, BLOCK, columns, BLOCK).mean(axis=(1, 3))
