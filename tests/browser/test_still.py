"""What a saved notebook shows where there is no kernel, and that none of it shows where the widget does."""

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter, LatexExporter
from playwright.sync_api import expect

from tests.browser.lab import MODEL
from tests.browser.screen import run_button, state

# One JupyterLab and one kernel for all of them.
pytestmark = pytest.mark.xdist_group("browser")


@pytest.fixture(scope="module")
def executed():
    """A notebook as ``nbconvert --execute`` leaves it: the run comes in a cell behind the widget's."""
    cells = [MODEL, "tuner = TunerWidget(model, x, y, num_evals=7, horizon=2)\ntuner", "tuner.run()\ntuner.selected_lr"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, timeout=120).execute()
    return notebook


def test_it_takes_no_room_beside_the_widget(notebook, page):
    run_button(page).click()
    expect(state(page)).to_have_text("Done", timeout=30_000)
    still = page.locator(".autolr-still")
    notebook.wait_for("tuner.status == 'done'")
    expect(still).to_have_count(1)
    expect(still.locator("img")).to_have_count(1)
    expect(still).to_be_hidden()
    output = page.locator(".jp-OutputArea-child", has=still)
    assert output.bounding_box()["height"] < 12


def test_a_saved_notebook_shows_the_last_state(executed, chromium):
    body, _ = HTMLExporter(embed_images=True).from_notebook_node(executed)
    # A page of its own: in that of the other tests it would take JupyterLab's place.
    page = chromium.new_page()
    # Without a network there are no front ends for widgets.
    page.route("**/*", lambda route: route.abort())
    page.set_content(body, wait_until="commit")
    still = page.locator(".autolr-still")
    expect(still.locator("img")).to_be_visible()
    assert still.locator("img").evaluate("image => image.complete && image.naturalWidth") > 400
    chosen = float(executed.cells[2].outputs[-1]["data"]["text/plain"])
    expect(still.locator("p")).to_have_text(f"TunerWidget: learning rate {chosen:.4g}, done after 10 of 10 rounds")
    expect(still.locator("pre")).to_contain_text("diverged")
    # Printed, as `nbconvert --to webpdf` does it.
    assert b"/Subtype /Image" in page.pdf()
    page.close()


def test_latex_and_with_it_pdf_has_the_picture(executed):
    body, resources = LatexExporter().from_notebook_node(executed)
    pictures = [data for data in resources["outputs"].values() if data.startswith(b"\x89PNG")]
    assert len(pictures) == 1
    assert "includegraphics" in body
    assert "TunerWidget: " in body
