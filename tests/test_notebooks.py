"""The notebooks run from top to bottom without a browser."""

import asyncio
import re
import subprocess
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
INSTALL = "%pip install"


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="an sdist has no history")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_outputs_are_not_committed(path):
    # As committed, not as it lies there: whoever works on it may have run it.
    show = ["git", "show", f"HEAD:{path.relative_to(ROOT).as_posix()}"]
    notebook = nbformat.reads(subprocess.run(show, cwd=ROOT, check=True, capture_output=True, text=True).stdout, 4)
    assert all(not cell.get("outputs") for cell in notebook.cells)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        # It would replace the package that is tested with the released one.
        if cell.source.startswith(INSTALL):
            cell.source = ""
    # In a loop that ends here: nbclient's own is left open. The kernel is killed, as one that ends by itself may take
    # longer than nbclient waits.
    where = {"metadata": {"path": str(path.parent)}}
    client = NotebookClient(notebook, timeout=300, shutdown_kernel="immediate", resources=where)
    asyncio.run(client.async_execute())
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    printed = "".join(output.text for output in outputs if output.get("name") == "stdout")
    if path.stem == "live":
        lines = printed.splitlines()
        chosen, accuracy, lowered, last = (float(line.split(": ")[1]) for line in lines[:4])
        first_look, *_, again = lines[4:]
        assert first_look.startswith("after 0 epochs: Changed 0.01 to 0.")
        assert float(again.split(": ")[1]) > 0.95
        assert accuracy > 0.95
        assert lowered == pytest.approx(chosen / 10, rel=0.01)
        assert last < 1e-6
    if path.stem == "cluster":
        assert "done, 6 rounds, chosen: " in printed
        assert "equal to the last bit: True" in printed
    if path.stem == "own_data":
        assert "x has NaN or infinity in " in printed
        chosen = dict(
            line.split(": ") for line in printed.splitlines() if re.match(r"(table|images|texts|pairs): ", line)
        )
        assert all(0.001 < float(rate) < 0.1 for rate in chosen.values()), chosen
        assert len(chosen) == 4
        assert float(re.findall(r"accuracy: .* (\S+)%", printed)[0]) > 80
    if path.stem == "compare":
        untrained, trained = (
            [float(rate) for rate in re.findall(r": ([\d.e-]+)", line)] for line in printed.splitlines()[:2]
        )
        assert untrained[1] > untrained[3] / 2
        assert trained == sorted(trained)
        assert trained[0] < trained[3] / 100
    if path.stem == "quickstart":
        assert 0.05 < float(printed.split("chosen: ")[1]) < 0.5
        assert any("image/png" in output.get("data", {}) for output in outputs)


def test_the_notebook_for_colab_installs_in_one_line_and_opens_itself():
    notebook = nbformat.read(ROOT / "notebooks" / "colab.ipynb", as_version=4)
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    assert code[0] == "%pip install -q autolr_widget"
    assert not any(INSTALL in source for source in code[1:])
    (link,) = re.findall(r"\]\((https://colab\.research\.google\.com/github/[^)]+)\)", notebook.cells[0].source)
    assert link.endswith("/autolr_widget/blob/main/notebooks/colab.ipynb")
