"""A host of the widget: a server, a kernel, and a page that shows a notebook."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from playwright.sync_api import Page, expect

from tests.browser.lab import MODEL, SERVER_OPTIONS, Lab, Notebook
from tests.hosts import environments

SCRIPTS = Path(__file__).parent

ROUNDS = 20

# The kernel writes its state to a file, because not all hosts let a page send code to the kernel.
DIARY = f"""
import json, os, sys, time
from pathlib import Path
from autolr_widget import LRTuner

settings = dict(lr_space=(1e-4, 10), num_evals=20, horizon=3, num_subsamples={ROUNDS})
alone = LRTuner(model, x, y, **settings)
for _ in alone:
    pass

tuner, measured, fast = None, [], LRTuner.advance
diary = f"diary-{{time.time_ns()}}.json"

def advance(self, seconds):
    time.sleep(0.05)  # as long as the rounds of a larger model, so that there is time to press things
    round = fast(self, seconds)
    measured.extend([] if round is None else [round.index])
    return round

def write(_=None):
    noted = {{
        "kernel": os.getpid(),
        "python": sys.executable,
        "status": tuner.status,
        "round": tuner.round,
        "measured": measured,
        "selected_lr": tuner.selected_lr,
        "alone": alone.results.best_lr(tuner.method),
        "as_alone": tuner.results == alone.results,
    }}
    Path("diary.new").write_text(json.dumps(noted))
    os.replace("diary.new", diary)

LRTuner.advance = advance
"""
WIDGET = """
if tuner is not None:
    tuner.close()
measured.clear()
tuner = TunerWidget(model, x, y, **settings)
tuner.observe(write, names=["status", "round", "selected_lr"])
write()
tuner
"""
CELLS = [MODEL, DIARY, WIDGET, "tuner"]

# It trains another model, because the tuner's model must stay as it is. The batches are slow, so that there is time to
# press buttons.
FIT = """
import keras
class Slow(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        time.sleep(0.02)
ended = False
other = keras.models.clone_model(model)
other.compile("sgd", "sparse_categorical_crossentropy")
other.fit(x, y, epochs=1000, verbose=0, callbacks=[Slow(), tuner.callback()])
ended = True
"""


class NotebookServer(Lab):
    """Notebook 7."""

    def address(self, name: str) -> str:
        return f"{self.url}/notebooks/{name}"

    def _command(self) -> list[str]:
        return ["notebook", *SERVER_OPTIONS, "--JupyterNotebookApp.expose_app_in_browser=True"]


class VoilaServer(Lab):
    """Voila on a folder of notebooks: no cells are shown, and each page load is a kernel."""

    def address(self, name: str) -> str:
        return f"{self.url}/voila/render/{name}"

    def _command(self) -> list[str]:
        return ["voila", "--Voila.ip=127.0.0.1", "--Voila.port_retries=0"]


@dataclass(frozen=True)
class Kind:
    """The parts of a host. The kernel uses the server's ``environment`` unless ``kernel`` names another."""

    server: type[Lab]
    environment: str
    kernel: str = ""
    script: str = ""


KINDS = {
    "lab-oldest": Kind(Lab, "lab-oldest"),
    "lab-oldest-ipykernel7": Kind(Lab, "lab-oldest", kernel="notebook"),
    "lab-newest-ipykernel6": Kind(Lab, "notebook", kernel="lab-oldest"),
    "notebook": Kind(NotebookServer, "notebook"),
    "voila": Kind(VoilaServer, "voila"),
    "colab": Kind(Lab, "colab", script="colab_socket.js"),
}


class Host:
    """A running host and a page of it."""

    def __init__(self, name: str, folder: Path, page: Page) -> None:
        self.name = name
        self.page = page
        self.kind = KINDS[name]
        if self.kind.script:
            page.context.add_init_script(path=SCRIPTS / self.kind.script)
        if self.kind.kernel:
            _write_kernel(folder, environments.python(self.kind.kernel))
        self.server = self.kind.server(folder, python=environments.python(self.kind.environment))
        self._notebook: Notebook | None = None

    @property
    def python(self) -> str:
        """The interpreter of the kernels."""
        return str(environments.python(self.kind.kernel or self.kind.environment))

    @property
    def keeps_its_kernel(self) -> bool:
        """Whether a kernel outlives the page that shows it."""
        return self.kind.server is not VoilaServer

    @property
    def hears_while_a_cell_runs(self) -> bool:
        """Whether the kernel hears the page then. With ipykernel 7, it does if the page uses subshells."""
        return self.keeps_its_kernel and self.name != "lab-oldest-ipykernel7"

    def train(self) -> None:
        """Start a cell that trains with the widget's callback."""
        assert self._notebook is not None
        self._notebook.begin(FIT)

    def has_trained(self) -> bool:
        """Whether that cell has ended as it should."""
        assert self._notebook is not None
        return bool(self._notebook.python("ended"))

    def close(self) -> None:
        self.server.close()

    def show(self, views: int = 1) -> None:
        """Show a new widget in this number of views."""
        if not self.keeps_its_kernel:
            _write_notebook(self.server.folder / f"{views}.ipynb", CELLS[: 2 + views])
            self.page.goto(self.server.address(f"{views}.ipynb"))
        elif self._notebook is None:
            self._notebook = Notebook(self.page, self.server, *CELLS)
            for index in range(2 + views):
                self._notebook.run_cell(index)
        else:
            self._notebook.evaluate("return app.commands.execute('notebook:clear-all-cell-outputs')")
            for index in range(2, 2 + views):
                self._notebook.run_cell(index)
        run = self.page.locator(".autolr-run")
        expect(run).to_have_text(["Run"] * views, timeout=90_000)
        run.first.scroll_into_view_if_needed()

    def reload(self) -> None:
        """Load the page again, as a user would."""
        if self._notebook is None:
            self.page.reload()
        else:
            self._notebook.reload()

    def reload_busy(self) -> None:
        """Load the page again while a cell runs, and wait for nothing."""
        assert self._notebook is not None
        self._notebook.evaluate("return panel.context.save()")
        self.page.reload()

    def open_in_another_page(self) -> Page:
        """A second page on the same kernel."""
        assert self._notebook is not None
        self._notebook.evaluate("return panel.context.save()")
        page = self.page.context.new_page()
        Notebook(page, self.server)
        return page

    @property
    def diary(self) -> dict[str, Any]:
        """The last state that the newest kernel has written."""
        noted: dict[str, Any] = json.loads(max(self.server.folder.glob("diary-*.json")).read_text())
        return noted

    def picture(self, what: str) -> None:
        """Save a picture of the page, if a folder for pictures is given."""
        if folder := os.environ.get("AUTOLR_PICTURES"):
            self.page.screenshot(path=Path(folder) / f"{self.name}-{what}.png")


def _write_kernel(folder: Path, python: Path) -> None:
    """Let the folder's server start its kernels with another interpreter."""
    place = folder / ".state" / "data" / "kernels" / "python3"
    place.mkdir(parents=True)
    command = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (place / "kernel.json").write_text(json.dumps({"argv": command, "display_name": "Python 3", "language": "python"}))


def _write_notebook(path: Path, cells: list[str]) -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, path)
