import inspect

import numpy as np
import pytest

from autolr_widget import LRTuner
from autolr_widget.engine.arguments import settings_from
from autolr_widget.engine.settings import DEFAULTS


def test_lr_space_sets_both_ends_of_the_grid():
    settings = settings_from({"lr_space": (0.1, 0.5), "seed": 3})
    assert (settings.lr_min, settings.lr_max, settings.seed) == (0.1, 0.5, 3)


def test_lr_space_must_be_a_pair():
    with pytest.raises(ValueError, match=r"`lr_space` must be a pair"):
        settings_from({"lr_space": 0.1})


@pytest.mark.parametrize("name", ["lr_min", "sampler"])
def test_unknown_arguments_are_refused(name):
    with pytest.raises(TypeError, match=f"unexpected keyword argument '{name}'"):
        settings_from({name: 0.1})


def test_the_tuner_refuses_bad_settings(make_model):
    with pytest.raises(ValueError, match=r"`num_evals` must be an integer of at least 2"):
        LRTuner(make_model(), np.zeros((50, 64)), np.zeros(50), num_evals=1)


def test_the_signature_and_docstring_list_every_setting():
    shown = inspect.signature(LRTuner).parameters
    for name, default in DEFAULTS.items():
        if name in ("lr_min", "lr_max"):
            continue
        assert shown[name].default == default
        assert f"    {name}\n" in LRTuner.__doc__
    assert shown["lr_space"].default == (DEFAULTS["lr_min"], DEFAULTS["lr_max"])
