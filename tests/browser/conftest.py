import pytest
from playwright.sync_api import expect, sync_playwright

from tests.browser.chromium import find
from tests.browser.lab import CHROMIUM_ARGUMENTS, MODEL, Lab, Notebook
from tests.browser.screen import run_button

# With three workers on two cores, a page may answer late. What must be quick has a timeout of its own.
expect.set_options(timeout=15_000)

ROUNDS = 24
WIDGET_CODE = f"TunerWidget(model, x, y, lr_space=(1e-4, 10), num_evals=40, num_subsamples={ROUNDS}, horizon=3)"
WIDGET = f"""
tuner = {WIDGET_CODE}
tuner
"""
# Rounds as slow as those of a larger model, so that there is time to press buttons.
SLOW = """
import time
from autolr_widget import LRTuner
fast = LRTuner.advance
def slow(self, seconds):
    time.sleep(0.05)
    return fast(self, seconds)
"""


# Not for the session, because Playwright's event loop would be the running loop of other tests in this thread.
@pytest.fixture(scope="package")
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(), args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def lab(tmp_path_factory):
    lab = Lab(tmp_path_factory.mktemp("lab"))
    yield lab
    lab.close()


@pytest.fixture(scope="package")
def window(chromium):
    """A page that collects the errors in the browser's console."""
    page = chromium.new_page(viewport={"width": 1280, "height": 1000})
    page.set_default_timeout(60_000)
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on("console", lambda message: page.errors.append(message.text) if message.type == "error" else None)
    return page


@pytest.fixture
def page(window):
    """A page that fails its test on an error in the browser's console."""
    window.errors.clear()
    yield window
    # JupyterLab itself causes these: a new server has no icon and no workspace.
    assert [error for error in window.errors if "404" not in error] == []


@pytest.fixture(scope="package")
def kernel(window, lab):
    """One kernel for all tests, because importing TensorFlow takes longer than any of them."""
    notebook = Notebook(window, lab, MODEL, SLOW, WIDGET)
    notebook.run_all()
    expect(run_button(window)).to_have_text("Run", timeout=60_000)
    return notebook


@pytest.fixture
def notebook(kernel, page):
    """A new widget in the kernel."""
    kernel.execute("LRTuner.advance, training.Training = slow, once")
    kernel.execute("model.optimizer.learning_rate = 0.01; tuner.close()")
    expect(run_button(page)).to_have_count(0)
    kernel.run_cell(2)
    expect(run_button(page)).to_have_text("Run", timeout=20_000)
    run_button(page).scroll_into_view_if_needed()
    yield kernel
    kernel.execute("tuner.close()")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Report with a failure what the kernels were doing: it may be one that can't be had again."""
    report = yield
    lab = item.funcargs.get("lab")
    if report.failed and lab is not None:
        report.sections.append(("the kernels' threads, and the server's log", lab.stacks()))
    return report
