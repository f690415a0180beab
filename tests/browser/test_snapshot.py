"""The snapshot that a saved notebook shows without a kernel, and that it is hidden where the widget is shown."""

import subprocess
import sys

import nbformat
import pytest
from nbconvert import HTMLExporter, LatexExporter
from playwright.sync_api import expect

from tests.browser.lab import MODEL
from tests.browser.screen import run_button, state

# One JupyterLab and one kernel for all of them.
pytestmark = pytest.mark.xdist_group("browser")


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """A notebook as ``nbconvert --execute`` writes it. The run is in a cell after the widget's."""
    cells = [MODEL, "tuner = TunerWidget(model, x, y, num_evals=7, horizon=2)\ntuner", "tuner.run()\ntuner.selected_lr"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    path = tmp_path_factory.mktemp("executed") / "executed.ipynb"
    nbformat.write(notebook, path)
    subprocess.run([sys.executable, "-m", "nbconvert", "--to=notebook", "--execute", "--inplace", path], check=True)
    return nbformat.read(path, as_version=4)


def test_it_takes_no_space_next_to_the_widget(notebook, page):
    run_button(page).click()
    expect(state(page)).to_have_text("Done", timeout=60_000)
    snapshot = page.locator(".autolr-snapshot")
    notebook.wait_for("tuner.status == 'done'")
    expect(snapshot).to_have_count(1)
    expect(snapshot.locator("img")).to_have_count(1)
    expect(snapshot).to_be_hidden()
    output = page.locator(".jp-OutputArea-child", has=snapshot)
    assert output.bounding_box()["height"] < 12


def test_a_saved_notebook_shows_the_last_state(executed, chromium):
    body, _ = HTMLExporter(embed_images=True).from_notebook_node(executed)
    # In a new page, because in the page of the other tests it would replace JupyterLab.
    page = chromium.new_page()
    # Without a network there are no front ends for widgets.
    page.route("**/*", lambda route: route.abort())
    page.set_content(body, wait_until="commit")
    snapshot = page.locator(".autolr-snapshot")
    expect(snapshot.locator("img")).to_be_visible()
    assert snapshot.locator("img").evaluate("image => image.complete && image.naturalWidth") > 400
    chosen = float(executed.cells[2].outputs[-1]["data"]["text/plain"])
    expect(snapshot.locator("p")).to_have_text(f"TunerWidget: learning rate {chosen:.4g}, done after 2 of 2 rounds")
    expect(snapshot.locator("pre")).to_contain_text("diverged")
    # Printed, as `nbconvert --to webpdf` does it.
    assert b"/Subtype /Image" in page.pdf()
    page.close()


def test_latex_and_with_it_pdf_has_the_picture(executed):
    body, resources = LatexExporter().from_notebook_node(executed)
    pictures = [data for data in resources["outputs"].values() if data.startswith(b"\x89PNG")]
    assert len(pictures) == 1
    assert "includegraphics" in body
    assert "TunerWidget: " in body
