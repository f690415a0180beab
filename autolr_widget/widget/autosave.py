"""The file that a run is written to after each round."""

from __future__ import annotations

from pathlib import Path

from autolr_widget.engine.runs.run import Run


class Autosave:
    """Writes runs to ``path``, which ends in ``.json``; for None it writes nothing.

    Raises
    ------
    ValueError
        If ``path`` has another suffix.
    """

    def __init__(self, path: str | Path | None) -> None:
        if path is not None and Path(path).suffix != ".json":
            raise ValueError(f"Argument `autosave` must be a path that ends in .json. Received: autosave={path}")
        self.path = None if path is None else Path(path)

    def write(self, run: Run) -> str:
        """Write the rounds of ``run``, and return what went wrong: a full disk must not end the run."""
        if self.path is None or len(run) == 0:
            return ""
        try:
            run.saved_run.write(self.path)
        except (OSError, ValueError) as error:
            return f"Not saved: {error}"
        return ""
