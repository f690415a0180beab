"""The file to which a run is written after each round."""

from __future__ import annotations

import warnings
from dataclasses import replace
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
        If ``path`` has another suffix, or its folder does not exist.
    """

    def __init__(self, path: str | Path | None) -> None:
        if path is not None and Path(path).suffix != ".json":
            raise ValueError(f"Argument `autosave` must be a path that ends in .json. Received: autosave={path}")
        if path is not None and not Path(path).parent.is_dir():
            raise ValueError(f"Argument `autosave` must be in a folder that exists. Received: autosave={path}")
        self.path = None if path is None else Path(path)
        self._failure = ""

    def write(self, run: Run, pinned_lr: float | None) -> str:
        """Write ``run`` if it has rounds, with the rate that the user has pinned.

        Returns
        -------
        str
            A message if this failed, else ``""``. It does not raise, because a full disk must not end the run. It warns
            of the first failure, for those who do not see the screen.
        """
        if self.path is None or len(run) == 0:
            return ""
        try:
            replace(run.saved_run, pinned_lr=pinned_lr).write(self.path)
        except (OSError, ValueError) as error:
            found = f"Not saved: {error}"
            if not self._failure:
                warnings.warn(found, stacklevel=2)
            self._failure = found
        else:
            self._failure = ""
        return self._failure
