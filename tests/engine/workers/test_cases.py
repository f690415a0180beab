"""The cases of `tests.engine.cases` have the same numbers in a worker, to the last bit.

The tests try every sixteenth. ``python -m tests.engine.workers.test_cases`` tries all, and prints a line for each.
"""

from __future__ import annotations

import collections
import traceback
import warnings
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest

from autolr_widget import LRTuner
from tests.engine.cases import CASES
from tests.engine.test_exactness import SETTINGS, horizons

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def worker():
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
        # It starts its process for the first piece of work.
        executor.submit(int).result()
        yield executor


def measured(index, name, executor):
    case = CASES[name]()
    settings = SETTINGS | horizons(index) | case.settings | {"num_subsamples": 2}
    return [
        (round.loss, round.deltas, round.curves, round.starts)
        for round in LRTuner(case.make(), case.x, case.y, **case.data, **settings, executor=executor)
    ]


@pytest.mark.parametrize(
    ("index", "name"), [some for some in enumerate(CASES) if CASES[some[1]]().refused is None][::16], ids=str
)
def test_a_worker_has_the_numbers_of_this_process(index, name, worker):
    np.testing.assert_equal(measured(index, name, worker), measured(index, name, None))


def main() -> None:
    warnings.simplefilter("ignore")
    counts: collections.Counter[str] = collections.Counter()
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
        for index, name in enumerate(CASES):
            if CASES[name]().refused is not None:
                continue
            try:
                np.testing.assert_equal(measured(index, name, executor), measured(index, name, None))
                found = "same"
            except ValueError as error:
                found = "refused"
                print(error)
            except Exception:
                found = "DIFFERENT"
                traceback.print_exc()
            counts[found] += 1
            print(f"{found:9} {name}", flush=True)
    print(", ".join(f"{count} {word}" for word, count in counts.items()))


if __name__ == "__main__":
    main()
