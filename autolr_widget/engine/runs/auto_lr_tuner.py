"""The interface of the package ``autolrtuner`` 1.0.2 (Adam Wu, MIT), on top of this engine."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from autolr_widget.engine.arguments import lr_space_ends
from autolr_widget.engine.grid import grid
from autolr_widget.engine.reading.results import TuneResults
from autolr_widget.engine.reading.schedule import cosine_restarts
from autolr_widget.engine.runs.tuner import check_round
from autolr_widget.engine.settings import Settings

if TYPE_CHECKING:
    import keras


class AutoLRTuner:
    """A replacement for the class of the same name in ``autolrtuner``: only the import line of a notebook changes.

    The same seed draws the same subsamples as in that package. Its defects are not repeated: the model, its optimizer
    and the global random generators are not changed, every rate is measured from the same optimizer state, integers
    stay integers, every loss that Keras accepts works, and a rate that diverges is never chosen.

    Parameters
    ----------
    model
        A compiled Keras model.
    seed
        The seed of the subsamples.
    DTYPE
        A dtype that features and outcomes are cast to. By default they are not cast; ``autolrtuner`` casts them to
        float32.

    Raises
    ------
    ValueError
        If the model can't be measured. The message says why.
    """

    def __init__(self, model: keras.Model, seed: int = 42, DTYPE: Any = None) -> None:
        from autolr_widget.engine.measuring.validation import check_model

        check_model(model)
        self.model = model
        self._dtype = None if DTYPE is None else np.dtype(getattr(DTYPE, "as_numpy_dtype", DTYPE))
        self._generator = np.random.RandomState(seed)
        self._rates = np.array([])
        self._deltas: list[np.ndarray] = []

    def Tune(
        self,
        X: Any,
        Y: Any,
        lr_space: tuple[float, float] = (1e-8, 1),
        num_subsamples: int = 100,
        num_evals: int = 100,
        batch_size: int = 32,
    ) -> None:
        """Measure the loss differentials on a linear grid.

        A second call on the same grid adds rounds; a call on another grid starts over.

        Parameters
        ----------
        X, Y
            Features and outcomes: arrays with one row per observation.
        lr_space
            The two ends of the grid.
        num_subsamples
            The number of rounds.
        num_evals
            The number of rates on the grid.
        batch_size
            The number of observations in the subsample of a round.

        Raises
        ------
        ValueError
            If an argument can't be used. The message names it.
        """
        from autolr_widget.engine.data.not_finite import not_finite
        from autolr_widget.engine.data.observations import Observations
        from autolr_widget.engine.measuring.measurement import Measurement
        from autolr_widget.engine.measuring.preprocessing import Preprocessing
        from autolr_widget.engine.measuring.training import Training

        lr_min, lr_max = lr_space_ends(lr_space)
        settings = Settings(
            lr_min=lr_min,
            lr_max=lr_max,
            scale="linear",
            num_evals=num_evals,
            num_subsamples=num_subsamples,
            batch_size=batch_size,
            horizon=1,
            evaluate_on="train",
        )
        observations = Observations(self._column(X), self._column(Y))
        observations.check_batch_size(settings.batch_size)
        rates = grid(settings.lr_min, settings.lr_max, settings.num_evals, settings.scale)
        if not np.array_equal(rates, self._rates):
            self._rates, self._deltas = rates, []
        self.numBatches = math.ceil(observations.size / settings.batch_size)

        # What `fit` does with a batch before a step.
        preprocessing = Preprocessing(self.model)
        some = preprocessing(observations.take(np.arange(settings.batch_size)))
        measurement = Measurement(Training(self.model, some), settings, rates, some)
        for _ in range(settings.num_subsamples):
            rows = self._generator.choice(observations.size, settings.batch_size, replace=False)
            batch = preprocessing(observations.take(rows))
            round = measurement.whole([batch].__getitem__, len(self._deltas), np.ones(rates.size, dtype=bool))
            check_round(round, functools.partial(not_finite, batch, rows.__getitem__))
            self._deltas.append(round.deltas)

    def GetResults(self) -> pd.DataFrame:
        """Return the loss differentials: one row per round, and one column per learning rate, named ``str(rate)``."""
        return self._results().frame.set_axis([str(rate) for rate in self._rates], axis=1)

    def GetBestLR(self, method: str = "mean") -> float:
        """Return the rate that the rule ``"mean"``, ``"median"``, ``"variance"`` or ``"max"`` chooses."""
        return self._results().best_lr(method)

    def GetCyclicLRCallback(
        self, stepsize: int = 4, t_mul: float = 2, m_mul: float = 0.9, alpha: float = 1e-8
    ) -> keras.optimizers.schedules.CosineDecayRestarts:
        """Return a schedule of cosine annealing with warm restarts; see `cosine_restarts` for the arguments.

        It starts from the choice of the rule ``"max"``. If no rate is safe, it starts from the largest rate that
        another rule chooses.
        """
        max_lr = self.GetBestLR("max") or max(self.GetBestLR(method) for method in ("mean", "median", "variance"))
        return cosine_restarts(max_lr, self.numBatches, stepsize, t_mul, m_mul, alpha)

    def Plot(self, alpha: float = 0.05, trim: float = 0.05, xlim: tuple[float, float] | None = None) -> None:
        """Draw the curve with matplotlib.

        Parameters
        ----------
        alpha
            Significance level of the band: 0.05 for a 95 % band.
        trim
            The share of the band's edges that the y-axis leaves out at the top and at the bottom.
        xlim
            The range of learning rates to draw. By default, the whole grid.
        """
        import matplotlib.pyplot as plt

        results = self._results()
        if xlim is not None:
            inside = (results.rates >= xlim[0]) & (results.rates <= xlim[-1])
            results = TuneResults(results.rates[inside], results.deltas[:, inside], results.scale)
        axes = results.plot(alpha)
        summary = results.summary(alpha)
        axes.set(ylim=(summary["lower"].quantile(trim), summary["upper"].quantile(1 - trim)))
        axes.set(xlim=xlim, title="Estimated Loss Differentials")
        plt.show()

    def _results(self) -> TuneResults:
        if not self._deltas:
            raise ValueError("No results found. Run `.Tune` first.")
        return TuneResults(self._rates, np.array(self._deltas), "linear")

    def _column(self, data: Any) -> Any:
        """Return one-dimensional data as a column, which is the shape that ``autolrtuner`` gives to the model."""
        array = np.asarray(data)
        array = array if self._dtype is None else array.astype(self._dtype)
        return array[:, np.newaxis] if array.ndim == 1 else array
