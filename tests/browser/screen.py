"""Where parts of the widget are on the screen."""


def run_button(page):
    return page.locator(".autolr-run")


def state(page):
    return page.locator(".autolr-state")


def rounds(page):
    return int(page.locator(".autolr-run-bar progress").get_attribute("value"))


def area(page):
    """The bounding box of the plot area."""
    page.locator(".autolr-area").scroll_into_view_if_needed()
    return page.locator(".autolr-area").bounding_box()
