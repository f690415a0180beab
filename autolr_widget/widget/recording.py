"""A run as the front end shows it without a kernel: all that Python would answer, computed in advance."""

from __future__ import annotations

import base64
import json
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from autolr_widget.engine.reading.band import BANDS
from autolr_widget.engine.reading.choosing import choices
from autolr_widget.engine.reading.selection import RULES
from autolr_widget.engine.saved.replay import Replay
from autolr_widget.engine.saved.saved_run import SavedRun
from autolr_widget.widget.choice import Choice, against, at_nearest, outside
from autolr_widget.widget.curve import edges, lines_of, racing_part, shown_band, table, whole, y_limits
from autolr_widget.widget.panel import Panel
from autolr_widget.widget.settings_traits import setting_controls
from autolr_widget.widget.training_curves import training_curves, words

#: What a rule answers: traits of the panel that follow from the rule.
ANSWER = ("selected_lr", "reason", "interval", "edge")


def element(saved_run: SavedRun, selected: float | None, inside: str = "") -> str:
    """Return the HTML of a run that the script `page.js` shows. Readers without scripts see what is ``inside``."""
    # In a script, only "<" could end the element.
    text = json.dumps(recording(saved_run, selected), allow_nan=False).replace("<", "\\u003c")
    data = f'<script type="application/json">{text}</script>'
    return f'<div class="autolr-widget autolr-recorded">{data}{inside}</div>'


def recording(saved_run: SavedRun, selected: float | None = None) -> dict[str, Any]:
    """Return what the front end shows of a run, as JSON.

    Parameters
    ----------
    saved_run
        The run, with at least one round.
    selected
        The chosen rate. If it is not the choice of the rule, it is a rate of the user's own.

    Returns
    -------
    dict
        ``state``: the panel's traits. ``rules``: for each rule, the traits that follow from it. ``bands``: for each
        kind of band, the traits that follow from it, and what is drawn. ``warnings``: what speaks against a rate of the
        user's own, by the nearest measured rate; ``outside``: the same beyond the grid. Infinite numbers and NaN are
        ``None``, and bytes are in base 64.
    """
    run, settings, results = Replay(saved_run), saved_run.settings, saved_run.results
    rules = {method: _answer(run, method) for method in RULES}
    chosen = rules[settings.method]["selected_lr"]
    view = [run.rates[0], run.rates[-1]]
    state = {
        **{name: trait.default() for name, trait in Panel.class_own_traits(sync=True).items()},
        **asdict(settings),
        "settings": [control for control in setting_controls() if control["name"] in ("method", "band")],
        "replay": True,
        "status": "done",
        "subject": run.subject,
        "round": len(run),
        "choices": choices(run.rates, run.deltas),
        "rates": run.rates.tobytes(),
        "view": view,
        "full_view": view,
        "axis": settings.scale,
        "selected_lr": chosen if selected is None else selected,
        "pinned": selected not in (None, chosen),
    }
    if results.curves is not None:
        assert results.measured is not None
        known = np.isfinite(results.curves).any(axis=(1, 2))
        measured = results.measured[known]
        curves = training_curves(results.curves[known], measured * results.curves.shape[2])
        state |= {"curves": curves.tobytes(), "curves_of": words(measured)}
    recorded = {
        "state": state,
        "rules": rules,
        "bands": {band: _drawn(run, band) for band in BANDS},
        "warnings": [at_nearest(against(run, i), rate) for i, rate in enumerate(run.rates)],
        "outside": outside(run),
    }
    plain: dict[str, Any] = _plain(recorded)
    return plain


def _answer(run: Replay, method: str) -> dict[str, Any]:
    choice = Choice(run, replace(run.settings, method=method))
    choice.judge()
    return {name: getattr(choice, name) for name in ANSWER}


def _drawn(run: Replay, kind: str) -> dict[str, Any]:
    """Return what follows from a kind of band. ``lower``, ``upper`` and ``mean`` are lines over ``points``."""
    band = shown_band(run.deltas, replace(run.settings, band=kind))
    seen = np.isfinite(band.mean) & whole(run, run.deltas)
    drawn: dict[str, Any] = {"table": table(run.results, band).tobytes()}
    if not seen.any():
        return drawn
    lower, upper = edges(band)
    limits = y_limits(band.mean[seen], lower[seen], upper[seen])
    all_race = run.racing.all()
    points, lines = lines_of(run.rates, band, seen if all_race else racing_part(seen, run.racing), limits[1])
    drawn |= {"limits": limits, "points": points, **dict(zip(("lower", "upper", "mean"), lines, strict=True))}
    # In a race, the faint mean of all rates is behind the mean of the rates that still race.
    return drawn if all_race else drawn | {"raced": run.rates[seen], "dropped": band.mean[seen]}


def _plain(value: Any) -> Any:
    """Return the value as strict JSON can hold it."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_plain(one) for one in value]
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value).decode()}
    if isinstance(value, (float, np.floating)):
        return float(value) if np.isfinite(value) else None
    return value
