"""Each case of `tests.engine.cases` is measured exactly, or refused with a message that says what to do.

``make table`` prints one line per case and number of steps.
"""

from __future__ import annotations

import collections
import traceback
import warnings
from typing import Any

import pytest

from autolr_widget import LRTuner
from tests.engine.cases import CASES, Case
from tests.engine.oracle import assert_exact

pytestmark = pytest.mark.slow

SETTINGS = {"lr_space": (1e-4, 1e-1), "num_evals": 4, "num_subsamples": 3, "batch_size": 12}
#: With one step, all rates may lie on a line through weight space; several steps run one after the other.
HORIZONS = [
    {"horizon": 1, "evaluate_on": "train"},
    {"horizon": 3, "evaluate_on": "train"},
    {"horizon": 3, "evaluate_on": "held-out"},
    {"horizon": 4, "evaluate_on": "progressive"},
]


def verdict(case: Case, **horizon: Any) -> str:
    """``"exact"`` or ``"refused"``, as the case expects. Anything else raises."""
    model = case.make()
    settings = SETTINGS | horizon | case.settings
    if case.trained:
        y = None if case.y is None else case.y[:48]
        model.fit(case.x[:48], y, batch_size=settings["batch_size"], verbose=0)
    if case.repeatable:
        runs = [LRTuner(case.make(), case.x, case.y, **case.data, **settings) for _ in range(2)]
        assert [round.deltas.tolist() for round in runs[0]] == [round.deltas.tolist() for round in runs[1]]
        return "exact"
    if case.refused is None:
        assert_exact(LRTuner(model, case.x, case.y, **case.data, **settings), case.make, case.rounds, case.rtol)
        return "exact"
    with pytest.raises(ValueError, match=f"(?s){case.refused}"):
        LRTuner(model, case.x, case.y, **case.data, **settings).step()
    return "refused"


def horizons(index: int) -> dict[str, Any]:
    """The settings with several steps for the case at this index: they take turns."""
    return HORIZONS[1 + index % (len(HORIZONS) - 1)]


# `fit` warns about weights that do not affect the loss.
@pytest.mark.filterwarnings("ignore:Gradients do not exist")
@pytest.mark.parametrize("name", CASES)
def test_case(name):
    case = CASES[name]()
    assert verdict(case, **HORIZONS[0]) == ("exact" if case.refused is None else "refused")


# Every fourth case, which takes a minute; `make table` runs them all.
@pytest.mark.filterwarnings("ignore:Gradients do not exist")
@pytest.mark.parametrize(("index", "name"), [*enumerate(CASES)][::4])
def test_case_with_several_steps(index, name):
    case = CASES[name]()
    assert verdict(case, **horizons(index)) == ("exact" if case.refused is None else "refused")


def main() -> None:
    warnings.simplefilter("ignore")
    counts: collections.Counter[str] = collections.Counter()
    for index, (name, make) in enumerate(CASES.items()):
        for settings in (HORIZONS[0], horizons(index)):
            try:
                found = verdict(make(), **settings)
            except Exception:
                traceback.print_exc()
                found = "WRONG"
            counts[found] += 1
            print(f"{found:8} {name}, {settings['horizon']} on {settings['evaluate_on']}", flush=True)
    print(f"\n{len(CASES)} cases: " + ", ".join(f"{counts[word]} {word}" for word in ("exact", "refused", "WRONG")))


if __name__ == "__main__":
    main()
