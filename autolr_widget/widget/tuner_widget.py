"""The widget: settings in, rounds on the screen, one learning rate out."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bqplot
import ipywidgets as ipw
import numpy as np
import traitlets
from IPython import get_ipython
from IPython.display import DisplayHandle, display
from tqdm import tqdm

from autolr_widget.engine.band import BANDS
from autolr_widget.engine.grid import SCALES, around
from autolr_widget.engine.record import Record, write_whole
from autolr_widget.engine.recorded import Recorded
from autolr_widget.engine.results import TuneResults
from autolr_widget.engine.schedule import cosine_restarts
from autolr_widget.engine.selection import RULES, Certainty, certainty, edge
from autolr_widget.engine.settings import EVALUATE_ON, SAMPLERS, STOP_RULES, Settings
from autolr_widget.engine.tuner import LRTuner
from autolr_widget.widget.colab import allow_front_ends
from autolr_widget.widget.export import FORMATS, as_file, python
from autolr_widget.widget.panel import RULE_NAMES, Panel
from autolr_widget.widget.parts import parts
from autolr_widget.widget.session import STATUSES, Session, is_message
from autolr_widget.widget.still import bundle, text
from autolr_widget.widget.view import View

if TYPE_CHECKING:
    import keras

SETTINGS = tuple(field.name for field in fields(Settings))

#: What the front end may ask for by name, with the types of its arguments.
DEEDS: dict[str, dict[str, type]] = {
    **{deed: {} for deed in ("start", "pause", "step", "reset", "follow", "refine", "apply", "undo", "pin_run")},
    "tick": {"round": int},
    "save": {"format": str},
    "unpin_run": {"index": int},
    "use_view": {},
}
#: The values that a deed may bring along: a front end can't send them before it while the kernel is busy.
BROUGHT = {*SETTINGS, "selected_lr", "pinned", "view", "axis", "explain"}


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
    autosave
        Path of a file, ending in ``.json``, that the run is written to after each round: `load` reads it.

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

    lr_min = traitlets.Float(1e-4, help="Smallest learning rate of the grid")
    lr_max = traitlets.Float(10.0, help="Largest learning rate of the grid")
    scale = traitlets.Enum(SCALES, "log", help="How the grid is spaced")
    num_evals = traitlets.Int(9, help="Learning rates in the grid")
    num_subsamples = traitlets.Int(10, help="Rounds of the run")
    batch_size = traitlets.Int(32, help="Observations in a round's subsample")
    horizon = traitlets.Int(55, help="Optimizer steps between the two losses")
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
        lr_space: tuple[float, float] = (1e-4, 10.0),
        scale: str = "log",
        num_evals: int = 9,
        num_subsamples: int = 10,
        batch_size: int = 32,
        horizon: int = 55,
        evaluate_on: str = "own",
        method: str = "cautious",
        alpha: float = 0.05,
        band: str = "normal",
        sampler: str = "full",
        stop: str = "rounds",
        seed: int = 42,
        autosave: str | Path | None = None,
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
        self._begin(tuner, autosave)

    @classmethod
    def load(
        cls,
        path: str | Path,
        model: keras.Model | None = None,
        x: Any = None,
        y: Any = None,
        *,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | None = None,
        autosave: str | Path | None = None,
    ) -> TunerWidget:
        """A widget that shows a saved run; with the model and the data it can go on with it.

        Parameters
        ----------
        path
            A file that `save`, as ``.json``, or ``autosave`` wrote.
        model, x, y, sample_weight, class_weight, autosave
            As for `TunerWidget`. The model must be in the state in which the run found it: `resume` then goes on to the
            same numbers as an unbroken run. Without a model the run can only be looked at.

        Raises
        ------
        OSError
            If the file can't be read.
        ValueError
            If it is no saved run, or not one of this model and these data.
        """
        record = Record.read(path)
        tuner: LRTuner | Recorded = Recorded(record)
        if model is not None:
            data = {"sample_weight": sample_weight, "class_weight": class_weight}
            tuner = LRTuner(model, x, y, **data, batch_size=record.settings.batch_size).resumed(record)
        widget = cls.__new__(cls)
        widget._begin(tuner, autosave)
        widget._redraw()
        return widget

    def _begin(self, tuner: LRTuner | Recorded, autosave: str | Path | None) -> None:
        if autosave is not None and Path(autosave).suffix != ".json":
            raise ValueError(f"Argument `autosave` must be a path that ends in .json. Received: autosave={autosave}")
        self._autosave = None if autosave is None else Path(autosave)
        allow_front_ends()
        self._session = Session(tuner, on_rounds=self._draw, on_halt=self._show_halt)
        self._following = False
        #: The run and the settings that `_certainty` is of.
        self._judged: tuple[Any, ...] = (tuner,)
        self._certainty: Certainty | None = None
        self._replaced: list[tuple[keras.Optimizer, float]] = []
        self._still: DisplayHandle | None = None
        settings = tuner.settings
        super().__init__(**{name: getattr(settings, name) for name in SETTINGS})
        self.observe(self._configure, names=SETTINGS)

        self._panel = Panel(
            rules={name: RULE_NAMES.get(name, name) for name in RULES},
            batch_most=512 if tuner.observations is None else min(512, tuner.observations.size or 512),
            recorded=tuner.model is None,
            autosave="" if self._autosave is None else str(self._autosave),
        )
        for name in SETTINGS:
            traitlets.dlink((self, name), (self._panel, name))
        for name in ("status", "round", "error"):
            self.set_trait(name, getattr(self._session, name))
            self._session.observe(self._mirror, names=name)
        for name in ("status", "round", "error", "stale", "turn"):
            traitlets.dlink((self._session, name), (self._panel, name))
        # Behind the links: the front end must hear how a run stands, whatever becomes of these.
        self._session.observe(self._judge, names="turn")
        self._session.observe(self._forget_said, names="status")
        self._panel.observe(self._take, names=[*SETTINGS, "selected_lr", "pinned"])
        self._panel.on_msg(self._receive)
        self._view = View(tuner, self._panel, on_explained=self._redraw)

        self.add_class("autolr-widget")
        self.children = [self._panel, self.figure]
        self._follow()

    @property
    def tuner(self) -> LRTuner | Recorded:
        """The engine of the run at hand; a new run has a new one. Of a loaded run without a model, its record."""
        return self._session.tuner

    @property
    def results(self) -> TuneResults:
        """The rounds finished so far."""
        return self.tuner.results

    @property
    def figure(self) -> bqplot.Figure:
        """The chart."""
        return self._view.chart.figure

    def start(self) -> None:
        """Run all the rounds that are left; from the first where the run is over or the settings have changed."""
        self._view.end_lesson()
        self._session.start()

    def pause(self) -> None:
        """Stop after the round that is being measured."""
        self._session.pause()

    def resume(self) -> None:
        """Go on after `pause`."""
        self._view.end_lesson()
        self._session.resume()

    def step(self) -> None:
        """Run one round, then pause. Nothing happens where all rounds are done."""
        if self.status not in ("running", "done") or self._session.stale:
            self._view.explained = not self._panel.explain
        self._session.step()

    def stop(self) -> None:
        """End the run and keep its rounds; the next one begins anew."""
        self._session.stop()

    def reset(self) -> None:
        """Forget all rounds, and give up a pinned rate."""
        self._session.reset()
        self._unpin()

    def run(self) -> TuneResults:
        """Run all the rounds that are left and return the results: blocks, and needs no front end.

        In a terminal it shows a bar.
        """
        self._view.end_lesson()
        with tqdm(total=self.num_subsamples, unit="round", disable=None) as bar:

            def advance(change: dict[str, Any]) -> None:
                bar.n = change["new"]
                bar.refresh()

            self._session.observe(advance, names="round")
            try:
                self._session.run()
            finally:
                self._session.unobserve(advance, names="round")
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
            If no rate is selected, none has been measured yet, or there is no model to measure.
        """
        self._model()
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
        self._move_grid(lr_min, lr_max)
        self._view.before = self._view.curve()
        self._unpin()
        self._view.end_lesson()
        self._session.stop()
        self._session.start()

    def apply(self) -> float:
        """Write `selected_lr` into the model's optimizer, and return it.

        Raises
        ------
        ValueError
            If no rate is selected, the optimizer can't hold it, or its rate is a schedule, which Keras does not let one
            replace.
        """
        lr = self._selected()
        optimizer = self._model().optimizer
        before = float(optimizer.learning_rate)
        try:
            optimizer.learning_rate = lr
            if not math.isclose(float(optimizer.learning_rate), lr, rel_tol=1e-2):
                optimizer.learning_rate = before
                raise ValueError(f"The model's optimizer can't hold a learning rate of {lr:.4g}.")
        except TypeError as error:
            raise ValueError(
                "The model's optimizer takes its learning rate from a schedule, which can't be replaced. "
                f"Compile the model with an optimizer of learning_rate={lr:.4g}."
            ) from error
        self._replaced.append((optimizer, before))
        self._panel.undoable = True
        return lr

    def undo(self) -> float:
        """Take the last `apply` back: give its optimizer the rate that it had before, and return that.

        Raises
        ------
        ValueError
            If nothing was applied, all of it has been taken back, or the model has another optimizer by now.
        """
        if not self._replaced:
            raise ValueError("There is no `apply` to take back.")
        optimizer, before = self._replaced.pop()
        if optimizer is not self._model().optimizer:
            self._replaced.clear()
            self._panel.undoable = False
            raise ValueError("The model was compiled anew since that `apply`: its optimizer is another.")
        optimizer.learning_rate = before
        self._panel.undoable = bool(self._replaced)
        return before

    def pin_run(self) -> None:
        """Keep the curve at hand in the picture, to compare the next runs with; the last 4 that were pinned stay.

        Raises
        ------
        ValueError
            If there is no curve yet.
        """
        if not np.isfinite(self.tuner.deltas).any():
            raise ValueError("There is no curve yet that could be pinned. Run the tuner first.")
        self._view.pin()

    def unpin_run(self, index: int) -> None:
        """Take the pinned curve of this index, 0 for A, out of the picture."""
        self._view.unpin(index)

    def schedule(
        self, stepsize: int = 4, t_mul: float = 2.0, m_mul: float = 0.9, alpha: float = 1e-8
    ) -> keras.optimizers.schedules.CosineDecayRestarts:
        """Cosine annealing with warm restarts from `selected_lr`, for ``model.compile``; `stepsize` is in epochs.

        Raises
        ------
        ValueError
            If no rate is selected, or the data are a stream whose end is not known, and with it the length of an epoch.
        """
        self._model()
        observations = self.tuner.observations
        size = None if observations is None else observations.size
        if size is None:
            raise ValueError(
                "The length of the data is not known, so that there are no epochs to count `stepsize` in. "
                "Use `keras.optimizers.schedules.CosineDecayRestarts(tuner.selected_lr, first_decay_steps=…)`."
            )
        steps_per_epoch = math.ceil(size / self.batch_size)
        return cosine_restarts(self._selected(), steps_per_epoch, stepsize, t_mul, m_mul, alpha)

    def save(self, path: str | Path) -> None:
        """Write the run to ``path``, in the format that its name ends in.

        ``.json`` is the whole run, ``.csv`` and ``.parquet`` its rounds, ``.png`` and ``.svg`` the picture, ``.html``
        a page that needs nothing else.

        Raises
        ------
        ValueError
            If the name ends in none of these, or the run is too large to be read again.
        """
        kind = Path(path).suffix.removeprefix(".")
        if kind not in FORMATS:
            raise ValueError(
                f"Argument `path` must end in one of {', '.join(f'.{f}' for f in FORMATS)}. Received: {path}"
            )
        record = self.tuner.record
        if kind == "json":
            record.write(path)
        else:
            write_whole(path, as_file(kind, record, self.selected_lr, self._code()))

    def __repr__(self) -> str:
        # Without `__init__`, as for what was refused, there is nothing to tell.
        return (
            text(self.tuner.record, self.status, self.selected_lr) if hasattr(self, "_panel") else object.__repr__(self)
        )

    def _ipython_display_(self) -> None:
        """Display the widget, and behind it what it leaves to a reader without a kernel."""
        # In a terminal there is no kernel that could update a display.
        if not hasattr(get_ipython(), "kernel"):
            print(self)
            return
        view = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        display({"text/plain": repr(self), "application/vnd.jupyter.widget-view+json": view}, raw=True)
        still = bundle(self.tuner.record, self.status, self.selected_lr)
        self._still = display(still, raw=True, display_id=f"autolr-{self.model_id}")

    def _show_halt(self) -> None:
        """Judge the rounds, and bring what a reader without a kernel sees up to date: the run has come to a halt."""
        self._judge()
        if self.tuner.model_has_changed:
            self._panel.said = "The model has changed since this run began: the run measures it as it was then"
        if self._still is not None:
            self._still.update(bundle(self.tuner.record, self.status, self.selected_lr), raw=True)

    def close(self) -> None:
        """Stop the run and take the widget off every screen, with all that it is made of."""
        # ipywidgets also closes what was refused at construction, which has no session yet, and what is closed already.
        if hasattr(self, "_session") and self.comm is not None:
            self._session.stop()
            for part in parts(self):
                part.close()
        super().close()

    @traitlets.validate(*SETTINGS)
    def _check(self, proposal: dict[str, Any]) -> Any:
        name = proposal["trait"].name
        settings = Settings(**{n: getattr(self, n) for n in SETTINGS} | {name: proposal["value"]})
        self.tuner.check_settings(settings)
        return getattr(settings, name)

    @traitlets.validate("selected_lr")
    def _check_selected(self, proposal: dict[str, Any]) -> float | None:
        lr = proposal["value"]
        if lr is not None and not (math.isfinite(lr) and lr > 0):
            raise ValueError(f"Argument `selected_lr` must be a positive number or None. Received: selected_lr={lr}")
        return None if lr is None else float(lr)

    def _configure(self, change: dict[str, Any]) -> None:
        self._session.configure(self._settings())
        if change["name"] in ("method", "alpha", "band"):
            self._judge()
            self._draw()
        elif change["name"] == "scale":
            self._panel.axis = self.scale
        self._show_code()

    def _mirror(self, change: dict[str, Any]) -> None:
        self.set_trait(change["name"], change["new"])

    def _forget_said(self, change: dict[str, str]) -> None:
        if change["new"] == "running":
            self._panel.said = ""

    def _take(self, change: dict[str, Any]) -> None:
        """Take a setting, or the user's own rate, from the front end; what is refused goes back."""
        name, value = change["name"], change["new"]
        if value == getattr(self, name):
            return
        try:
            setattr(self, name, value)
            self._panel.said = ""
        except (ValueError, traitlets.TraitError) as error:
            self._panel.said = str(error)
            setattr(self._panel, name, getattr(self, name))

    def _keep(self) -> None:
        """Write the rounds at hand to the file that was asked for. A full disk must not end the run."""
        if self._autosave is None or len(self.tuner) == 0:
            return
        try:
            self.tuner.record.write(self._autosave)
        except (OSError, ValueError) as error:
            self._panel.said = f"Not saved: {error}"

    def _draw(self) -> None:
        """Show the rounds at hand, and what the rule makes of them."""
        self._keep()
        if self.tuner is not self._judged[0]:
            self._certainty = None
        if self._view.draw(self.tuner, self._settings()):
            self._follow()

    def _judge(self, _: Any = None) -> None:
        """Show what all rules choose, and how sure the choice is.

        After a turn of rounds, not after each: it takes longer than a quick round.
        """
        tuner = self.tuner
        judged = (tuner, len(tuner), self.method, self.alpha, self.band)
        if judged == self._judged or len(tuner) == 0 or not self._view.explained:
            return
        self._judged = judged
        self._certainty = certainty(self.method, tuner.rates, tuner.deltas, self.alpha)
        self._view.judge(self._settings())
        self._follow()

    def _redraw(self) -> None:
        self._draw()
        self._judge()

    def _settings(self) -> Settings:
        return Settings(**{name: getattr(self, name) for name in SETTINGS})

    def _follow(self) -> None:
        """Select what the rule chooses, unless the user's own choice is pinned."""
        if self.pinned:
            self.set_trait("edge", "")
            self._show_choice("your own choice")
            return
        lr, says = None, "press Run, or type a rate"
        rates, deltas = self.tuner.rates, self.tuner.deltas
        if len(deltas) > 0:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    # The rule "max" gives 0.0 where no rate will do: nothing to train with.
                    lr = RULES[self.method](rates, deltas) or None
                says = "too few rounds to say how sure it is"
                if self._certainty is not None:
                    sure = self._certainty
                    says = f"{sure.agreement:.0%} of resampled runs agree to half a grid step"
                    if sure.lower < sure.upper:
                        says = f"{sure.lower:.3g} to {sure.upper:.3g} ({1 - self.alpha:.0%} interval) · {says}"
                if lr is None:
                    says = "the rule finds no rate: each one raised the loss in some round"
                elif not (deltas.mean(axis=0) < 0).any():
                    says = "no rate lowers the loss: try smaller ones"
            except ValueError as error:
                says = str(error)
        end = edge(self.method, rates, deltas) if lr else ""
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
        sure = None if self.pinned else self._certainty
        with self._panel.hold_sync():
            self._panel.selected_lr = self.selected_lr
            self._panel.pinned = self.pinned
            self._panel.says = says
            self._panel.interval = [] if sure is None else [sure.lower, sure.upper]
            # Behind the chart's traits, and in one message with the choice: each costs a kilobyte.
            self._panel.round = len(self.tuner)
            if self.status != "running":
                self._show_code()

    def _show_code(self) -> None:
        self._panel.code = self._code()

    def _code(self) -> str:
        data = "x, y" if self.tuner.observations is None else self.tuner.observations.arguments
        return python(self._settings(), data, self.selected_lr if self.pinned else None)

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

    def _move_grid(self, lr_min: float, lr_max: float) -> None:
        # Refused here, before one of them is set: of what holds, the other would not.
        replace(self._settings(), lr_min=lr_min, lr_max=lr_max)
        with self.hold_trait_notifications():
            self.lr_min, self.lr_max = lr_min, lr_max

    def _model(self) -> keras.Model:
        if self.tuner.model is None:
            raise ValueError("This is a saved run, without a model. Pass model and data to `TunerWidget.load`.")
        return self.tuner.model

    def _selected(self) -> float:
        if self.selected_lr is None:
            raise ValueError("No learning rate is selected. Run the tuner, or set `selected_lr`.")
        return self.selected_lr

    def _receive(self, _: Any, content: Any, __: Any) -> None:
        """Do what the front end asks for. Anything else is no message of ours, and is ignored."""
        content = dict(content) if isinstance(content, dict) else {}
        kind, values = content.get("type"), content.pop("values", {})
        if not isinstance(kind, str) or kind not in DEEDS or not is_message(content, type=str, **DEEDS[kind]):
            return
        if not isinstance(values, dict):
            return
        for name in BROUGHT & values.keys():
            with suppress(traitlets.TraitError, OverflowError):
                setattr(self._panel, name, values[name])
        if kind == "tick":
            self._session.tick(content["round"])
            return
        try:
            self._panel.said = self._do(kind, content) or ""
        except ValueError as error:
            self._panel.said = str(error)

    def _do(self, kind: str, content: dict[str, Any]) -> str | None:
        """Do what a button asks for, and return what to say about it."""
        if kind == "follow":
            self._unpin()
        elif kind == "apply":
            lr = self.apply()
            return f"Written to the model's optimizer: {self._replaced[-1][1]:.4g} → {lr:.4g}"
        elif kind == "undo":
            return f"The model's optimizer has its {self.undo():.4g} again"
        elif kind == "unpin_run":
            self.unpin_run(content["index"])
        elif kind == "use_view":
            self._move_grid(*self._panel.view)
            return "The next run measures this range"
        elif kind == "save":
            if content["format"] not in FORMATS:
                return None
            data = as_file(content["format"], self.tuner.record, self.selected_lr, self._code())
            self._panel.send({"type": "file", "name": f"learning-rate.{content['format']}"}, [data])
        else:
            getattr(self, kind)()
        return None
