import pytest
from playwright.sync_api import sync_playwright

from tests.browser.chromium import find
from tests.browser.lab import CHROMIUM_ARGUMENTS, Lab


# Not for the session: Playwright's loop counts as running in this thread, and other tests ask for the running loop.
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
    """A page that notes the errors in the browser's console."""
    page = chromium.new_page(viewport={"width": 1280, "height": 1000})
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on("console", lambda message: page.errors.append(message.text) if message.type == "error" else None)
    return page


@pytest.fixture
def page(window):
    """A page that fails its test on an error in the browser's console."""
    window.errors.clear()
    yield window
    # JupyterLab's own: an icon that a fresh server does not have, a workspace that does not exist yet.
    assert [error for error in window.errors if "404" not in error] == []
