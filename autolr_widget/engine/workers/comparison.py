"""Whether several processes on this machine are faster than this process alone, which uses all cores, too."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Comparison:
    """The times of a training step.

    Attributes
    ----------
    here
        The seconds of a step in this process, which measures as many paths at once as it has threads for.
    there
        The seconds of a step in one of the processes, while all of them measure.
    processes
        Their number.
    """

    here: float
    there: float
    processes: int

    @property
    def helps(self) -> bool:
        """Whether the processes together are faster."""
        return self.there / self.processes < self.here

    @property
    def words(self) -> str:
        """The comparison in words."""
        together = self.there / self.processes
        times = f"{1000 * together:.3g} ms per step, and this process alone {1000 * self.here:.3g} ms"
        which = "they measure" if self.helps else "it measures"
        return f"{self.processes} processes together take {times}, so {which} the rest."
