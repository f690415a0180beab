"""The notebooks run from top to bottom without a browser."""

import asyncio
import re
import subprocess
from pathlib import Path

import nbformat
import pytest
from jupyter_client import AsyncKernelManager
from nbclient import NotebookClient

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
INSTALL = "%pip install"
#: Takes away the names of the notebook before. `%reset` also takes those that Python needs to start processes.
FORGET = """
for name in [name for name in globals() if not name.startswith("_") and name not in get_ipython().user_ns_hidden]:
    del globals()[name]
"""
#: The tasks of the lesson that are checked in a cell, by the names of the cells: `check-…` checks this question.
TASKS = {
    "check-steeper": "steeper",
    "check-dip": "where",
    "check-batches": "batches",
    "check-seeds": "seeds",
    "check-horizon": "moves",
    "check-training": "winner",
    "check-adam": "adam",
    "check-frozen": "frozen",
}


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="an sdist has no history")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_outputs_are_not_committed(path):
    # As committed, not as it lies there: whoever works on it may have run it.
    show = ["git", "show", f"HEAD:{path.relative_to(ROOT).as_posix()}"]
    notebook = nbformat.reads(subprocess.run(show, cwd=ROOT, check=True, capture_output=True, text=True).stdout, 4)
    assert all(not cell.get("outputs") for cell in notebook.cells)


@pytest.fixture(scope="module")
def kernel():
    """One kernel for all notebooks, because importing TensorFlow takes longer than most of them."""
    manager = AsyncKernelManager()
    asyncio.run(manager.start_kernel(cwd=ROOT / "notebooks"))
    # Opens a socket that the manager keeps.
    asyncio.run(execute(nbformat.v4.new_notebook(), manager))
    yield manager
    # One that ends by itself may take long.
    asyncio.run(manager.shutdown_kernel(now=True))


async def execute(notebook, kernel):
    client = NotebookClient(notebook, kernel, timeout=300)
    await client.async_execute()
    client.kc.stop_channels()


@pytest.mark.xdist_group("notebooks")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path, kernel):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        # It would replace the package that is tested with the released one.
        if cell.source.startswith(INSTALL):
            cell.source = ""
    if path.stem == "lesson":
        answer_all(notebook)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(FORGET))
    # In a loop that ends here: nbclient's own is left open.
    asyncio.run(execute(notebook, kernel))
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
    if path.stem == "lesson":
        check_lesson(notebook, printed)
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


def answer_all(notebook):
    """After the lesson's own cells, give each answer to each question, and check it."""
    source = {cell.id: cell.source for cell in notebook.cells}
    for check, question in TASKS.items():
        repeat = f"for {question}.answer in [*{question}._answers]:\n    exec({source[check]!r})\n"
        # The last expression of a cell is shown: here it is printed.
        repeat = repeat.replace(f"{question}.reveal(", f"verdict = {question}.reveal(")
        repeat += f"    print({check!r}, verdict.right, verdict, sep=' | ')"
        notebook.cells.append(nbformat.v4.new_code_cell(repeat))
    quiz = "for number, question in enumerate(quiz):\n    for question.answer in [*question._answers]:\n"
    quiz += "        print(f'quiz-{number}', question.verdict.right, question.verdict, sep=' | ')"
    notebook.cells.append(nbformat.v4.new_code_cell(quiz))


def check_lesson(notebook, printed):
    shown = {cell.id: cell.outputs[-1]["data"]["text/plain"] for cell in notebook.cells if cell.id in TASKS}
    assert shown == dict.fromkeys(TASKS, "Choose an answer first. Then run this cell again.")
    verdicts = [line.split(" | ") for line in printed.splitlines() if " | " in line]
    right = [task for task, is_right, _ in verdicts if is_right == "True"]
    assert sorted(right) == sorted([*TASKS, "quiz-0", "quiz-1", "quiz-2", "quiz-3"]), "one right answer each"
    for _, is_right, words in verdicts:
        assert re.match(r"(Right\.|No\.) [A-Z].{20,}\.$", words), words
        assert words.startswith("Right.") == (is_right == "True")
    said = {task: words for task, is_right, words in verdicts if is_right == "True"}
    # What the lesson says about these data.
    assert "You said: 0.25. " in said["check-steeper"]
    assert "You said: 0.4. " in said["check-dip"]
    assert "You said: It gets wider. " in said["check-batches"]
    assert "You said: to smaller rates. " in said["check-horizon"]
    assert "You said: the lowest point of 300 steps. " in said["check-training"]
    assert "You said: 0.1 times as large. " in said["check-adam"]
    assert "You said: It gets 10 times smaller, or more. " in said["check-frozen"]


def test_the_notes_for_the_teacher_of_the_lesson_take_45_minutes():
    notebook = nbformat.read(ROOT / "notebooks" / "lesson.ipynb", as_version=4)
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    parts = sum(bool(re.match(r"## \d", text)) for text in texts)
    notes = [text for text in texts if text.startswith("<details>")]
    assert len(notes) == parts + 1, "one for each part, and one for the set-up"
    assert sum(int(re.search(r"For the teacher: (\d+) minutes", text)[1]) for text in notes) == 45


def test_the_lesson_hides_its_answers():
    notebook = nbformat.read(ROOT / "notebooks" / "lesson.ipynb", as_version=4)
    for cell in notebook.cells:
        if "Question(" in cell.source or ".reveal(" in cell.source:
            assert cell.metadata["jupyter"]["source_hidden"]
