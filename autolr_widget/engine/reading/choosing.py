"""What the rules choose from the measured loss differentials, and how certain that is. Rules are called only here."""

from __future__ import annotations

import contextlib
import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from autolr_widget.engine.reading.selection import RULES, candidates, largest_safe
from autolr_widget.engine.types import Floats


def choose(method: str, rates: Floats, deltas: Floats) -> float:
    """Return the rate that a rule chooses.

    The rule is given only what it may choose from: the rates that are not 0 and diverged in no round, and their
    columns of the loss differentials. So it is given no NaN.

    Parameters
    ----------
    method
        The rule, a key of `RULES`.
    rates
        The learning rates, increasing, shape ``(num_evals,)``.
    deltas
        The loss differentials, shape ``(rounds, num_evals)``; NaN where a rate diverged or was not measured.

    Raises
    ------
    ValueError
        If the rule is unknown, if there is no round or no rate to choose from, or if the rule fails or does not
        return a positive, finite number. A rule of the user's own may raise a `ValueError` or return None or NaN, to
        say that it finds no rate.
    """
    check_rule(method)
    rule, given = RULES[method], candidates(rates, deltas)
    try:
        found = rule(*given)
    except ValueError as error:
        if str(error):
            # It says why it finds no rate.
            raise
        found = None
    except Exception as error:
        raise ValueError(f'Rule "{method}" failed: {type(error).__name__}: {error}') from error
    rate = _number(found)
    if found is None or (rate is not None and math.isnan(rate)):
        raise ValueError(f'Rule "{method}" finds no rate.')
    # As in autolrtuner, the rule "max" returns 0.0 if no rate is safe.
    if rate is None or math.isinf(rate) or not (rate > 0 or rule is largest_safe):
        raise ValueError(f'Rule "{method}" returned {_shown(found)}. It must return a positive, finite learning rate.')
    return rate


def check_rule(method: str) -> None:
    """Raise a `ValueError` if the rule is unknown."""
    if method not in RULES:
        raise ValueError(f"Argument `method` must be one of {', '.join(map(repr, RULES))}. Received: method={method!r}")


def _number(found: Any) -> float | None:
    """Return what a rule has returned as a float. None if it is not one number: text and booleans are none."""
    try:
        array = np.asarray(found)
    except Exception:
        return None
    return float(array) if array.shape == () and array.dtype.kind in "iuf" else None


def _shown(found: Any) -> str:
    shown = " ".join(repr(found).split())
    return shown if len(shown) <= 60 else f"{shown[:60]}…"


def choices(rates: Floats, deltas: Floats) -> dict[str, float]:
    """Return the rate that each of `RULES` chooses, by the name of the rule.

    Rules that find no rate are left out, and so are those that fail.
    """
    found = {}
    for name in RULES:
        with contextlib.suppress(ValueError), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found[name] = choose(name, rates, deltas)
    # The rule "max" returns 0.0 if no rate is safe.
    return {name: rate for name, rate in found.items() if rate > 0}


@dataclass(frozen=True)
class Certainty:
    """How certain a choice is, estimated by a bootstrap over the rounds. See `certainty`.

    Attributes
    ----------
    lower, upper
        The percentile interval of the chosen rate. It contains the choices on resampled rounds, except for the share
        ``alpha`` of them.
    agreement
        The share of the resamples, from 0 to 1, whose choice is at most half a grid step from the actual choice. The
        step is a difference of logarithms, taken at the actual choice.
    """

    lower: float
    upper: float
    agreement: float


def certainty(method: str, rates: Floats, deltas: Floats, alpha: float = 0.05) -> Certainty | None:
    """Estimate how certain a rule's choice is, by the percentile bootstrap (Efron 1979).

    The rounds are resampled `RESAMPLES` times. The seed is fixed: the same rounds always give the same result.

    Parameters
    ----------
    method
        The rule, a key of `RULES`.
    rates
        The learning rates, shape ``(num_evals,)``.
    deltas
        The loss differentials, shape ``(rounds, num_evals)``.
    alpha
        Significance level: 0.05 for a 95 % interval.

    Returns
    -------
    Certainty or None
        None if there are fewer than 3 rounds, which are too few to resample, or if the rule finds no rate.

    Raises
    ------
    ValueError
        If the rule is unknown.
    """
    check_rule(method)
    rounds = len(deltas)
    if rounds < 3:
        return None
    generator = np.random.default_rng(0)
    drawn = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            choice = choose(method, rates, deltas)
        except ValueError:
            return None
        for _ in range(RESAMPLES):
            resampled = deltas[generator.integers(rounds, size=rounds)]
            with contextlib.suppress(ValueError):
                drawn.append(choose(method, rates, resampled))
    if not drawn or not choice > 0:
        return None
    lower, upper = np.quantile(drawn, [alpha / 2, 1 - alpha / 2], method="inverted_cdf")
    # A linear grid may begin at 0, and the rule "max" may return 0.0: their logarithms are not finite.
    logs = np.log(rates[rates > 0])
    step = np.interp(np.log(choice), logs[1:], np.diff(logs)) if logs.size > 1 else 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        agreement = np.sum(np.abs(np.log(drawn) - np.log(choice)) <= step / 2) / RESAMPLES
    return Certainty(float(lower), float(upper), float(agreement))


#: The number of resamples of `certainty`.
RESAMPLES = 200


def edge(method: str, rates: Floats, deltas: Floats) -> str:
    """Return ``"lower"`` or ``"upper"`` if a rule's choice lies at that end of the grid, else ``""``.

    A better rate may then lie beyond the grid. For `half_minimum`, the rate of the lowest mean is looked at instead of
    the choice, which is half of it.
    """
    rate = choose("mean" if method == "half-minimum" else method, rates, deltas)
    return {rates[0]: "lower", rates[-1]: "upper"}.get(rate, "")


def beyond(rates: Floats, deltas: Floats) -> str:
    """Return the end of the grid beyond which a better rate may lie, by the differentials of one round, or ``""``.

    If training diverged at all rates, this is the lower end.
    """
    if not np.isfinite(deltas).any():
        return "lower"
    # If the loss does not depend on the rate, smaller rates do not help.
    return edge("mean", rates, deltas[np.newaxis]) if np.nan_to_num(deltas).any() else ""
