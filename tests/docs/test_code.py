"""The Python code in the README, the docs and the docstrings runs, page by page and from top to bottom."""

import doctest
import importlib
import re
from pathlib import Path

import pytest
from distributed import Client, LocalCluster

from autolr_widget import TunerWidget
from autolr_widget.engine.reading.selection import RULE_WORDS, RULES

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^ *```(.*)\n([\s\S]*?)^ *```$", re.MULTILINE)
#: What a fence may hold besides code of the page: commands, trees of files, and the directives of the site.
OTHERS = {"", "{toctree}", "{eval-rst}", "{recorded-run} runs/*.json", "{settings}", "{architecture}"}


def code(page):
    """The blocks of Python of a page, each at its line, so that a traceback tells where it is."""
    text = page.read_text(encoding="utf-8")
    fences = [match for match in FENCE.finditer(text) if match[1] == "python"]
    return ["\n" * text.count("\n", 0, match.start(2)) + match[2] for match in fences]


WITH_CODE = [page for page in PAGES if code(page)]


def test_no_code_is_left_out():
    for page in PAGES:
        for language, _ in FENCE.findall(page.read_text(encoding="utf-8")):
            kind = re.sub(r"runs/.*\.json", "runs/*.json", language)
            assert kind == "python" or kind in OTHERS, f"{page.name}: {language}"
    assert len(WITH_CODE) >= 11
    assert sum(len(code(page)) for page in WITH_CODE) >= 28


#: The modules of the package with examples in their docstrings.
WITH_EXAMPLES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in sorted((ROOT / "autolr_widget").rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]


@pytest.fixture
def names(digits, monkeypatch, tmp_path):
    """What the pages of the docs begin with: a compiled model, data for it, and validation data."""
    import keras

    monkeypatch.chdir(tmp_path)
    keras.utils.set_random_seed(0)
    layers = keras.layers.Dense(16, activation="relu"), keras.layers.Dense(10, activation="softmax")
    model = keras.Sequential([keras.Input((64,)), *layers])
    model.compile("sgd", "sparse_categorical_crossentropy")
    x, y = digits
    # A page may add a rule.
    rules, words = RULES.copy(), RULE_WORDS.copy()
    yield {"model": model, "x": x[:1300], "y": y[:1300], "x_val": x[1300:], "y_val": y[1300:]}
    for changed, before in ((RULES, rules), (RULE_WORDS, words)):
        changed.clear()
        changed.update(before)


@pytest.mark.slow
@pytest.mark.trains
# What Keras says of every generator.
@pytest.mark.filterwarnings("ignore:`shuffle=True` was passed:UserWarning")
@pytest.mark.parametrize("page", WITH_CODE, ids=lambda page: page.stem)
def test_the_code_of_a_page_runs(page, names):
    opened = {}
    try:
        for block in code(page):
            exec(compile(block, page, "exec"), names)
            opened |= {id(one): one for one in names.values() if isinstance(one, (TunerWidget, Client, LocalCluster))}
        tuner = names["tuner"]
        if isinstance(tuner, TunerWidget) and len(tuner.results) == 0:
            assert len(tuner.run()) == 2
            assert 0 < tuner.apply() <= 1
    finally:
        for one in reversed([*opened.values()]):
            one.close()


@pytest.mark.slow
@pytest.mark.trains
@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_the_examples_in_docstrings_are_right(name, names):
    module = importlib.import_module(name)
    runner, finder = doctest.DocTestRunner(), doctest.DocTestFinder(exclude_empty=True)
    examples = [test for test in finder.find(module) if test.examples]
    assert examples
    for test in examples:
        test.globs |= names
        assert runner.run(test, clear_globs=False).failed == 0
        for one in [one for one in test.globs.values() if isinstance(one, TunerWidget)]:
            one.close()
