"""A small saved run for the tests."""

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
    settings = Settings(num_evals=num_evals)
    rates = grid(settings.lr_min, settings.lr_max, num_evals)
    return SavedRun(settings, TuneResults(rates, deltas), np.arange(rounds) / 3, **words)
