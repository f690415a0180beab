"""The emulation of Colab loses what Colab loses: without it, these tests of the widget would show nothing."""

import pytest
from playwright.sync_api import expect

from tests.browser.lab import Notebook

CELL = """
import threading, time
from ipywidgets import Button, Label, VBox

label, button = Label("as made"), Button(description="Set")
button.on_click(lambda _: setattr(label, "value", "set in a request"))
thread = threading.Timer(1, setattr, [label, "value", "set by a thread"])
thread.start()
VBox([label, button])
"""


@pytest.mark.parametrize("host", [pytest.param("colab", marks=pytest.mark.xdist_group("colab"))], indirect=True)
def test_what_a_thread_sends_is_lost_and_the_answer_to_a_click_is_not(host):
    page = host.page.context.new_page()
    notebook = Notebook(page, host.server, CELL, name="socket.ipynb")
    notebook.run_all()
    label = page.locator(".widget-label")
    expect(label).to_have_text("as made")
    # The kernel is asked for nothing meanwhile: that request would be the message's parent.
    page.wait_for_function("window.colab.dropped.some(text => text.includes('set by a thread'))")
    page.wait_for_timeout(300)
    expect(label).to_have_text("as made")
    page.get_by_role("button", name="Set").click()
    expect(label).to_have_text("set in a request")
    notebook.evaluate("return panel.sessionContext.shutdown()")
    page.close()
