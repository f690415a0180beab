"""The widget: settings in, rounds on the screen, one learning rate out."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bqplot
import ipywidgets as ipw
import numpy as np
import traitlets
from numpy.typing import NDArray

from autolr_widget.engine.band import BANDS
from autolr_widget.engine.grid import SCALES, around
from autolr_widget.engine.results import TuneResults
from autolr_widget.engine.schedule import cosine_restarts
from autolr_widget.engine.selection import RULES, Certainty, certainty, choices, edge
from autolr_widget.engine.settings import EVALUATE_ON, SAMPLERS, STOP_RULES, Settings
from autolr_widget.engine.tuner import LRTuner
from autolr_widget.widget.chart import Chart
from autolr_widget.widget.choice import Choice
from autolr_widget.widget.colab import allow_front_ends
from autolr_widget.widget.controls import RULE_NAMES, grid_controls, reading_controls, sampling_controls
from autolr_widget.widget.front_end import RunBar
from autolr_widget.widget.session import STATUSES, Session, is_message

if TYPE_CHECKING:
    import keras

SETTINGS = tuple(field.name for field in fields(Settings))


class TunerWidget(ipw.VBox):
    """Find a learning rate by eye: a live chart of how much one optimizer step lowers the loss at each rate of a grid.

    Parameters
    ----------
    model
        A compiled Keras model. Only `apply` writes to it, and only to its optimizer's learning rate.
    x, y, sample_weight, class_weight
        The data, as for `Model.fit`.
    lr_space, scale, num_evals, num_subsamples, batch_size, horizon, evaluate_on
    method, alpha, band, sampler, stop, seed
        See `LRTuner` and `autolr_widget.engine.settings.Settings`.

    Raises
    ------
    ValueError
        If an argument can't be used; the message names it. So does setting a trait to such a value.

    Examples
    --------
    >>> tuner = TunerWidget(model, x, y)  # doctest: +SKIP
    >>> tuner  # displays it; press Run  # doctest: +SKIP
    >>> tuner.selected_lr  # doctest: +SKIP
    0.0031
    """

    lr_min = traitlets.Float(1e-5, help="Smallest learning rate of the grid")
    lr_max = traitlets.Float(10.0, help="Largest learning rate of the grid")
    scale = traitlets.Enum(SCALES, "log", help="How the grid is spaced")
    num_evals = traitlets.Int(19, help="Learning rates in the grid")
    num_subsamples = traitlets.Int(10, help="Rounds of the run")
    batch_size = traitlets.Int(32, help="Observations in a round's subsample")
    horizon = traitlets.Int(25, help="Optimizer steps between the two losses")
    evaluate_on = traitlets.Enum(EVALUATE_ON, "own", help="What the two losses are measured on")
    method = traitlets.Unicode("cautious", help="Selection rule, a key of `RULES`")
    alpha = traitlets.Float(0.05, help="Significance level of the band")
    band = traitlets.Enum(tuple(BANDS), "normal", help="Kind of the band")
    sampler = traitlets.Enum(SAMPLERS, "full", help="Which rates a round measures")
    stop_rule = traitlets.Enum(STOP_RULES, "rounds", help="When the run ends: the argument `stop`")
    seed = traitlets.Int(42, help="Seed of the subsamples")

    status = traitlets.Enum(STATUSES, "idle", read_only=True)
    round = traitlets.Int(0, read_only=True, help="Rounds finished")
    error = traitlets.Unicode("", read_only=True, help='The message shown when status is "error"')
    selected_lr = traitlets.Float(None, allow_none=True, help="The rule's choice, or the user's own while pinned")
    edge = traitlets.Enum(
        ("", "lower", "upper"), "", read_only=True, help="The end of the grid at which the rule's choice lies"
    )
    pinned = traitlets.Bool(False, help="Whether selected_lr is the user's own")

    def __init__(
        self,
        model: keras.Model,
        x: Any,
        y: Any = None,
        *,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | None = None,
        lr_space: tuple[float, float] = (1e-5, 10.0),
        scale: str = "log",
        num_evals: int = 19,
        num_subsamples: int = 10,
        batch_size: int = 32,
        horizon: int = 25,
        evaluate_on: str = "own",
        method: str = "cautious",
        alpha: float = 0.05,
        band: str = "normal",
        sampler: str = "full",
        stop: str = "rounds",
        seed: int = 42,
    ) -> None:
        tuner = LRTuner(
            model,
            x,
            y,
            sample_weight=sample_weight,
            class_weight=class_weight,
            lr_space=lr_space,
            scale=scale,
            num_evals=num_evals,
            num_subsamples=num_subsamples,
            batch_size=batch_size,
            horizon=horizon,
            evaluate_on=evaluate_on,
            method=method,
            alpha=alpha,
            band=band,
            sampler=sampler,
            stop=stop,
            seed=seed,
        )
        allow_front_ends()
        self._session = Session(tuner, on_rounds=self._draw)
        self._following = False
        self._judged: tuple[Any, ...] = ()
        self._certainty: Certainty | None = None
        self._before: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None
        settings = tuner.settings
        super().__init__(**{name: getattr(settings, name) for name in SETTINGS})
        self.observe(self._configure, names=SETTINGS)

        axis = ipw.ToggleButtons(
            options=SCALES,
            value=self.scale,
            description="Axis",
            style={"button_width": "5em"},
        )
        self._axis = axis
        self._chart = Chart(tuner.rates, axis.value, on_click=self._click)
        self._drawn = tuner
        axis.observe(lambda change: self._chart.show_axis(change["new"]), names="value")
        self._choice = Choice(
            on_type=self._choose, on_follow=self._unpin, on_refine=self.refine, on_apply=self._apply_and_say
        )
        self._run_bar = RunBar()
        self._run_bar.on_msg(self._receive)
        for name in ("status", "round", "error"):
            self._session.observe(self._mirror, names=name)
        self._session.observe(self._judge, names=("turn", "status"))
        for name in ("status", "round", "error", "stale", "turn"):
            traitlets.dlink((self._session, name), (self._run_bar, name))
        traitlets.dlink((self, "num_subsamples"), (self._run_bar, "num_subsamples"))

        controls = ipw.Box(
            [
                grid_controls(self),
                sampling_controls(self, tuner.observations.size),
                reading_controls(self, axis),
            ],
            layout={"display": "flex", "flex_flow": "row wrap", "align_items": "flex-start"},
        )
        self.add_class("autolr-widget")
        self.children = [self._choice, self.figure, self._run_bar, controls]
        self._follow()

    @property
    def tuner(self) -> LRTuner:
        """The engine of the run at hand; a new run has a new one."""
        return self._session.tuner

    @property
    def results(self) -> TuneResults:
        """The rounds finished so far."""
        return self.tuner.results

    @property
    def figure(self) -> bqplot.Figure:
        """The chart."""
        return self._chart.figure

    def start(self) -> None:
        """Run all the rounds that are left; from the first where the run is over or the settings have changed."""
        self._session.start()

    def pause(self) -> None:
        """Stop after the round that is being measured."""
        self._session.pause()

    def resume(self) -> None:
        """Go on after `pause`."""
        self._session.resume()

    def step(self) -> None:
        """Run one round, then pause. Nothing happens where all rounds are done."""
        self._session.step()

    def stop(self) -> None:
        """End the run and keep its rounds; the next one begins anew."""
        self._session.stop()

    def reset(self) -> None:
        """Forget all rounds, and give up a pinned rate."""
        self._session.reset()
        self._unpin()

    def run(self) -> TuneResults:
        """Run all the rounds that are left and return the results: blocks, and needs no front end."""
        self._session.run()
        return self.results

    async def wait(self) -> TuneResults:
        """Wait until no round is left to run, or the run is paused or stopped, and return the results."""
        await self._session.wait()
        return self.results

    def refine(self) -> None:
        """Start a run on a finer grid around `selected_lr`: its interval, and a step of the old grid on either side.

        The curve at hand stays in the picture, as points.

        Raises
        ------
        ValueError
            If no rate is selected, or none has been measured yet.
        """
        lr, tuner = self._selected(), self.tuner
        if len(tuner) == 0:
            raise ValueError("Nothing has been measured yet that could be refined. Run the tuner first.")
        low = high = lr
        if not self.pinned:
            # The rules read the curve around its lowest point, which not all of them choose.
            for method in (self.method, "mean"):
                found = RULES[method](tuner.rates, tuner.deltas)
                sure = certainty(method, tuner.rates, tuner.deltas, self.alpha) or Certainty(found, found, 1.0)
                low, high = min(low, sure.lower), max(high, sure.upper)
        lr_min, lr_max = around(tuner.rates, low, high)
        self._before = tuner.rates, BANDS["normal"](tuner.deltas, self.alpha).mean
        self._unpin()
        with self.hold_trait_notifications():
            self.lr_min, self.lr_max = lr_min, lr_max
        self._session.stop()
        self._session.start()

    def apply(self) -> float:
        """Write `selected_lr` into the model's optimizer, and return it.

        Raises
        ------
        ValueError
            If no rate is selected, or the optimizer's rate is a schedule, which Keras does not let one replace.
        """
        lr = self._selected()
        try:
            self.tuner.model.optimizer.learning_rate = lr
        except TypeError as error:
            raise ValueError(
                "The model's optimizer takes its learning rate from a schedule, which can't be replaced. "
                f"Compile the model with an optimizer of learning_rate={lr:.4g}."
            ) from error
        return lr

    def schedule(
        self, stepsize: int = 4, t_mul: float = 2.0, m_mul: float = 0.9, alpha: float = 1e-8
    ) -> keras.optimizers.schedules.CosineDecayRestarts:
        """Cosine annealing with warm restarts from `selected_lr`, for ``model.compile``; `stepsize` is in epochs.

        Raises
        ------
        ValueError
            If no rate is selected, or the data are a stream whose end is not known, and with it the length of an epoch.
        """
        size = self.tuner.observations.size
        if size is None:
            raise ValueError(
                "The data are a stream of unknown length, so that there are no epochs to count `stepsize` in. "
                "Use `keras.optimizers.schedules.CosineDecayRestarts(tuner.selected_lr, first_decay_steps=…)`."
            )
        steps_per_epoch = math.ceil(size / self.batch_size)
        return cosine_restarts(self._selected(), steps_per_epoch, stepsize, t_mul, m_mul, alpha)

    def save(self, path: str | Path) -> None:
        """Write the rounds finished so far to ``path`` as JSON, for `TuneResults.from_json`."""
        Path(path).write_text(self.results.to_json(), encoding="utf-8")

    def close(self) -> None:
        """Stop the run and take the widget off every screen."""
        # ipywidgets also closes what was refused at construction, which has no session yet.
        if hasattr(self, "_session"):
            self._session.stop()
        super().close()

    @traitlets.validate(*SETTINGS)
    def _check(self, proposal: dict[str, Any]) -> Any:
        name = proposal["trait"].name
        settings = Settings(**{n: getattr(self, n) for n in SETTINGS} | {name: proposal["value"]})
        self.tuner.check_batch_size(settings)
        return getattr(settings, name)

    @traitlets.validate("selected_lr")
    def _check_selected(self, proposal: dict[str, Any]) -> float | None:
        lr = proposal["value"]
        if lr is not None and not (math.isfinite(lr) and lr > 0):
            raise ValueError(f"Argument `selected_lr` must be a positive number or None. Received: selected_lr={lr}")
        return None if lr is None else float(lr)

    def _configure(self, change: dict[str, Any]) -> None:
        self._session.configure(Settings(**{name: getattr(self, name) for name in SETTINGS}))
        if change["name"] in ("method", "alpha", "band"):
            self._judge()
            self._draw()
        elif change["name"] == "scale":
            self._axis.value = self.scale

    def _mirror(self, change: dict[str, Any]) -> None:
        self.set_trait(change["name"], change["new"])

    def _draw(self) -> None:
        """Show the rounds at hand, and what the rule makes of them."""
        tuner = self.tuner
        if tuner is not self._drawn:
            self._drawn = tuner
            self._certainty = None
            self._chart.show_grid(tuner.rates, self._axis.value, self._before)
            self._before = None
        self._chart.draw(BANDS[self.band](tuner.deltas, self.alpha), tuner.racing)
        self._follow()

    def _judge(self, _: Any = None) -> None:
        """Show what all rules choose, and how sure the choice is. After a turn of rounds, not after each: it takes
        longer than a quick round.
        """
        tuner = self.tuner
        judged = (tuner, len(tuner), self.method, self.alpha)
        if judged == self._judged or len(tuner) == 0:
            return
        self._judged = judged
        self._certainty = certainty(self.method, tuner.rates, tuner.deltas, self.alpha)
        self._chart.show_rules(choices(tuner.rates, tuner.deltas))
        self._follow()

    def _follow(self) -> None:
        """Select what the rule chooses, unless the user's own choice is pinned."""
        if self.pinned:
            self.set_trait("edge", "")
            self._show_choice("your own choice")
            return
        lr, says = None, "press Run, or type a rate"
        if len(self.tuner) > 0:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    # The rule "max" gives 0.0 where no rate will do: nothing to train with.
                    lr = RULES[self.method](self.tuner.rates, self.tuner.deltas) or None
                says = f"rule: {RULE_NAMES.get(self.method, self.method)}"
                if self._certainty is not None:
                    sure = self._certainty
                    says += f" · {sure.lower:.2g} to {sure.upper:.2g} ({1 - self.alpha:.0%})"
                    says += f" · {sure.agreement:.0%} of resampled runs agree"
                if lr is None:
                    says = "the rule finds no rate: each one raised the loss in some round"
            except ValueError as error:
                says = str(error)
        end = edge(self.method, self.tuner.rates, self.tuner.deltas) if lr else ""
        if end:
            says += f" · at the {end} end of the grid: widen it"
        self.set_trait("edge", end)
        self._following = True
        try:
            self.selected_lr = lr
        finally:
            self._following = False
        self._show_choice(says)

    def _show_choice(self, says: str) -> None:
        refinable = self.selected_lr is not None and len(self.tuner) > 0
        self._choice.show(self.selected_lr, self.pinned, refinable, says)
        self._chart.select(self.selected_lr)
        sure = None if self.pinned else self._certainty
        self._chart.show_interval(None if sure is None else (sure.lower, sure.upper))

    @traitlets.observe("selected_lr")
    def _on_selected(self, _: dict[str, Any]) -> None:
        if not self._following:
            self.pinned = self.selected_lr is not None
            self._follow()

    @traitlets.observe("pinned")
    def _on_pinned(self, _: dict[str, Any]) -> None:
        self._follow()

    def _unpin(self) -> None:
        self.pinned = False

    def _choose(self, lr: float) -> None:
        self.selected_lr = lr
        # The rule may have chosen the same: it is the user's now, and stays when the rule moves on.
        self.pinned = True

    def _click(self, lr: float) -> None:
        """Choose the rate of the grid that is nearest on the screen: one that was measured."""
        rates = self.tuner.rates
        on_screen = abs(np.log(rates / lr)) if self._chart.is_log else abs(rates - lr)
        self._choose(float(rates[np.argmin(on_screen)]))

    def _apply_and_say(self) -> str:
        before = float(self.tuner.model.optimizer.learning_rate)
        try:
            lr = self.apply()
        except ValueError as error:
            return str(error)
        return f"written to the model's optimizer: {before:.4g} → {lr:.4g}"

    def _selected(self) -> float:
        if self.selected_lr is None:
            raise ValueError("No learning rate is selected. Run the tuner, or set `selected_lr`.")
        return self.selected_lr

    def _receive(self, _: Any, content: Any, __: Any) -> None:
        """Do what the run bar asks for. Anything else is no message of ours, and is ignored."""
        if is_message(content, type=str, round=int) and content["type"] == "tick":
            self._session.tick(content["round"])
        elif is_message(content, type=str) and content["type"] in ("start", "pause", "step", "reset"):
            getattr(self, content["type"])()
