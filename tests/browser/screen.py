"""Where parts of the widget are on the screen, and what they show."""

import re

from playwright.sync_api import expect


def run_button(page):
    return page.locator(".autolr-run")


def state(page):
    return page.locator(".autolr-state")


def progress(page):
    return page.locator(".autolr-progress")


def expect_rounds(page, done, of, views=1, timeout=None):
    """Expect the progress to tell this number of finished rounds."""
    expect(progress(page)).to_have_text([re.compile(rf"^{done} of {of} rounds ")] * views, timeout=timeout)


def rounds(page):
    """The number of finished rounds that the page shows."""
    return int(progress(page).text_content().split()[0])


def area(page):
    """The bounding box of the plot area."""
    page.locator(".autolr-area").scroll_into_view_if_needed()
    return page.locator(".autolr-area").bounding_box()
