"""Checks of JSON from an unknown source.

Each function returns the expected value, or raises a `ValueError` that says what was found instead. The messages are
clauses that follow "but" in the caller's message, because only the caller knows where the text comes from.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

NUMBERS = {int, float}
#: What messages call the types.
WORDS = {int: "an integer", float: "a number", str: "a string", list: "a list", bool: "true or false"}


def parse(text: str) -> Any:
    """Parse strict JSON: NaN, infinity and duplicate keys are errors."""
    try:
        return json.loads(text, parse_constant=_no_constant, object_pairs_hook=_once_each)
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON: {error}") from error
    except (RecursionError, MemoryError) as error:
        raise ValueError("it is nested too deeply, or too large") from error


def check_format(content: Any, form: str, *versions: int) -> None:
    """Raise a `ValueError` if ``content`` does not have the format ``form`` in one of ``versions``."""
    found = content.get("format") if isinstance(content, dict) else None
    if found != form:
        raise ValueError(f'its "format" is not "{form}"')
    # Compare the type too, because True and 1.0 are equal to 1.
    if type(content.get("version")) is not int or content["version"] not in versions:
        known = f"version{'s' if len(versions) > 1 else ''} {' and '.join(map(str, versions))}"
        raise ValueError(
            f'its "version" is {_shown(content.get("version"))}, and this version of autolr_widget reads only '
            f"{known} of {form}. A later version of autolr_widget may read it"
        )


def fields(name: str, value: Any, required: Collection[str], optional: Collection[str] = ()) -> dict[str, Any]:
    """Return ``value``, which must be an object with all ``required`` keys. Only ``optional`` keys may be added.

    In all functions of this module, ``name`` is what messages call the value.
    """
    if not isinstance(value, dict):
        raise ValueError(f"`{name}` is not an object, it is {_shown(value)}")
    missing, foreign = sorted({*required} - {*value}), sorted({*value} - {*required, *optional})
    if missing or foreign:
        key, what = (missing[0], "lacks the key") if missing else (foreign[0], "has the unknown key")
        raise ValueError(f"`{name}` {what} {_shown(key)}")
    return value


def of_type(name: str, value: Any, *types: type) -> Any:
    """Return ``value``, which must have exactly one of these types. A boolean is not an integer."""
    if type(value) not in types:
        raise ValueError(f"`{name}` is {_shown(value)}, which is not {WORDS[types[-1]]}")
    return value


def numbers(name: str, value: Any) -> NDArray[np.float64]:
    """Return a list of finite numbers as an array."""
    return _array(name, of_type(name, value, list), NUMBERS)


def numbers_or_nan(name: str, value: Any, columns: int) -> NDArray[np.float64]:
    """Return rows of finite numbers and nulls as an array of shape ``(rows, columns)``, with NaN for each null."""
    rows = [_array(name, row, {*NUMBERS, type(None)}) for row in _rows(name, value, columns)]
    return np.array(rows).reshape(-1, columns)


def nulls(values: NDArray[np.float64]) -> list[Any]:
    """Return an array as nested lists, with null for each NaN: the inverse of `numbers_or_nan`."""
    # Much faster than to look at single numbers.
    nested: list[Any] = np.where(np.isnan(values), np.array(None), values.astype(object)).tolist()
    return nested


def flags(name: str, value: Any, columns: int) -> NDArray[np.bool_]:
    """Return rows of booleans as an array of shape ``(rows, columns)``."""
    rows = _rows(name, value, columns)
    for row in rows:
        _check_types(name, row, {bool})
    return np.array(rows, dtype=bool).reshape(-1, columns)


def _rows(name: str, value: Any, columns: int) -> list[list[Any]]:
    rows: list[list[Any]] = of_type(name, value, list)
    for index, row in enumerate(rows):
        if type(row) is not list or len(row) != columns:
            raise ValueError(f"row {index} of `{name}` is not a list of {columns} values")
    return rows


def _array(name: str, values: list[Any], types: set[type]) -> NDArray[np.float64]:
    _check_types(name, values, types)
    try:
        array = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    except OverflowError:
        array = np.array([np.inf])
    # 1e999 is valid JSON, and Python reads it as infinity.
    if np.isinf(array).any():
        raise ValueError(f"`{name}` contains a number that is too large")
    return array


def _check_types(name: str, values: list[Any], types: set[type]) -> None:
    if not {*map(type, values)} <= types:
        wrong = next(value for value in values if type(value) not in types)
        raise ValueError(f"`{name}` contains {_shown(wrong)}")


def _shown(value: Any) -> str:
    # Do not show the content of a list or an object: it may be huge, or nested too deeply for `repr`.
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    return repr(value) if not isinstance(value, str) or len(value) <= 60 else f"{value[:60]!r}…"


def _no_constant(name: str) -> Any:
    raise ValueError(f"it is not JSON: it contains {name}")


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for key, value in pairs:
        if key in content:
            raise ValueError(f"it has the key {_shown(key)} twice")
        content[key] = value
    return content
