"""The finished rounds of a run, and the statistics and choices that are computed from them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from autolr_widget.engine.grid import SCALES
from autolr_widget.engine.rate_text import rate_text
from autolr_widget.engine.reading.band import BANDS, Band
from autolr_widget.engine.reading.choosing import Certainty, certainty, choices, choose, edge
from autolr_widget.engine.settings import DEFAULTS
from autolr_widget.engine.strict_json import (
    check_format,
    fields,
    flags,
    nulls,
    numbers,
    numbers_or_nan,
    of_type,
    parse,
)
from autolr_widget.engine.types import progressive

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FORMAT = "autolr_widget.TuneResults"
VERSION = 1
#: The format of a whole run, which contains its results. See `autolr_widget.engine.saved.saved_run`.
RUN = "autolr_widget.Run"
DEFAULT_RULE: str = DEFAULTS["method"]


@dataclass(frozen=True, eq=False)
class TuneResults:
    """The loss differentials of the finished rounds.

    Parameters
    ----------
    rates
        The learning rates, not negative and in increasing order, shape ``(num_evals,)``.
    deltas
        ``deltas[i, j]`` is the loss after the steps of round ``i`` at ``rates[j]``, minus the loss before them; shape
        ``(rounds, num_evals)``. A value that is not finite is stored as NaN and means that the rate diverged.
    scale
        ``"log"`` or ``"linear"``, for the axis of the plot.
    measured
        False where a rate was not measured because it had dropped out of the race; there, NaN does not mean that it
        diverged. Same shape as ``deltas``. By default every rate was measured in every round.
    curves
        The loss that each step at each rate starts from, shape ``(rounds, num_evals, horizon)``; NaN from the step on
        at which the rate diverged. None if it is not known.
    starts
        The loss of the starting state on the batch of each step, shape ``(rounds, horizon)``; NaN if it was not
        measured, because ``evaluate_on`` is not ``"progressive"``. None if it is not known.

    Raises
    ------
    ValueError
        If an argument is invalid, or if two arguments do not fit together. The message names the argument.
    """

    rates: NDArray[np.float64]
    deltas: NDArray[np.float64]
    scale: str = "log"
    measured: NDArray[np.bool_] | None = None
    curves: NDArray[np.float64] | None = None
    starts: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        rates = np.array(self.rates, dtype=np.float64)
        deltas = np.array(self.deltas, dtype=np.float64)
        deltas[~np.isfinite(deltas)] = np.nan
        measured = np.ones(deltas.shape, bool) if self.measured is None else np.array(self.measured, dtype=bool)
        if rates.ndim != 1 or deltas.ndim != 2 or deltas.shape[1] != rates.size:
            raise ValueError(
                "Argument `deltas` must have one row per round and one column per learning rate. "
                f"Received: rates.shape={rates.shape}, deltas.shape={deltas.shape}"
            )
        if measured.shape != deltas.shape:
            raise ValueError(
                "Argument `measured` must have the shape of `deltas`. "
                f"Received: measured.shape={measured.shape}, deltas.shape={deltas.shape}"
            )
        if not (np.isfinite(rates).all() and (rates >= 0).all() and (np.diff(rates) >= 0).all()):
            raise ValueError(
                f"Argument `rates` must be finite, not negative and in increasing order. Received: rates={rates}"
            )
        if not (measured | np.isnan(deltas)).all():
            raise ValueError("Argument `deltas` must be NaN where `measured` is False. Received: numbers there.")
        if self.scale not in SCALES:
            raise ValueError(f"Argument `scale` must be one of {SCALES}. Received: scale={self.scale!r}")
        arrays: dict[str, NDArray[Any] | None] = {"rates": rates, "deltas": deltas, "measured": measured}
        if self.curves is not None or self.starts is not None:
            curves, starts = (np.array(a, dtype=np.float64) for a in (self.curves, self.starts))
            if curves.shape != (*deltas.shape, *starts.shape[1:]) or starts.ndim != 2 or len(starts) != len(deltas):
                raise ValueError(
                    "Arguments `curves` and `starts` must have one loss per step of each round. "
                    f"Received: curves.shape={curves.shape}, starts.shape={starts.shape}, deltas.shape={deltas.shape}"
                )
            arrays |= {"curves": curves, "starts": starts}
        if len(deltas) == 0:
            # Without rounds, JSON can't tell how long their curves would be.
            arrays |= {"curves": None, "starts": None}
        for name, array in arrays.items():
            if array is not None:
                array.flags.writeable = False
            object.__setattr__(self, name, array)

    def __len__(self) -> int:
        """The number of rounds."""
        return len(self.deltas)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TuneResults):
            return NotImplemented
        return (
            self.scale == other.scale
            and np.array_equal(self.rates, other.rates)
            and np.array_equal(self.deltas, other.deltas, equal_nan=True)
            and np.array_equal(self._measured, other._measured)
            and _equal(self.curves, other.curves)
            and _equal(self.starts, other.starts)
        )

    __hash__ = None  # type: ignore[assignment]  # equal by value, and arrays have no hash

    def __repr__(self) -> str:
        words = f"TuneResults: {_count(len(self), 'round')} at {_count(self.rates.size, 'rate')}"
        if self.rates.size > 0:
            words += f" from {rate_text(self.rates[0])} to {rate_text(self.rates[-1])}"
        if self.deltas.size == 0:
            return words
        try:
            lowest = choose("mean", self.rates, self.deltas)
            change = self.deltas[:, self.rates == lowest].mean()
            words += f"; lowest mean {change:.3g} at {rate_text(lowest)}"
            chosen = choose(DEFAULT_RULE, self.rates, self.deltas)
        except ValueError as error:
            return f"{words}. {error}"
        return f'{words}; rule "{DEFAULT_RULE}" chooses {rate_text(chosen)}'

    @property
    def _measured(self) -> NDArray[np.bool_]:
        assert self.measured is not None
        return self.measured

    @property
    def frame(self) -> pd.DataFrame:
        """One row per round and one float column per learning rate; NaN if the rate diverged or was not measured."""
        return pd.DataFrame(self.deltas.copy(), columns=pd.Index(self.rates, name="learning_rate"))

    def at(self, steps: int) -> TuneResults:
        """Return the results that a run with a shorter horizon would have given, without measuring.

        This is true for data that can be read in any order. From a stream, a run with fewer steps reads other batches
        from the second round on, and these results are those of the first batches of each round.

        Parameters
        ----------
        steps
            The horizon, from 2 to that of the run. Progressive validation needs two steps.

        Raises
        ------
        ValueError
            If there are not so many steps, or if the run was not measured with ``evaluate_on="progressive"``: other
            losses are only measured after the last step.
        """
        if self.curves is None or self.starts is None or np.isnan(self.starts).any():
            raise ValueError(
                'Results at a shorter horizon need the loss curves of a run with evaluate_on="progressive". '
                "Received: results without them."
            )
        horizon = self.curves.shape[2]
        if not 2 <= steps <= horizon:
            raise ValueError(f"Argument `steps` must lie between 2 and {horizon}. Received: steps={steps}")
        deltas = progressive(self.curves, self.starts, steps)
        curves, starts = self.curves[:, :, :steps], self.starts[:, :steps]
        return TuneResults(self.rates, deltas, self.scale, self.measured, curves, starts)

    def summary(self, alpha: float = 0.05, band: str = "normal") -> pd.DataFrame:
        """Return the statistics of each learning rate.

        Parameters
        ----------
        alpha
            Significance level of the confidence band: 0.05 for a 95 % band.
        band
            The kind of the band, a key of `autolr_widget.engine.reading.band.BANDS`.

        Returns
        -------
        pandas.DataFrame
            One row per learning rate, which is the index. The columns are ``mean``, ``median``, ``std``, ``lower``,
            ``upper``, ``count``, ``diverged``, ``q05``, ``q25``, ``q75`` and ``q95``. They describe the ``count``
            rounds in which the rate was measured and did not diverge; it diverged in ``diverged`` other rounds.
            ``lower`` and ``upper`` are the confidence band of the mean; the columns that begin with ``q`` are
            quantiles of the rounds.

        Raises
        ------
        ValueError
            If ``alpha`` is not between 0 and 1, or ``band`` is not a key of `BANDS`.
        """
        if not 0 < alpha < 1:
            raise ValueError(f"Argument `alpha` must lie between 0 and 1. Received: alpha={alpha}")
        if band not in BANDS:
            raise ValueError(f"Argument `band` must be one of {tuple(BANDS)}. Received: band={band!r}")
        statistics = BANDS[band](self.deltas, alpha)
        columns = {
            "mean": statistics.mean,
            "median": self.frame.median().to_numpy(),
            "std": statistics.std,
            "lower": statistics.lower,
            "upper": statistics.upper,
            "count": statistics.count,
            "diverged": self._measured.sum(axis=0) - statistics.count,
        }
        for percent in (5, 25, 75, 95):
            columns[f"q{percent:02}"] = self.frame.quantile(percent / 100).to_numpy()
        return pd.DataFrame(columns, index=pd.Index(self.rates, name="learning_rate"))

    def best_lr(self, method: str = DEFAULT_RULE) -> float:
        """Return the learning rate that a rule chooses.

        Parameters
        ----------
        method
            The rule, a key of `autolr_widget.engine.reading.selection.RULES`. The default is that of the tuners.

        Raises
        ------
        ValueError
            If there is no such rule, if there is no round yet, if no rate stayed finite in every round, or if the rule
            finds no rate or fails.
        """
        return choose(method, self.rates, self.deltas)

    def certainty(self, method: str = DEFAULT_RULE, alpha: float = 0.05) -> Certainty | None:
        """Estimate how certain the choice of `best_lr` is, by a bootstrap over the rounds.

        Returns an interval of the rate, and the share of resamples that agree with it; None if it can't be estimated.
        See `autolr_widget.engine.reading.choosing.certainty`.
        """
        return certainty(method, self.rates, self.deltas, alpha)

    def choices(self) -> dict[str, float]:
        """Return the rate that each rule chooses, by the name of the rule.

        Rules that find no rate are left out, and so are those that fail.
        """
        return choices(self.rates, self.deltas)

    def edge(self, method: str = DEFAULT_RULE) -> str:
        """Return ``"lower"`` or ``"upper"`` if `best_lr` lies at that end of the grid, else ``""``.

        At an end, a rate beyond the grid may be better: widen the grid.
        """
        return edge(method, self.rates, self.deltas)

    def plot(self, alpha: float = 0.05, ax: Axes | None = None, band: str = "normal", label: str = "mean") -> Axes:
        """Draw the mean loss differential and its confidence band with matplotlib.

        Parameters
        ----------
        alpha
            Significance level of the band: 0.05 for a 95 % band.
        ax
            The axes to draw on. By default, those of a new figure.
        band
            The kind of the band, a key of `autolr_widget.engine.reading.band.BANDS`.
        label
            The name of the curve in the legend, to compare several on the same axes.

        Returns
        -------
        matplotlib.axes.Axes
            The axes.
        """
        if ax is None:
            import matplotlib.pyplot as plt

            _, ax = plt.subplots()
        self.plot_band(ax, BANDS[band](self.deltas, alpha), alpha, label)
        return ax

    def plot_band(self, ax: Axes, band: Band, alpha: float, label: str = "mean") -> None:
        """Draw a band of these rounds that has been computed already, at significance level ``alpha``."""
        (line,) = ax.plot(self.rates, band.mean, label=label)
        edges = band.lower, band.upper
        ax.fill_between(self.rates, *edges, alpha=0.3, color=line.get_color(), label=f"{1 - alpha:.0%} band")
        ax.axhline(0, linestyle="--", color="gray")
        ax.set(xscale=self.scale, xlabel="Learning rate", ylabel="Change in loss")
        ax.legend()

    def to_json(self) -> str:
        """Return the rounds as strict JSON.

        Floats keep every bit. A rate that diverged or was not measured is ``null``.
        """
        return json.dumps(content_of(self), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> TuneResults:
        """Read results from JSON that `to_json` wrote, or from a saved run. They equal the results that were written.

        Raises
        ------
        ValueError
            If ``text`` is neither of the two.
        """
        try:
            content = parse(text)
            if isinstance(content, dict) and content.get("format") == RUN:
                content = content.get("results")
            return results_of(content)
        except ValueError as error:
            raise ValueError(f"Argument `text` must be JSON written by `TuneResults.to_json`, but {error}") from error


def content_of(results: TuneResults) -> dict[str, Any]:
    """Return ``results`` as a dict of lists and numbers that JSON can hold."""
    assert results.measured is not None
    curves = (
        {}
        if results.curves is None or results.starts is None
        else {"curves": nulls(results.curves), "starts": nulls(results.starts)}
    )
    return {
        "format": FORMAT,
        "version": VERSION,
        "scale": results.scale,
        "rates": results.rates.tolist(),
        "deltas": nulls(results.deltas),
        "measured": None if results.measured.all() else results.measured.tolist(),
        **curves,
    }


def results_of(content: Any) -> TuneResults:
    """Return the results from such a dict. The message of a `ValueError` is a clause, as in `strict_json`."""
    check_format(content, FORMAT, VERSION)
    fields("results", content, ("format", "version", "scale", "rates", "deltas"), ("measured", "curves", "starts"))
    rates = numbers("rates", content["rates"])
    deltas = numbers_or_nan("deltas", content["deltas"], rates.size)
    measured = content.get("measured")
    if measured is not None:
        measured = flags("measured", measured, rates.size)
    scale = of_type("scale", content["scale"], str)
    if content.get("curves") is None:
        return TuneResults(rates, deltas, scale, measured)
    starts = of_type("starts", content.get("starts"), list)
    horizon = len(of_type("starts", starts[0], list)) if starts else 0
    rows = [numbers_or_nan("curves", row, horizon) for row in of_type("curves", content["curves"], list)]
    curves = np.array(rows).reshape(len(rows), -1, horizon)
    return TuneResults(rates, deltas, scale, measured, curves, numbers_or_nan("starts", starts, horizon))


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' if number != 1 else ''}"


def _equal(one: NDArray[np.float64] | None, other: NDArray[np.float64] | None) -> bool:
    return one is other if one is None or other is None else np.array_equal(one, other, equal_nan=True)
