"""The table of what the engine takes: each row exact, or refused with a message that says what to do.

``make table`` prints it, a line a case.
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

SETTINGS = {"lr_space": (1e-4, 1e-1), "num_evals": 4, "num_subsamples": 3, "batch_size": 12}


def verdict(case: Case, **horizon: Any) -> str:
    """``"exact"`` or ``"refused"``, as the case asks for; anything else is an error."""
    model = case.make()
    settings = SETTINGS | case.settings | horizon
    if case.trained:
        y = None if case.y is None else case.y[:48]
        model.fit(case.x[:48], y, batch_size=settings["batch_size"], verbose=0)
    if case.refused is None:
        assert_exact(LRTuner(model, case.x, case.y, **case.data, **settings), case.make, case.rounds, case.rtol)
        return "exact"
    with pytest.raises(ValueError, match=f"(?s){case.refused}"):
        LRTuner(model, case.x, case.y, **case.data, **settings).step()
    return "refused"


# `fit` warns of weights that no loss depends on.
@pytest.mark.filterwarnings("ignore:Gradients do not exist")
@pytest.mark.parametrize("name", CASES)
def test_case(name):
    case = CASES[name]()
    assert verdict(case) == ("exact" if case.refused is None else "refused")


def main() -> None:
    warnings.simplefilter("ignore")
    counts: collections.Counter[str] = collections.Counter()
    for name, make in CASES.items():
        try:
            found = verdict(make())
        except Exception:
            traceback.print_exc()
            found = "WRONG"
        counts[found] += 1
        print(f"{found:8} {name}", flush=True)
    print(f"\n{len(CASES)} cases: " + ", ".join(f"{counts[word]} {word}" for word in ("exact", "refused", "WRONG")))


if __name__ == "__main__":
    main()
