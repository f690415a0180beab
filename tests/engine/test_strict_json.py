import contextlib
import dataclasses
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autolr_widget import TuneResults
from autolr_widget.engine.live.look import Look
from autolr_widget.engine.saved.saved_run import SavedRun
from tests.engine.saved.make_run import make_run


def places(content, place=()):
    """The path of every value in ``content``, as a tuple of keys and indices."""
    yield place
    for key in content if isinstance(content, dict) else range(len(content)) if isinstance(content, list) else ():
        yield from places(content[key], (*place, key))


def replaced(content, place, change):
    """A copy of ``content`` with ``change`` applied to the value at ``place``."""
    if not place:
        return change(content)
    copy = content.copy()
    copy[place[0]] = replaced(content[place[0]], place[1:], change)
    return copy


def read(path, data):
    """The run in a file of these bytes, or None if it is refused. Any other error fails the test."""
    path.write_bytes(data)
    run = results = message = None
    try:
        run = SavedRun.read(path)
    except ValueError as error:
        message = str(error)
    with contextlib.suppress(ValueError):
        results = TuneResults.from_json(data)
    if run is None:
        assert message.startswith(
            "Argument `path` must name a .json file written by `TunerWidget.save` or `autosave`. Received: path="
        )
        assert f"{path.name}', but " in message
        assert len(message) < 1000
    else:
        assert SavedRun.from_json(run.to_json()) == run
        assert results == run.results
    return run


def test_a_truncated_file_is_refused(path):
    text = make_run(rounds=2, num_evals=3, start="weights:0", model="∅").to_json().encode()
    assert read(path, text) is not None
    assert not [length for length in range(len(text)) if read(path, text[:length]) is not None]


@pytest.mark.slow
@given(data=st.data())
@settings(max_examples=300)
@pytest.mark.filterwarnings("ignore:The run was saved with the rule")
def test_a_file_with_changed_bytes_is_valid_or_refused(data, path):
    text = bytearray(make_run(rounds=2, num_evals=3, model="sequential").to_json().encode())
    for position in data.draw(st.lists(st.integers(0, len(text) - 1), min_size=1, max_size=3)):
        text[position] = data.draw(st.integers(0, 255) | st.sampled_from(b'0123456789eE+-.,:[]{}"\\'))
    read(path, bytes(text))


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(10**300, 10**320) | st.floats() | st.text(max_size=5),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.text(max_size=5), inside, max_size=4),
    max_leaves=8,
)


@pytest.mark.slow
@given(data=st.data())
@settings(max_examples=500, suppress_health_check=[HealthCheck.too_slow])
@pytest.mark.filterwarnings("ignore:The run was saved with the rule")
def test_a_file_with_a_changed_value_is_valid_or_refused(data, path):
    content = json.loads(make_run(rounds=2, num_evals=3, pinned_lr=0.5, num_observations=7).to_json())
    place = data.draw(st.sampled_from([*places(content)]))
    anything = data.draw(ANYTHING)
    changed = json.dumps(replaced(content, place, lambda _: anything)).encode()
    run = read(path, changed)
    if run is not None and place != ("settings", "method"):
        # The run has the values of the file, as floats.
        assert json.loads(run.to_json(), parse_int=float) == json.loads(changed, parse_int=float)


def test_missing_and_unknown_keys_are_refused(path):
    numbers = {"pinned_lr": 0.1, "num_observations": 100, "own_batch_size": 16}
    content = json.loads(make_run(rounds=2, num_evals=3, **numbers).to_json())
    objects = [(place, found) for place in places(content) if isinstance(found := _at(content, place), dict)]
    assert len(objects) == 3
    for place, found in objects:
        for key in {*found} - {"measured", *numbers}:
            fewer = replaced(content, place, lambda old, key=key: {k: v for k, v in old.items() if k != key})
            assert read(path, json.dumps(fewer).encode()) is None, (place, key)
        more = replaced(content, place, lambda old: {**old, "x": 1})
        assert read(path, json.dumps(more).encode()) is None, place


def _at(content, place):
    for key in place:
        content = content[key]
    return content


def change(place, value):
    """The JSON of a run with ``value`` at ``place``, a path with dots."""
    content = json.loads(make_run().to_json())
    return json.dumps(replaced(content, place.split("."), lambda _: value))


def more(**values):
    return json.dumps(json.loads(make_run().to_json()) | values)


def with_looks(looks):
    return more(looks=looks)


TEXT = make_run().to_json()
LOOK = dataclasses.asdict(Look(0, 0, 0.1, None, None, None, False, "Kept 0.1.", 50))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it is not JSON: Expecting value"),
        ("[]", 'its "format" is not "autolr_widget.Run"'),
        ('{"format": "autolr_widget.TuneResults", "version": 1}', 'its "format" is not "autolr_widget.Run"'),
        (make_run().results.to_json(), 'its "format" is not "autolr_widget.Run"'),
        (change("version", 3), 'its "version" is 3, and this version of autolr_widget reads only versions 1 and 2'),
        (change("version", True), 'its "version" is True'),
        (change("version", 1.0), r'its "version" is 1\.0'),
        (TEXT.replace('"start"', '"losses": [], "start"'), "it has the key 'losses' twice"),
        (TEXT.replace('"seed": 42', '"seed": 42, "seed": 42'), "it has the key 'seed' twice"),
        (TEXT.replace("null", "NaN"), "it contains NaN"),
        (TEXT.replace("null", "-Infinity"), "it contains -Infinity"),
        (TEXT.replace("null", "1e999"), "`deltas` contains a number that is too large"),
        (TEXT.replace("null", "1" + "0" * 400), "`deltas` contains a number that is too large"),
        (TEXT.replace("null", "1" * 10_000), ""),
        (TEXT.replace("null", "true"), "`deltas` contains True"),
        (TEXT.replace("null", '"1"'), "`deltas` contains '1'"),
        ("[" * 100_000, "nested too deeply"),
        (change("start", [[[]]]), "`start` is a list, which is not a string"),
        (change("losses", [0.0, 0.1]), "`losses` must contain one finite number per round.*3 rounds"),
        (change("losses", {}), "`losses` is an object, which is not a list"),
        (change("settings", []), "`settings` is not an object, it is a list"),
        (change("settings.num_evals", 4.0), r"`num_evals` is 4\.0, which is not an integer"),
        (change("settings.num_evals", True), "`num_evals` is True, which is not an integer"),
        (change("settings.num_evals", 10**12), "`num_evals` must be at most 10,000"),
        (change("settings.seed", "9" * 10**5), "`seed` is '9{60}'…, which is not an integer"),
        (change("settings.seed", -1), "Argument `seed` must be an integer of at least 0"),
        (change("settings.lr_min", "1e-5"), "`lr_min` is '1e-5', which is not a number"),
        (change("settings.lr_min", 10**400), "Argument `lr_min` must be a finite number"),
        (change("settings.lr_max", 10.1), "must be on the grid of `settings`"),
        (change("settings.scale", "linear"), "must be on the grid of `settings`"),
        (change("settings.method", ["mean"]), "`method` is a list, which is not a string"),
        (more(pinned_lr=0), "Argument `pinned_lr` must be a positive number or None. Received: pinned_lr=0"),
        (more(pinned_lr=-0.1), "Argument `pinned_lr` must be a positive number"),
        (more(pinned_lr=None), "`pinned_lr` is None, which is not a number"),
        (more(pinned_lr="0.1"), "`pinned_lr` is '0.1', which is not a number"),
        (more(pinned_lr=True), "`pinned_lr` is True, which is not a number"),
        (more(pinned_lr=10**400), "`pinned_lr` contains a number that is too large"),
        (more(num_observations=4.0), r"`num_observations` is 4\.0, which is not an integer"),
        (more(num_observations=0), "Argument `num_observations` must be a positive number"),
        (more(own_batch_size=-(10**400)), "Argument `own_batch_size` must be a positive number"),
        (more(selected_lr=0.1), "`run` has the unknown key 'selected_lr'"),
        (change("settings.pruner", ["full"]), "`pruner` is a list, which is not a string"),
        (with_looks({}), "`looks` is an object, which is not a list"),
        (with_looks([[]]), "`look` is not an object, it is a list"),
        (with_looks([{}]), "`look` lacks the key 'adopted'"),
        (with_looks([LOOK | {"more": 1}]), "`look` has the unknown key 'more'"),
        (with_looks([LOOK | {"adopted": 1}]), "`adopted` is 1, which is not true or false"),
        (with_looks([LOOK | {"epoch": True}]), "`epoch` is True, which is not an integer"),
        (with_looks([LOOK | {"rate": None}]), "`rate` contains None"),
        (with_looks([LOOK | {"gain": "1"}]), "`gain` contains '1'"),
        (with_looks([LOOK | {"gain": 10**400}]), "`gain` contains a number that is too large"),
        (change("results", None), 'its "format" is not "autolr_widget.TuneResults"'),
        (change("results.rates", [1e-5, 10.0, 1e-3, 0.1]), "`rates` must be finite, not negative and in increasing"),
        (change("results.rates", [-1.0, 1e-3, 0.1, 10.0]), "`rates` must be finite, not negative and in increasing"),
        (change("results.rates", [1e-5, 1e-3, 0.2, 10.0]), "must be on the grid of `settings`"),
        (change("results.rates", []), "row 0 of `deltas` is not a list of 0 values"),
        (change("results.deltas", [[0] * 4, [0] * 3, [0] * 4]), "row 1 of `deltas` is not a list of 4 values"),
        (change("results.deltas", "0000"), "`deltas` is '0000', which is not a list"),
        (change("results.measured", [[True] * 4] * 2), "`measured` must have the shape of `deltas`"),
        (change("results.measured", [[1] * 4] * 3), "`measured` contains 1"),
        (change("results.measured", [[False] * 4] * 3), "`deltas` must be NaN where `measured` is False"),
        (change("results.measured", [[True] * 3 + [False]] * 3), "must be measured at all rates"),
        (change("results.scale", "linear"), "must be on the grid of `settings`"),
    ],
)  # fmt: skip
def test_the_message_names_what_is_wrong(text, message, path):
    path.write_text(text)
    with pytest.raises(ValueError, match=f"Argument `path` must name .*run.json', but .*{message}"):
        SavedRun.read(path)
    with pytest.raises(
        ValueError, match=f"Argument `text` must be JSON written by `SavedRun.to_json`, but .*{message}"
    ):
        SavedRun.from_json(text)
