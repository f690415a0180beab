"""A real JupyterLab on loopback, and a page of it in a real Chromium."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import nbformat
import psutil
from playwright.sync_api import Page

# Chromium's own requests fail in a closed network, so these options turn most of them off.
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # The first two features load another page behind each page, with suggestions for an address bar that nobody sees.
    # Only the last switch of this name counts, so it repeats the features that Playwright turns off.
    "--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup,AvoidUnnecessaryBeforeUnloadCheckSync,HttpsUpgrades,"
    "DestroyProfileOnBrowserClose,MediaRouter,PaintHolding,ThirdPartyStoragePartitioning,OptimizationHints,"
    "AvoidCorsURLLoaderRestartOnRedirect,NetworkTimeServiceQuerying,AimEnabled,PreconnectToSearch",
    # Most pages here live for seconds: compiling their scripts a third and a fourth time takes longer than it saves.
    "--js-flags=--no-maglev --no-turbofan",
]

# A server whose port was taken meanwhile ends. On another port, the tests would talk to the server that took it.
SERVER_OPTIONS = ["--allow-root", "--ip=127.0.0.1", "--IdentityProvider.token=", "--ServerApp.port_retries=0"]

# As in tests/conftest.py, what is imported is never garbage.
MODEL = """
import gc, os
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"; gc.disable()
import keras
from sklearn.datasets import load_digits
from autolr_widget import TunerWidget
gc.freeze(); gc.enable()
x, y = load_digits(return_X_y=True)
x = x / 16
keras.utils.set_random_seed(0)
model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(32, "relu"), keras.layers.Dense(10, "softmax")])
model.compile("sgd", "sparse_categorical_crossentropy")

# All widgets on a model share its graphs, one after the other: tracing takes longer than most runs of these tests.
from autolr_widget.engine.measuring import training
Training, shared = training.Training, {}
def once(model, batch, *which):
    key = id(model), str(keras.tree.map_structure(lambda leaf: None if leaf is None else leaf.shape, batch)), which
    if key not in shared or not shared[key].is_current():
        shared[key] = Training(model, batch, *which)
    shared[key].seconds_per_step = float("nan")
    return shared[key]
training.Training = once
"""

# A kernel writes down what its threads are doing when it gets this signal.
STACKS = """
import faulthandler, signal
faulthandler.register(signal.SIGUSR1, file=open({path!r}, "a"))
"""


class Lab:
    """A JupyterLab server for a folder, with its own settings, from the environment of a Python interpreter."""

    def __init__(self, folder: Path, theme: str = "JupyterLab Light", python: str | Path = sys.executable) -> None:
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        state = folder / ".state"
        self._write_settings(state / "settings", theme)
        startup = state / "ipython" / "profile_default" / "startup" / "stacks.py"
        startup.parent.mkdir(parents=True)
        startup.write_text(STACKS.format(path=str(folder / "stacks.txt")))
        environment = {
            **os.environ,
            "JUPYTER_CONFIG_DIR": str(state / "config"),
            "JUPYTER_RUNTIME_DIR": str(state / "runtime"),
            "JUPYTER_DATA_DIR": str(state / "data"),
            # Or the kernel of a virtual environment would be taken, and not the one in that folder.
            "JUPYTER_PREFER_ENV_PATH": "0",
            "JUPYTERLAB_SETTINGS_DIR": str(state / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(state / "workspaces"),
            "IPYTHONDIR": str(state / "ipython"),
        }
        command = [str(python), "-m", *self._command(), "--no-browser", f"--port={port}"]
        with (folder / "server.log").open("w") as log:
            self._process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
        try:
            self._wait_until_up()
        except BaseException:
            self.close()
            raise

    def address(self, name: str) -> str:
        """The address of a notebook in the folder."""
        return f"{self.url}/lab/tree/{name}"

    def stacks(self) -> str:
        """What the threads of the kernels are doing now, and the end of the server's log: for a test that failed."""
        if self._process.poll() is not None:
            return "The server has ended."
        for process in psutil.Process(self._process.pid).children(recursive=True):
            if any("ipykernel" in word for word in process.cmdline()):
                process.send_signal(signal.SIGUSR1)
        time.sleep(1)
        log = (self.folder / "server.log").read_text().splitlines()[-30:]
        return "\n".join([(self.folder / "stacks.txt").read_text(), *log])

    def _command(self) -> list[str]:
        return ["jupyterlab", *SERVER_OPTIONS, "--LabApp.expose_app_in_browser=True"]

    def close(self) -> None:
        """Stop the server, which stops its kernels."""
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _write_settings(self, settings: Path, theme: str) -> None:
        for plugin, content in {
            "notification": {"fetchNews": "false", "checkForUpdates": False},
            "themes": {"theme": theme},
        }.items():
            path = settings / "@jupyterlab" / "apputils-extension" / f"{plugin}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(content))
        # Or each load of a page starts npm and Node, to ask whether JupyterLab's own JavaScript must be built again.
        content = {"buildAvailable": False, "buildCheck": False}
        page_config = settings.parent / "config" / "labconfig" / "page_config.json"
        page_config.parent.mkdir(parents=True)
        page_config.write_text(json.dumps(content))

    def _wait_until_up(self) -> None:
        end = time.monotonic() + 90
        while time.monotonic() < end:
            if self._process.poll() is not None:
                break
            try:
                urllib.request.urlopen(f"{self.url}/api", timeout=2).close()
                return
            except urllib.error.HTTPError:
                # Voila has no such page, but its answer shows that the server is up.
                return
            except OSError:
                time.sleep(0.2)
        raise RuntimeError("The server did not start:\n" + (self.folder / "server.log").read_text())


class Notebook:
    """A notebook that is open in a page."""

    def __init__(self, page: Page, lab: Lab, *cells: str, name: str = "test.ipynb") -> None:
        self.page = page
        self.lab = lab
        self.name = name
        if cells:
            notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
            notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
            nbformat.write(notebook, lab.folder / name)
        self.open()

    def open(self, query: str = "?reset") -> None:
        """Load the page, and wait for the kernel."""
        self.page.goto(self.lab.address(self.name) + query)
        self._wait_for_kernel()

    def reload(self) -> None:
        """Load the page again as a user would, after saving."""
        self.evaluate("return panel.context.save()")
        self.page.reload()
        self._wait_for_kernel()

    def run_all(self) -> None:
        """Run all cells and wait until they are done."""
        self.evaluate("app.shell.activateById(panel.id); return app.commands.execute('notebook:run-all-cells')")

    def run_cell(self, index: int) -> None:
        """Run one cell."""
        self.evaluate(
            "panel.content.activeCellIndex = argument; return app.commands.execute('notebook:run-cell')", index
        )

    def add_cell(self, source: str) -> int:
        """Add a cell at the end, and return its index."""
        return self.evaluate(
            """
            panel.content.model.sharedModel.addCell({cell_type: 'code', source: argument});
            return panel.content.widgets.length - 1;
            """,
            source,
        )

    def evaluate(self, body: str, argument: Any = None) -> Any:
        """Run JavaScript with `app`, `panel` and `argument` in scope."""
        return self.page.evaluate(
            f"async (argument) => {{ const app = window.jupyterapp; const panel = app.shell.currentWidget; {body} }}",
            argument,
        )

    def begin(self, code: str) -> None:
        """Start code in the kernel as a cell would, and don't wait for it."""
        self.evaluate("panel.sessionContext.session.kernel.requestExecute({code: argument})", code)

    def python(self, expression: str) -> Any:
        """The value of an expression in the kernel, which must be JSON."""
        reply = self.evaluate(
            """
            const future = panel.sessionContext.session.kernel.requestExecute(
                {code: "", silent: true, store_history: false, user_expressions: {value: argument}});
            return (await future.done).content.user_expressions.value;
            """,
            f"__import__('json').dumps({expression})",
        )
        assert reply["status"] == "ok", reply
        return json.loads(eval(reply["data"]["text/plain"], {"__builtins__": {}}))

    def execute(self, code: str) -> None:
        """Run code in the kernel and wait for it."""
        reply = self.evaluate(
            """
            const future = panel.sessionContext.session.kernel.requestExecute({code: argument, store_history: false});
            return (await future.done).content;
            """,
            code,
        )
        assert reply["status"] == "ok", reply

    def wait_for(self, expression: str, timeout: float = 60) -> None:
        """Wait until an expression in the kernel is true."""
        end = time.monotonic() + timeout
        while not self.python(expression):
            assert time.monotonic() < end, f"{expression} did not become true in {timeout} s"
            time.sleep(0.1)

    def _wait_for_kernel(self) -> None:
        self.page.wait_for_function(
            """() => {
                const panel = window.jupyterapp?.shell.currentWidget;
                const kernel = panel?.sessionContext?.session?.kernel;
                return kernel?.connectionStatus === "connected" && kernel.status === "idle";
            }""",
            timeout=60_000,
        )
