import math
from dataclasses import replace

import pytest

from autolr_widget.engine import settings as settings_module
from autolr_widget.engine.reading.selection import RULES
from autolr_widget.engine.settings import MOST_OBSERVATIONS, SETTINGS, Setting, Settings, _setting, parameters


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"scale": "cubic"}, r"`scale` must be one of \('log', 'linear'\)\. Received: scale='cubic'"),
        ({"method": "lowest"}, "`method` must be one of .*'mean', .*Received: method='lowest'"),
        ({"num_evals": 1}, "`num_evals` must be an integer of at least 2. Received: num_evals=1"),
        ({"num_evals": 10_001}, "`num_evals` must be at most 10,000. Received: num_evals=10001"),
        ({"num_evals": 5.0}, r"`num_evals` must be an integer of at least 2. Received: num_evals=5\.0"),
        ({"num_subsamples": 0}, "`num_subsamples` must be an integer of at least 1"),
        ({"num_subsamples": 1_000_001}, "`num_subsamples` must be at most 1,000,000"),
        ({"batch_size": True}, "`batch_size` must be an integer of at least 1. Received: batch_size=True"),
        ({"horizon": None}, "`horizon` must be an integer of at least 1. Received: horizon=None"),
        ({"seed": -1}, "`seed` must be an integer of at least 0"),
        ({"lr_max": "a lot"}, "`lr_max` must be a finite number. Received: lr_max='a lot'"),
        ({"lr_max": math.inf}, "`lr_max` must be a finite number. Received: lr_max=inf"),
        ({"lr_max": 10**400}, "`lr_max` must be a finite number"),
        ({"lr_max": None}, "`lr_max` must be a finite number. Received: lr_max=None"),
        ({"lr_max": math.nan}, "`lr_max` must be a finite number. Received: lr_max=nan"),
        ({"evaluate_on": "all"}, r"`evaluate_on` must be one of \('progressive', 'train', 'held-out', 'validation'\)"),
        ({"pruner": "some"}, r"`pruner` must be one of \('none', 'racing'\)"),
        ({"stop_rule": "soon"}, r"`stop_rule` must be one of \('rounds', 'settled'\)"),
        ({"band": "wide"}, r"`band` must be one of \('normal', 't', 'bootstrap', 'anytime'\)"),
        ({"alpha": 0}, "`alpha` must lie between 0 and 1. Received: alpha=0"),
        ({"alpha": 1}, "`alpha` must lie between 0 and 1. Received: alpha=1"),
        ({"alpha": 1.5}, "`alpha` must lie between 0 and 1"),
        ({"lr_min": 0}, r'`lr_min` must be positive on a log grid\. Received: lr_min=0\.0\. .*scale="linear"'),
        ({"lr_min": -1, "scale": "linear"}, r"`lr_min` must not be negative\. Received: lr_min=-1\.0"),
        ({"lr_min": 10}, r"`lr_min` must be smaller than `lr_max`\. Received: lr_min=10\.0, lr_max=10\.0"),
        (
            {"batch_size": MOST_OBSERVATIONS // 55 + 1},
            "`horizon` and `batch_size` must require at most 10,000,000 observations. Received: horizon=55",
        ),
        (
            {"batch_size": 10**6, "horizon": 10, "evaluate_on": "held-out"},
            "`horizon` and `batch_size` must require at most",
        ),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=f"^Arguments? {message}"):
        Settings(**settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"num_evals": 2},
        {"num_evals": 10_000},
        {"num_subsamples": 1},
        {"seed": 0},
        {"lr_min": 0.0, "scale": "linear"},
        {"alpha": 0.99},
        {"batch_size": 10**6, "horizon": 10},
    ],
)
def test_settings_at_the_ends_of_their_ranges_are_accepted(settings):
    found = Settings(**settings)
    assert {name: getattr(found, name) for name in settings} == settings


def test_numbers_are_stored_as_plain_python_values():
    found = Settings(lr_min=1, alpha="0.5")
    assert (type(found.lr_min), found.alpha) == (float, 0.5)


@pytest.mark.parametrize(
    ("horizon", "evaluate_on", "seen", "held_out"),
    [
        (55, "progressive", "progressive", 0),
        (1, "progressive", "train", 0),
        (1, "train", "train", 0),
        (1, "held-out", "held-out", 1),
        (2, "held-out", "held-out", 1),
        (1, "validation", "validation", 0),
    ],
)
def test_losses_of_one_step_are_measured_on_its_batch(horizon, evaluate_on, seen, held_out):
    settings = Settings(horizon=horizon, evaluate_on=evaluate_on)
    assert (settings.seen, settings.held_out) == (seen, held_out)


@pytest.mark.parametrize(
    ("pruner", "change", "alike"),
    [
        ("none", {}, True),
        ("none", {"alpha": 0.1, "band": "t", "method": "mean", "stop_rule": "settled", "num_subsamples": 3}, True),
        ("none", {"seed": 1}, False),
        ("none", {"lr_min": 1e-3}, False),
        # Alpha decides which rates drop out of a race.
        ("racing", {}, True),
        ("racing", {"alpha": 0.1}, False),
        ("racing", {"pruner": "none"}, False),
    ],
)
def test_measure_alike_ignores_settings_that_only_read_the_rounds(pruner, change, alike):
    settings = Settings(pruner=pruner)
    assert settings.measure_alike(replace(settings, **change)) == alike


def test_options_include_custom_rules(monkeypatch):
    monkeypatch.setitem(RULES, "own", lambda rates, deltas: 0.1)
    options = SETTINGS["method"].options
    assert (options["mean"], options["own"]) == ("lowest mean", "own")
    assert SETTINGS["band"].options["t"] == "Student's t"
    assert SETTINGS["alpha"].options is None


def test_a_setting_without_a_range_accepts_any_positive_integer():
    setting = Setting(kind="integer", group="more", label="Any", help="Any.")
    assert [setting.check("any", value) for value in (0, 10**9)] == [0, 10**9]
    with pytest.raises(ValueError, match="`any` must be an integer of at least 0"):
        setting.check("any", -1)


def test_parameters_describe_each_setting(monkeypatch):
    made = {
        "first": Setting(kind="number", group="more", label="First", help="First."),
        "number": Setting(kind="number", group="more", label="Number", help="a " * 59 + "a", details="b"),
        "choice": Setting(kind="choice", group="more", label="Choice", help="Help.", words={"x": "x", "y": "why"}),
    }
    monkeypatch.setattr(settings_module, "SETTINGS", made)
    # Lines of 120 characters at most.
    assert parameters("first").splitlines() == [
        "    number",
        "        " + " ".join("a" * 56),
        "        a a a a b",
        "    choice",
        '        Help. One of ``"x"``, ``"y"`` (why).',
    ]


def test_a_field_holds_its_setting():
    field = _setting(3, "integer", "more", "Label", "Help.", least=2)
    setting = Setting(kind="integer", group="more", label="Label", help="Help.", least=2)
    assert (field.default, dict(field.metadata)) == (3, {"setting": setting})
