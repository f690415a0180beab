"""The file to which a run is written after each round."""

from __future__ import annotations

from pathlib import Path

from autolr_widget.engine.runs.run import Run


class Autosave:
    """Writes runs to a file.

    Parameters
    ----------
    path
        A path that ends in ``.json``. If it is None, nothing is written.

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
        """Write ``run`` if it has rounds.

        Returns
        -------
        str
            A message if this failed, else ``""``. It does not raise, because a full disk must not end the run.
        """
        if self.path is None or len(run) == 0:
            return ""
        try:
            run.saved_run.write(self.path)
        except (OSError, ValueError) as error:
            return f"Not saved: {error}"
        return ""
