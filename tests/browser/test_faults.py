"""Faults during a run: hidden tabs, broken networks, dead kernels, and cells that use the same model."""

import copy
import os
import signal
import time
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser.lab import MODEL, Lab, Notebook
from tests.browser.line import Line
from tests.browser.screen import area, expect_rounds, rounds, run_button, state

pytestmark = pytest.mark.xdist_group("faults")

ROUNDS = 24
RUN = f"lr_space=(1e-4, 10), num_evals=20, horizon=3, num_subsamples={ROUNDS}"
# Rounds as slow as those of a larger model, which are counted.
SLOW = f"""
import os, time
from autolr_widget import LRTuner
alone = LRTuner(model, x, y, {RUN})
for _ in alone:
    pass
fast, measured = LRTuner.advance, []
def slow(self, seconds):
    time.sleep(0.05)
    round = fast(self, seconds)
    measured.extend([] if round is None else [round.index])
    return round
LRTuner.advance = slow
"""
WIDGET = f"tuner = TunerWidget(model, x, y, {RUN})\ntuner"

# A tab in the background has no animation frames, and timers fire at most once per second.
HIDDEN = """
let hidden = false;
const { setTimeout: later, requestAnimationFrame: frame } = window;
window.setTimeout = (call, delay = 0, ...rest) => later(call, hidden ? Math.max(delay, 1000) : delay, ...rest);
window.requestAnimationFrame = (call) => (hidden ? 0 : frame(call));
Object.defineProperty(document, 'visibilityState', { get: () => (hidden ? 'hidden' : 'visible') });
Object.defineProperty(document, 'hidden', { get: () => hidden });
window.hideTab = (hide) => { hidden = hide; document.dispatchEvent(new Event('visibilitychange')); };
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    lab = Lab(tmp_path_factory.mktemp("faults"))
    yield lab
    lab.close()


@pytest.fixture(scope="module")
def line(server):
    line = Line(urlsplit(server.url).port)
    yield line
    line.close()


@pytest.fixture(scope="module")
def kernel(chromium, server, line):
    """A notebook whose page is connected through the line."""
    context = chromium.new_context(viewport={"width": 1280, "height": 1000})
    context.set_default_timeout(60_000)
    context.add_init_script(HIDDEN)
    page = context.new_page()
    # JupyterLab reports a lost server or a dead kernel in a dialog over the page.
    page.add_locator_handler(page.locator(".jp-Dialog-footer button").last, lambda button: button.click())
    page.uncaught = []
    page.on("pageerror", lambda error: page.uncaught.append(str(error)))
    distant = copy.copy(server)
    distant.url = line.url
    notebook = Notebook(page, distant, MODEL, SLOW, WIDGET)
    notebook.run_all()
    expect(run_button(page)).to_have_text("Run", timeout=90_000)
    yield notebook
    context.close()


@pytest.fixture
def notebook(kernel):
    """A new widget in the kernel."""
    kernel.page.uncaught.clear()
    kernel.execute("tuner.close()")
    expect(run_button(kernel.page)).to_have_count(0)
    kernel.execute("measured.clear()")
    kernel.run_cell(2)
    expect(run_button(kernel.page)).to_have_text("Run", timeout=20_000)
    run_button(kernel.page).scroll_into_view_if_needed()
    yield kernel
    assert kernel.page.uncaught == []


def expect_done(notebook):
    """The page shows the end of the run. Each round was measured once, with the same result as without a fault."""
    expect(state(notebook.page)).to_have_text("Done", timeout=60_000)
    expect_rounds(notebook.page, ROUNDS, ROUNDS)
    assert notebook.python("[tuner.status, tuner.round]") == ["done", ROUNDS]
    assert notebook.python("measured") == list(range(ROUNDS))
    assert notebook.python("tuner.results == alone.results")


def test_a_hidden_tab(notebook):
    page = notebook.page
    run_button(page).click()
    notebook.wait_for("tuner.round >= 3")
    page.evaluate("window.hideTab(true)")
    notebook.wait_for("tuner.status == 'done'")
    page.evaluate("window.hideTab(false)")
    expect_done(notebook)


def test_a_frozen_tab(notebook):
    """As browsers freeze a tab that has been hidden for long: nothing runs in it at all."""
    page = notebook.page
    run_button(page).click()
    notebook.wait_for("tuner.round >= 3")
    devtools = page.context.new_cdp_session(page)
    devtools.send("Page.setWebLifecycleState", {"state": "frozen"})
    time.sleep(6)
    devtools.send("Page.setWebLifecycleState", {"state": "active"})
    devtools.detach()
    expect_done(notebook)


def test_the_network_is_cut(notebook, line):
    page = notebook.page
    run_button(page).click()
    notebook.wait_for("tuner.round >= 3")
    line.cut()
    page.wait_for_timeout(6000)
    before = rounds(page)
    line.mend()
    expect_done(notebook)
    assert before < ROUNDS


def test_the_network_stalls(notebook, line):
    page = notebook.page
    run_button(page).click()
    notebook.wait_for("tuner.round >= 3")
    line.stall()
    page.wait_for_timeout(6000)
    before = rounds(page)
    line.mend()
    expect_done(notebook)
    assert before < ROUNDS


def test_the_network_is_cut_at_pause(notebook, line):
    page = notebook.page
    # Meanwhile the kernel continues by itself. It gets more rounds than it can finish before the network is back.
    notebook.execute("tuner.num_subsamples = 1000")
    run_button(page).click()
    notebook.wait_for("tuner.round >= 3")
    line.cut()
    run_button(page).click()
    expect(run_button(page)).to_have_text("Resume")
    page.wait_for_timeout(1000)
    line.mend()
    notebook.wait_for("tuner.status == 'paused'")
    expect(state(page)).to_have_text("Paused")
    assert notebook.python("measured == list(range(tuner.round))")


def test_the_model_is_trained_meanwhile(notebook):
    page = notebook.page
    notebook.execute(
        """
def copy_of(model):
    copied = keras.models.clone_model(model)
    copied.set_weights(model.get_weights())
    copied.compile("sgd", "sparse_categorical_crossentropy")
    return copied

def train(model):
    return model.fit(x, y, epochs=15, shuffle=False, verbose=0)

trained, undisturbed = copy_of(model), copy_of(model)
train(undisturbed)
tuner.close()
        """
    )
    index = notebook.add_cell(f"tuner = TunerWidget(trained, x, y, {RUN})\ntuner")
    notebook.run_cell(index)
    expect(run_button(page)).to_have_text("Run")
    run_button(page).click()
    notebook.wait_for("tuner.round >= 2")
    notebook.execute("began = tuner.round; train(trained); ended = tuner.round")
    assert notebook.python("began") < ROUNDS, "the training began during the run"
    expect_done(notebook)
    expect(page.locator(".autolr-notice")).to_contain_text("The model has changed since this run began")
    notebook.execute("pairs = [*zip(trained.get_weights(), undisturbed.get_weights(), strict=True)]")
    assert notebook.python("all((a == b).all() for a, b in pairs)")
    notebook.evaluate("panel.content.model.sharedModel.deleteCell(panel.content.widgets.length - 1)")


def test_displayed_twice_in_one_cell(notebook):
    page = notebook.page
    index = notebook.add_cell("display(tuner, tuner)")
    notebook.run_cell(index)
    expect(run_button(page)).to_have_count(3)
    run_button(page).nth(1).click()
    expect(run_button(page)).to_have_text(["Pause"] * 3)
    expect(state(page)).to_have_text(["Done"] * 3, timeout=60_000)
    notebook.evaluate("panel.content.model.sharedModel.deleteCell(panel.content.widgets.length - 1)")
    expect_done(notebook)


LEFT = """
import asyncio, gc, threading
import comm, ipywidgets
from autolr_widget.widget import interrupt
from autolr_widget.widget.session import Session

def left():
    gc.collect()
    alive = [type(thing) for thing in gc.get_objects()]
    return {
        "threads": sorted(thread.name for thread in threading.enumerate() if "subshell" not in thread.name),
        "tasks": len(asyncio.all_tasks()),
        "comms": len(comm.get_comm_manager().comms),
        "open widgets": len(ipywidgets.widgets.widget._instances),
        "widgets": sum(issubclass(kind, ipywidgets.Widget) for kind in alive),
        "sessions": sum(issubclass(kind, Session) for kind in alive),
        "tuners": sum(issubclass(kind, LRTuner) for kind in alive),
        "listeners": len(interrupt._listeners),
    }
"""


def test_nothing_is_left_of_15_widgets_closed_during_a_run(notebook):
    page = notebook.page
    notebook.execute(LEFT + "tuner.close()")
    # Displayed and not the cell's value, because IPython keeps values in `Out`.
    index = notebook.add_cell(f"tuner = TunerWidget(model, x, y, {RUN})\ndisplay(tuner)")
    for count in range(15):
        expect(run_button(page)).to_have_count(0)
        notebook.run_cell(index)
        expect(run_button(page)).to_have_text("Run")
        run_button(page).click()
        notebook.wait_for("tuner.round >= 1")
        notebook.execute("tuner.close()")
        if count == 0:
            # The closed run may still take a training step.
            notebook.wait_for("not any('Pool' in name for name in left()['threads'])")
            after_one = notebook.python("left()")
    notebook.evaluate("panel.content.model.sharedModel.deleteCell(panel.content.widgets.length - 1)")
    # The kernel still watches over a run without a page for some seconds.
    notebook.wait_for(f"left() == {after_one}")


@pytest.mark.parametrize("how", ["restarted", "killed"])
def test_the_kernel_is(how, notebook):
    page = notebook.page
    run_button(page).click()
    notebook.wait_for("tuner.round >= 3")
    if how == "restarted":
        notebook.evaluate("await panel.sessionContext.restartKernel()")
    else:
        os.kill(notebook.python("os.getpid()"), signal.SIGKILL)
    expect(page.locator(".autolr-lost")).to_contain_text("Run the widget's cell again")
    expect(state(page)).to_have_text("No kernel")
    # ipywidgets' icon for it moves nothing.
    plot = page.locator(".bqplot .plotarea_background").bounding_box()
    assert area(page) == pytest.approx(plot, abs=0.6)
    notebook.run_all()
    expect(run_button(page)).to_have_text("Run", timeout=90_000)
    expect(page.locator(".autolr-lost")).to_be_empty()
    run_button(page).click()
    expect_done(notebook)
