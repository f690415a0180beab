import math

import numpy as np

from autolr_widget import TuneResults
from autolr_widget.engine.grid import grid
from autolr_widget.engine.saved.saved_run import SavedRun
from autolr_widget.engine.settings import Settings

WORDS = ("start", "began", "model", "optimizer", "autolr_widget", "keras", "tensorflow")


def make_run(rounds=3, num_evals=4, **words):
    deltas = np.random.default_rng(rounds).normal(size=(rounds, num_evals))
    deltas[:, -1] = math.nan
    asked = Settings(num_evals=num_evals)
    rates = grid(asked.lr_min, asked.lr_max, num_evals)
    return SavedRun(asked, TuneResults(rates, deltas), np.arange(rounds) / 3, **words)


def places(content, place=()):
    """Where something stands in ``content``, as the keys and indices that lead there."""
    yield place
    for key in content if isinstance(content, dict) else range(len(content)) if isinstance(content, list) else ():
        yield from places(content[key], (*place, key))


def replaced(content, place, change):
    """``content`` with ``change`` made at ``place``."""
    if not place:
        return change(content)
    copy = content.copy()
    copy[place[0]] = replaced(content[place[0]], place[1:], change)
    return copy


def assert_same_rounds(left, right):
    assert left.saved_run.results == right.saved_run.results
    np.testing.assert_array_equal(left.saved_run.losses, right.saved_run.losses)
