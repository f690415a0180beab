"""Each case of `tests.engine.cases` is measured exactly, or refused with a message that says what to do.

``make table`` prints one line per case and number of steps.
"""

from __future__ import annotations

import collections
import itertools
import traceback
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
import tensorflow as tf

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
    case = runs[0][0]
    if case.refused is not None:
        for run in runs:
            with pytest.raises(ValueError, match=f"(?s){case.refused}"):
                next(tuners([run])).step()
        return "refused"
    if case.repeatable:
        for run in runs:
            both = [next(tuners([run])) for _ in range(2)]
            assert [round.deltas.tolist() for round in both[0]] == [round.deltas.tolist() for round in both[1]]
    else:
        assert_exact(case.make, tuners(runs), rounds=case.rounds, rtol=case.rtol)
    return "exact"


def tuners(runs: Iterable[tuple[Case, dict[str, Any]]]) -> Iterator[LRTuner]:
    """A tuner for each run, of one model, which is trained before the first run that is to be `trained`.

    A model that is not built yet is made for each run, because the first tuner builds it.
    """
    was_built = is_trained = False
    for case, horizon in runs:
        settings = SETTINGS | horizon | case.settings
        if not was_built:
            model, is_trained = case.make(), False
            was_built = model.built
        if case.trained and not is_trained:
            # Keras reads a dataset in less time than arrays.
            data = case.x[:48] if case.y is None else (case.x[:48], case.y[:48])
            model.fit(tf.data.Dataset.from_tensor_slices(data).batch(settings["batch_size"]), shuffle=False, verbose=0)
            is_trained = True
        yield LRTuner(model, case.x, case.y, **case.data, **settings)


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
    runs = []
    for index, name in numbered:
        case = CASES[name]()
        runs += [(case, HORIZONS[0])] + [(case, horizons(index))] * (index % 4 == 0)
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
