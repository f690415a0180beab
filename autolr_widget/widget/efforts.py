"""How much work a run is: settings that belong together, from a quick look to a thorough one."""

from __future__ import annotations

from typing import Any

from autolr_widget.engine.runs.run import Run
from autolr_widget.engine.settings import DEFAULTS

#: The settings that make the work of a run.
WORK = ("num_subsamples", "num_evals", "horizon")

#: By name. Steps help more than rounds, see ``docs/recommendations.md``: two rounds recommend as well as ten, and fewer
#: than 36 steps are worse. More rates and rounds make a smoother picture.
EFFORTS: dict[str, dict[str, int]] = {
    "quick look": {"num_subsamples": 1, "num_evals": 9, "horizon": 36},
    "standard": {name: DEFAULTS[name] for name in WORK},
    "thorough": {"num_subsamples": 10, "num_evals": 17, "horizon": 55},
}


def efforts(run: Run) -> list[dict[str, Any]]:
    """Return `EFFORTS` as the front end needs them, with as many steps as the optimizer of ``run`` allows."""
    return [
        {"name": name, "settings": settings | {"horizon": run.whole_updates(settings["horizon"])}}
        for name, settings in EFFORTS.items()
    ]
