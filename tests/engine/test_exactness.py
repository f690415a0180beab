"""Each case of `tests.engine.cases` is measured exactly, or refused with a message that says what to do.

``make table`` prints one line per case and number of steps.
"""

from __future__ import annotations

import collections
import itertools
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


def verdict(*runs: tuple[Case, dict[str, Any]]) -> str:
    """``"exact"`` or ``"refused"``, as the case expects. Anything else raises.

    Each of ``runs`` is a case with its settings. Several are compared with one model that Keras trains, so they must
    be alike but for their settings and whether they are `trained`.
    """
    exact = []
    for case, horizon in runs:
        model = case.make()
        settings = SETTINGS | horizon | case.settings
        if case.trained:
            y = None if case.y is None else case.y[:48]
            model.fit(case.x[:48], y, batch_size=settings["batch_size"], verbose=0)
        if case.repeatable:
            both = [LRTuner(case.make(), case.x, case.y, **case.data, **settings) for _ in range(2)]
            assert [round.deltas.tolist() for round in both[0]] == [round.deltas.tolist() for round in both[1]]
        elif case.refused is None:
            exact.append(LRTuner(model, case.x, case.y, **case.data, **settings))
        else:
            with pytest.raises(ValueError, match=f"(?s){case.refused}"):
                LRTuner(model, case.x, case.y, **case.data, **settings).step()
    if exact:
        assert_exact(case.make, *exact, rounds=case.rounds, rtol=case.rtol)
    return "exact" if case.refused is None else "refused"


def horizons(index: int) -> dict[str, Any]:
    """The settings with several steps for the case at this index: they take turns."""
    return HORIZONS[1 + index % (len(HORIZONS) - 1)]


def alike(numbered: tuple[int, str]) -> str:
    """The name of a case without the state of its optimizer."""
    return numbered[1].removesuffix(", fresh").removesuffix(", in mid-training")


# Cases that are alike in one test, because Keras then traces their training step once. Every fourth case with several
# steps too, which takes a minute; `make table` runs them all.
@pytest.mark.filterwarnings("ignore:Gradients do not exist")  # of `fit`: weights that do not affect the loss
@pytest.mark.parametrize("numbered", [[*group] for _, group in itertools.groupby(enumerate(CASES), alike)], ids=str)
def test_case(numbered):
    runs = [(CASES[name](), HORIZONS[0]) for _, name in numbered]
    runs += [(CASES[name](), horizons(index)) for index, name in numbered if index % 4 == 0]
    assert verdict(*runs) == ("exact" if runs[0][0].refused is None else "refused")


def main() -> None:
    warnings.simplefilter("ignore")
    counts: collections.Counter[str] = collections.Counter()
    for index, (name, make) in enumerate(CASES.items()):
        for settings in (HORIZONS[0], horizons(index)):
            try:
                found = verdict((make(), settings))
            except Exception:
                traceback.print_exc()
                found = "WRONG"
            counts[found] += 1
            print(f"{found:8} {name}, {settings['horizon']} on {settings['evaluate_on']}", flush=True)
    print(f"\n{len(CASES)} cases: " + ", ".join(f"{counts[word]} {word}" for word in ("exact", "refused", "WRONG")))


if __name__ == "__main__":
    main()
