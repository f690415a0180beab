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
        ({"alpha": 0}, "`alpha` must lie between 0 and 1. Received: alpha=0"),
        ({"alpha": 1}, "`alpha` must lie between 0 and 1. Received: alpha=1"),
        ({"alpha": 1.5}, "`alpha` must lie between 0 and 1"),
        ({"lr_min": 0}, r'`lr_min` must be positive on a log grid\. Received: lr_min=0\.0\. .*scale="linear"'),
        ({"lr_min": -1, "scale": "linear"}, r"`lr_min` must not be negative\. Received: lr_min=-1\.0"),
        ({"lr_min": 10}, r"`lr_min` must be smaller than `lr_max`\. Received: lr_min=10\.0, lr_max=10\.0"),
        (
            {"batch_size": MOST_OBSERVATIONS // 55 + 1},
            "`horizon` and `batch_size` must ask for at most 10,000,000 observations. Received: horizon=55",
        ),
        (
            {"batch_size": 10**6, "horizon": 10, "evaluate_on": "held-out"},
            "`horizon` and `batch_size` must ask for at most",
        ),
    ],
)
def test_settings_out_of_range_are_refused_by_name(settings, message):
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
def test_settings_at_the_ends_of_their_ranges_are_taken(settings):
    found = Settings(**settings)
    assert {name: getattr(found, name) for name in settings} == settings


def test_numbers_become_plain_ones():
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
    ],
)
def test_with_one_step_no_later_one_looks_back(horizon, evaluate_on, seen, held_out):
    settings = Settings(horizon=horizon, evaluate_on=evaluate_on)
    assert (settings.seen, settings.held_out) == (seen, held_out)


@pytest.mark.parametrize(
    ("pruner", "change", "alike"),
    [
        ("none", {}, True),
        ("none", {"alpha": 0.1, "band": "t", "method": "mean", "stop_rule": "settled", "num_subsamples": 3}, True),
        ("none", {"seed": 1}, False),
        ("none", {"lr_min": 1e-3}, False),
        # Its level says which rates drop out of a race.
        ("racing", {}, True),
        ("racing", {"alpha": 0.1}, False),
        ("racing", {"pruner": "none"}, False),
    ],
)
def test_rounds_are_alike_under_settings_that_only_read_them(pruner, change, alike):
    settings = Settings(pruner=pruner)
    assert settings.measure_alike(replace(settings, **change)) == alike


def test_the_options_of_a_rule_are_those_there_are(monkeypatch):
    monkeypatch.setitem(RULES, "own", lambda rates, deltas: 0.1)
    options = SETTINGS["method"].options
    assert (options["mean"], options["own"]) == ("lowest mean", "own")
    assert SETTINGS["band"].options["t"] == "Student's t"
    assert SETTINGS["alpha"].options is None


def test_a_setting_without_an_end_takes_any_number():
    setting = Setting(kind="integer", group="more", label="Any", help="Any.")
    assert [setting.check("any", value) for value in (0, 10**9)] == [0, 10**9]
    with pytest.raises(ValueError, match="`any` must be an integer of at least 0"):
        setting.check("any", -1)


def test_the_reference_of_each_setting(monkeypatch):
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


def test_a_field_has_its_setting():
    field = _setting(3, "integer", "more", "Label", "Help.", least=2)
    setting = Setting(kind="integer", group="more", label="Label", help="Help.", least=2)
    assert (field.default, dict(field.metadata)) == (3, {"setting": setting})
