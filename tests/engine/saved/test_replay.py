from dataclasses import replace

import numpy as np
import pytest

from autolr_widget import LRTuner
from autolr_widget.engine.saved.replay import Replay


def test_a_replay_has_the_results_of_its_tuner(make_model, digits):
    settings = {"num_evals": 7, "num_subsamples": 9, "horizon": 1, "pruner": "racing"}
    tuner = LRTuner(make_model("adam"), *digits, **settings)
    list(tuner)
    saved = Replay(tuner.saved_run)
    for name in ("rates", "deltas", "racing"):
        np.testing.assert_array_equal(getattr(saved, name), getattr(tuner, name))
    assert (saved.results, saved.settings, saved.saved_run) == (tuner.results, tuner.settings, tuner.saved_run)
    assert len(saved) == 9
    assert saved.is_complete
    assert not saved.can_measure
    assert "saved run" in saved.plan
    saved.check_settings(replace(saved.settings, method="mean", num_subsamples=20))
    with pytest.raises(ValueError, match="This is a saved run without a model to measure"):
        saved.check_settings(replace(saved.settings, batch_size=64))
    saved.settings = replace(saved.settings, method="max")
    assert saved.saved_run == replace(tuner.saved_run, settings=saved.settings)
    for refused in (lambda: saved.advance(1), lambda: saved.renewed(saved.settings), lambda: saved.model):
        with pytest.raises(ValueError, match="This is a saved run without a model to measure"):
            refused()
