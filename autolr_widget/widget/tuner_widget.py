"""The widget. It connects the settings, the session that runs the rounds, the choice, and the screen."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bqplot
import ipywidgets as ipw
import numpy as np
import traitlets
from IPython import get_ipython

from autolr_widget.engine.arguments import takes_settings
from autolr_widget.engine.grid import around, longer
from autolr_widget.engine.live.look import Look
from autolr_widget.engine.live.rate import rates
from autolr_widget.engine.rate_text import rate_text
from autolr_widget.engine.reading.results import TuneResults
from autolr_widget.engine.runs.run import Run
from autolr_widget.engine.runs.tuner import LRTuner
from autolr_widget.engine.saved.replay import Replay
from autolr_widget.engine.saved.saved_run import SavedRun
from autolr_widget.engine.settings import SETTINGS, Settings
from autolr_widget.widget.autosave import Autosave
from autolr_widget.widget.choice import Choice, Rate
from autolr_widget.widget.closing import owned_widgets
from autolr_widget.widget.colab import allow_front_ends
from autolr_widget.widget.commands import Command, in_words, parse
from autolr_widget.widget.efforts import efforts
from autolr_widget.widget.export import as_file, as_read, python, write_file
from autolr_widget.widget.fields import Fields
from autolr_widget.widget.handover import Handover
from autolr_widget.widget.live_training import LiveTraining
from autolr_widget.widget.logs import log, log_numbers
from autolr_widget.widget.mirror import mirror
from autolr_widget.widget.panel import Panel
from autolr_widget.widget.progress_bar import progress_bar
from autolr_widget.widget.session import STATUSES, Session
from autolr_widget.widget.settings_traits import setting_controls, setting_traits
from autolr_widget.widget.snapshot import Snapshot, text
from autolr_widget.widget.view import View

if TYPE_CHECKING:
    import keras

#: The traits of the panel whose values may come with a command, see `autolr_widget.widget.commands.parse`.
BROUGHT = {*SETTINGS, "selected_lr", "pinned", "view", "axis", "explain", "kind", "epochs"}


@takes_settings
class TunerWidget(ipw.VBox):
    """Choose a learning rate from a live chart of how much training lowers the loss at each rate of a grid.

    Parameters
    ----------
    model
        A compiled Keras model. Only `apply` writes to it, and only to the learning rate of its optimizer.
    x, y, sample_weight, class_weight
        The training data, as for `Model.fit`. See `LRTuner`.
    validation_data
        As for `Model.fit`. With ``evaluate_on="validation"``, the losses are measured on it. See `LRTuner`.
    optimizer, loss
        Only needed for some models with a `train_step` of their own, see `LRTuner`: the name of the attribute with the
        optimizer to tune, and the key of the loss in what `train_step` returns.
    executor
        Where the paths are measured, see `LRTuner`: a Dask client, an executor, or ``"processes"``.
    autosave
        The path of a file to which the run is written after each round, and when a rate is applied. It must end in
        ``.json``, in a folder that exists. `load` reads it.
    large
        Whether everything is in large print, for a projector: no text is smaller than 16 pixels.
    **settings

    Raises
    ------
    ValueError
        If an argument can't be used. The message names it. Setting a trait to such a value raises this too.

    Examples
    --------
    >>> tuner = TunerWidget(model, x, y)
    >>> tuner  # displays it in a notebook; press Run
    TunerWidget: no learning rate chosen, idle after 0 of 2 rounds
    >>> results = tuner.run()  # the same without pressing it
    >>> print(f"{tuner.selected_lr:.1f}")
    0.2
    """

    locals().update(setting_traits())

    status = traitlets.Enum(STATUSES, "idle", read_only=True, help="The state of the run")
    round = traitlets.Int(0, read_only=True, help="The number of finished rounds")
    error = traitlets.Unicode("", read_only=True, help='The message shown when status is "error"')
    selected_lr = Rate(
        None,
        allow_none=True,
        help="The choice of the rule, or the user's own. To set it pins it; None unpins it, and the rule chooses again",
    )
    edge = traitlets.Unicode(
        "", read_only=True, help="The end of the grid at which the curve's lowest point lies, or empty"
    )
    pinned = traitlets.Bool(False, help="Whether `selected_lr` is the user's own choice. If False, the rule chooses")
    large = traitlets.Bool(False, help="Whether everything is in large print, for a projector")

    def __init__(
        self,
        model: keras.Model,
        x: Any,
        y: Any = None,
        *,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | None = None,
        validation_data: Any = None,
        optimizer: str | None = None,
        loss: str | None = None,
        executor: Any = None,
        autosave: str | Path | None = None,
        large: bool = False,
        **settings: Any,
    ) -> None:
        if not isinstance(large, bool):
            raise ValueError(f"Argument `large` must be True or False. Received: large={large!r}")
        given = {"sample_weight": sample_weight, "class_weight": class_weight, "validation_data": validation_data}
        names = {"optimizer": optimizer, "loss": loss, "executor": executor}
        self._begin(LRTuner(model, x, y, **given, **names, **settings), autosave)
        self.large = large

    @property
    def executor(self) -> Any:
        """Where the paths are measured, see `LRTuner.executor`."""
        return self.tuner.executor

    @executor.setter
    def executor(self, executor: Any) -> None:
        with self._session.held():
            self.tuner.executor = executor

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
        validation_data: Any = None,
        optimizer: str | None = None,
        loss: str | None = None,
        executor: Any = None,
        autosave: str | Path | None = None,
    ) -> TunerWidget:
        """Return a widget that shows a saved run, and can continue it if the model and the data are given.

        Parameters
        ----------
        path
            A ``.json`` file that `save` or ``autosave`` wrote.
        model, x, y, sample_weight, class_weight, validation_data, optimizer, loss, executor, autosave
            As for `TunerWidget`. The model must be in the state in which the run began: `resume` then gives the same
            numbers as an uninterrupted run. Without a model and data, the run can be viewed but not continued.

        Warns
        -----
        UserWarning
            If the rule of the run is not known, because it is one of your own that you have not added yet: then the
            default rule chooses.

        Raises
        ------
        OSError
            If the file can't be read.
        ValueError
            If the file does not contain a saved run, or contains a run of another model or other data, or if only the
            model or only the data are given.
        """
        given = [x, y, sample_weight, class_weight, validation_data]
        if model is not None and x is None:
            raise ValueError(
                "Argument `x` must be given with `model`: a saved run does not contain the data. Pass the data of the "
                "run, as to `TunerWidget`: TunerWidget.load(path, model, x, y)."
            )
        if model is None and any(data is not None for data in given):
            raise ValueError(
                "Argument `model` must be given with the data, to continue the run. Without both, it can be viewed."
            )
        saved_run = SavedRun.read(path)
        run: Run = Replay(saved_run)
        if model is not None:
            data = {"sample_weight": sample_weight, "class_weight": class_weight, "validation_data": validation_data}
            names = {"optimizer": optimizer, "loss": loss, "executor": executor}
            size = saved_run.settings.batch_size
            run = LRTuner(model, x, y, **data, **names, batch_size=size).restored(saved_run)
        widget = cls.__new__(cls)
        widget._begin(run, autosave)
        if saved_run.pinned_lr is not None:
            # It may be the choice of the rule, too.
            widget.selected_lr, widget.pinned = saved_run.pinned_lr, True
        widget._show_run()
        return widget

    def _begin(self, run: Run, autosave: str | Path | None) -> None:
        self._autosave = Autosave(autosave)
        allow_front_ends()
        settings = run.settings
        self._choice = Choice(run, settings)
        self._snapshot = Snapshot()
        self._panel = Panel(
            batch_most=min(512, run.num_observations or 512),
            own_batch_size=run.own_batch_size,
            efforts=efforts(run),
            replay=not run.can_measure,
            autosave=str(self._autosave.path or ""),
            settings=setting_controls("" if run.has_validation_data else "validation"),
        )
        told = self._on_rounds, self._on_turn, self._on_halt, self._on_widened
        self._session = Session(run, *told, one_message=self._panel.hold_sync)
        super().__init__(**{name: getattr(settings, name) for name in SETTINGS})
        self._view = View(run, self._panel, on_explained=self._show_run)
        self._live_training = LiveTraining(self._panel, self._on_look, self._on_epoch)
        self._handover = Handover(self._session, self._choice, self._panel, self._live_training, self._on_applied)
        self._fields = Fields(self._panel, self)
        self._commands = self._table_of_commands()
        self._connect()
        self.add_class("autolr-widget")
        self.children = [self._panel, self.figure]

    def _connect(self) -> None:
        """Connect the parts, so that each change reaches all parts that need it."""
        session, choice, panel = self._session, self._choice, self._panel
        self.observe(self._on_setting, names=[*SETTINGS])
        mirror(self, panel, *SETTINGS)
        mirror(session, self, "status", "round", "error")
        mirror(session, panel, "status", "round", "error", "stale", "continues", "turn", "preparing")
        mirror(choice, self, "selected_lr", "pinned", "edge")
        mirror(choice, panel, "selected_lr", "pinned", "reason", "warning", "interval", "edge")
        mirror(self, choice, "selected_lr", "pinned")
        mirror(self, panel, "large")
        mirror(panel, self, "large")
        # These come after the mirrors: the front end must receive the state of the run, even if one of these raises.
        session.observe(self._on_status, names="status")
        choice.observe(self._show_code, names=["selected_lr", "pinned"])
        choice.observe(self._steer, names=["selected_lr", "pinned"])
        self.observe(self._on_large, names="large")
        panel.observe(self._show_code, names="schedule")
        panel.on_msg(self._on_message)
        self._show_code()

    def _table_of_commands(self) -> dict[str, Command]:
        """Return all commands that the front end may send, by name."""
        return {
            "tick": Command(self._session.tick, {"turn": int}, answers=False),
            "start": Command(self.start),
            "pause": Command(self.pause),
            "step": Command(self.step),
            "reset": Command(self.reset),
            "use_rule": Command(self._use_rule),
            "refine": Command(self.refine),
            "widen": Command(self.widen),
            "apply": Command(self._handover.apply_shown),
            "undo": Command(self._handover.undo),
            "pin_run": Command(self.pin_run),
            "unpin_run": Command(self.unpin_run, {"index": int}),
            "name_run": Command(self._view.name_pin, {"letter": str, "name": str}),
            "use_view": Command(self._use_view),
            "forget_refusal": Command(self._fields.refuse, {"name": str}, answers=False),
            "download": Command(self._download, {"format": str}),
            "pause_training": Command(self._live_training.pause),
            "resume_training": Command(self._live_training.resume),
            "stop_training": Command(self._live_training.stop),
        }

    @property
    def tuner(self) -> Run:
        """The tuner of the current run; each new run has a new one. For a run loaded without a model, a `Replay`."""
        return self._session.tuner

    @property
    def results(self) -> TuneResults:
        """The results of the finished rounds."""
        return self.tuner.results

    @property
    def figure(self) -> bqplot.Figure:
        """The chart."""
        return self._view.chart.figure

    def start(self) -> None:
        """Run all remaining rounds; start over if the run has ended or the settings have changed."""
        self._view.end_lesson()
        self._session.start()

    def pause(self) -> None:
        """Pause within the current round: at the next training step, or a quarter of a second later."""
        self._session.pause()

    def resume(self) -> None:
        """Continue after `pause`."""
        self._view.end_lesson()
        self._session.resume()

    def step(self) -> None:
        """Run one round, then pause. Do nothing if all rounds are done."""
        if self.status not in ("running", "done") or self._session.stale:
            self._view.explained = not self._panel.explain
        self._session.step()

    def stop(self) -> None:
        """End the run and keep its rounds; the next run starts over."""
        self._session.stop()

    def reset(self) -> None:
        """Discard all rounds, and unpin the rate."""
        self._session.reset()
        self.pinned = False

    def run(self) -> TuneResults:
        """Run all remaining rounds and return the results.

        This blocks until the run is done, and does not need a front end. In a terminal it shows a progress bar. An
        exception in a round is raised here.
        """
        self._view.end_lesson()
        with progress_bar(self._session, self.num_subsamples):
            self._session.run()
        return self.results

    async def wait(self) -> TuneResults:
        """Wait until the run is done, paused or stopped, and return the results."""
        await self._session.wait()
        return self.results

    def refine(self) -> None:
        """Start a run on a finer grid around `selected_lr`.

        The new grid contains the interval of the choice and of the lowest mean, and one step of the old grid on either
        side. The current curve stays in the chart as a dotted line.

        Raises
        ------
        ValueError
            If no rate is selected, nothing has been measured yet, or there is no model to measure.
        """
        _ = self.tuner.model, self._handover.selected()
        if len(self.tuner) == 0:
            raise ValueError("There is no curve to refine yet. Run the tuner first.")
        self._measure_again(*around(self.tuner.rates, *self._choice.range()), self.num_evals)

    def widen(self) -> None:
        """Start a run on a grid that is a decade longer at the end where the curve is lowest, see `edge`.

        The steps between the rates stay nearly as they are, and the current curve stays in the chart as a dotted line.
        A linear grid becomes twice as long, or gets shorter steps where there is less room above 0.

        Raises
        ------
        ValueError
            If the lowest point of the curve is not at an end of the grid, or there is no model to measure.
        """
        _ = self.tuner.model
        if not self.edge:
            raise ValueError("The curve's lowest point is not at an end of the grid.")
        self._measure_again(*longer(self.tuner.rates, self.edge, self.tuner.settings.scale))

    def apply(
        self,
        kind: str = "constant",
        epochs: float | None = None,
        *,
        warmup: float | None = None,
        steps_per_epoch: int | None = None,
    ) -> float:
        """Write `selected_lr` into the model's optimizer, and return it.

        Parameters
        ----------
        kind, epochs, warmup, steps_per_epoch
            ``"constant"``, or what `schedule` takes: then the optimizer takes its rate from that schedule, and keeps
            everything else.

        Raises
        ------
        ValueError
            If no rate is selected, or the optimizer can't hold it. For ``"constant"``, if the optimizer uses a schedule
            that was not applied here, which Keras does not allow to replace. For others, if `schedule` raises this, or
            the optimizer has taken steps: the schedule would not start from its beginning.
        """
        self._handover.apply(kind, epochs, warmup=warmup, steps_per_epoch=steps_per_epoch)
        return self._handover.selected()

    def undo(self) -> float:
        """Undo the last `apply`: give the optimizer the rate that it had before, and return that rate.

        Raises
        ------
        ValueError
            If there is no `apply` to undo, or the model has been compiled with another optimizer since.
        """
        self._handover.undo()
        return rates(self.tuner.tuned_optimizer)[0]

    def callback(self, retune: str | int | None = None) -> keras.callbacks.Callback:
        """Return a callback that shows the training in the widget, and lets you steer it.

        Pass it to `fit`: ``model.fit(x, y, epochs=20, callbacks=[tuner.callback()])``. While the model trains, a rate
        that you choose in the widget is set in the optimizer before the next batch. A rate that the rule chooses is
        not. If you change nothing, the training is the same to the last bit as without the callback, unless the
        optimizer has a one-cycle schedule: then its momentum moves against the rate, see `OneCycleMomentum`.

        If the optimizer uses a schedule of Keras or one that `schedule` returned, a rate that you choose multiplies the
        rest of the schedule, so that it continues from your rate. After the training, the optimizer has the multiplied
        schedule, which is saved with the model. If you choose no rate, it keeps its schedule. A schedule of another
        class can't be multiplied: the widget says so.

        Parameters
        ----------
        retune
            When to look again: ``"plateau"``, or a number of epochs. The tuner then measures from where the model is,
            with the data of this widget, and changes the rate only if another one is better by more than the noise.
            It looks before the first batch; then when the loss has not become lower for a tenth of the epochs and when
            three quarters of them have ended, or after each so many epochs. All looks together take at most 10 % as
            many steps as the training. `looks` is the record. If no rate is changed, the training is the same to the
            last bit.

        Raises
        ------
        ValueError
            If ``retune`` is something else. With ``retune``, if this is a saved run without a model.
        """
        from autolr_widget.engine.live.callback import LiveCallback

        again = None
        if retune is not None:
            _ = self.tuner.model
            from autolr_widget.engine.live.retune import Retune

            assert isinstance(self.tuner, LRTuner)
            again = Retune(self.tuner, retune, self._session.held)
        return LiveCallback(self._live_training, self.tuner.optimizer_attribute, again)

    @property
    def looks(self) -> tuple[Look, ...]:
        """What was found when the tuner looked again during trainings, and what was done, see `callback`."""
        return tuple(self.tuner.looks)

    def pin_run(self) -> None:
        """Pin the current curve: it stays in the chart, so that you can compare later runs with it.

        The last 4 pinned curves are kept.

        Raises
        ------
        ValueError
            If there is no curve yet.
        """
        if not np.isfinite(self.tuner.deltas).any():
            raise ValueError("There is no curve to pin yet. Run the tuner first.")
        self._view.pin()

    def unpin_run(self, index: int) -> None:
        """Remove the pinned curve with this index from the chart. The oldest has the index 0."""
        self._view.unpin(index)

    def schedule(
        self,
        kind: str = "restarts",
        epochs: float | None = None,
        *,
        warmup: float | None = None,
        steps_per_epoch: int | None = None,
        stepsize: int = 4,
        t_mul: float = 2.0,
        m_mul: float = 0.9,
        alpha: float = 1e-8,
    ) -> keras.optimizers.schedules.LearningRateSchedule:
        """Return a schedule whose highest rate is `selected_lr`. Compile the model with a new optimizer that uses it.

        Most are schedules of Keras's own. With a warm-up, ``"restarts"`` and ``"linear"`` are a `WarmUp`: to load a
        model that was saved with one, run ``from autolr_widget import WarmUp`` first.

        Parameters
        ----------
        kind
            ``"restarts"``: cosine annealing with warm restarts (SGDR, Loshchilov & Hutter 2017). The others decay to
            zero at the end of the training: ``"cosine"``, ``"linear"``, and ``"one-cycle"`` (Smith & Topin 2017), which
            rises in the first 30 % of the epochs. Its momentum is moved by `callback`, or by the callback
            `OneCycleMomentum`.
        epochs
            For how many epochs you will train. Only ``"restarts"`` has no end, and does not take this.
        warmup
            The number of epochs in which the rate first rises linearly from 1/25 of `selected_lr`. By default, only
            ``"one-cycle"`` rises.
        steps_per_epoch
            The number of batches in an epoch, as for `fit`. This is only needed if the data do not tell it: for a
            generator, or a stream without an end.
        stepsize, t_mul, m_mul, alpha
            For ``"restarts"``, see `cosine_restarts`.

        Raises
        ------
        ValueError
            If no rate is selected, if an argument can't be used, or if the length of an epoch is not known.
        """
        _ = self.tuner.model
        restarts = {"stepsize": stepsize, "t_mul": t_mul, "m_mul": m_mul, "alpha": alpha}
        return self._handover.schedule(kind, epochs, warmup=warmup, steps_per_epoch=steps_per_epoch, **restarts)

    def save(self, path: str | Path) -> None:
        """Write the run to a file, in the format that the suffix of ``path`` names.

        ``.json`` contains the whole run, with all steps that were measured and a rate that you have chosen by hand, and
        `load` can read it. ``.csv`` and ``.parquet`` contain the rounds, ``.png`` and ``.svg`` the chart. ``.html`` is
        a self-contained page: its chart can be zoomed and read, with other rules and bands, without a kernel. Pinned
        curves are only in the widget.

        Raises
        ------
        ValueError
            If the suffix is not one of these, if the run is too large to be read again, or if the suffix is
            ``.parquet`` and pyarrow is not installed.
        OSError
            If the file can't be written, because its folder does not exist, say.
        """
        saved_run = self._saved(Path(path).suffix.lower().removeprefix("."))
        write_file(path, saved_run, self.selected_lr, self._code())

    def log(self) -> list[str]:
        """Write `selected_lr`, the settings and a picture of the curve to the active logs, and return their names.

        These are an MLflow run, a run of Weights & Biases, and the default writer of `tf.summary` for TensorBoard. A
        training with `callback` writes its losses and its learning rate to them after each epoch.

        Raises
        ------
        ValueError
            If no rate is selected, or no log is active.
        """
        return log(as_read(self.tuner), self._handover.selected(), self._steps_taken())

    def close(self) -> None:
        """Stop the run, and close the widget and all widgets that belong to it: they disappear from every page."""
        # ipywidgets also closes widgets that are closed already, and widgets whose constructor raised. The latter have
        # no session.
        if hasattr(self, "_session") and self.comm is not None:
            self._session.close()
            for widget in owned_widgets(self):
                widget.close()
        super().close()

    def __repr__(self) -> str:
        # A widget whose constructor raised has no state to show.
        if not hasattr(self, "_handover"):
            return object.__repr__(self)
        return text(*self._shown())

    def _ipython_display_(self) -> None:
        """Display the widget, and a snapshot after it for readers without a kernel."""
        # In a terminal there is no kernel, so that a display could not be updated.
        if hasattr(get_ipython(), "kernel"):
            self._snapshot.display(self.model_id, *self._shown())
        else:
            print(self)

    @traitlets.validate(*SETTINGS)
    def _check_setting(self, proposal: dict[str, Any]) -> Any:
        name = proposal["trait"].name
        settings = replace(self._settings(), **{name: proposal["value"]})
        self.tuner.check_settings(settings)
        return getattr(settings, name)

    def _on_setting(self, change: dict[str, Any]) -> None:
        self._fields.refuse(change["name"])
        self._session.configure(self._settings())
        if change["name"] in ("method", "alpha", "band", "horizon"):
            self._show_run()
        elif change["name"] == "scale":
            self._panel.axis = self.scale
        self._show_code()

    def _show_run(self) -> None:
        with self._panel.hold_sync():
            self._on_rounds()
            self._on_turn()

    def _on_rounds(self) -> None:
        """The rounds have changed: save them, and show them and the choice of the rule."""
        self._panel.notice = self._autosave.write(self.tuner, self._choice.pinned_lr) or self._panel.notice
        self._view.show_progress(self.tuner)
        if self._view.show_rounds(self.tuner, self._settings()):
            self._choice.read(self.tuner, self._settings())

    def _on_turn(self) -> None:
        """A turn is over: show the unfinished round, and what takes longer to compute than a quick round."""
        with self._panel.hold_sync():
            self._view.show_progress(self.tuner)
            if not self._view.explained:
                return
            self._view.show_unfinished(self.tuner)
            if len(self.tuner) > 0:
                self._view.show_summary(self._settings())
                self._choice.judge()
            else:
                self._choice.read(self.tuner, self._settings())

    def _on_halt(self) -> None:
        """The run has halted: update the snapshot."""
        self._on_turn()
        # Tracing may have found another optimizer.
        self._show_code()
        if self.tuner.model_has_changed:
            self._panel.notice = "The model has changed since this run began: the run measures it as it was then"
        self._snapshot.update(*self._shown())

    def _on_widened(self) -> None:
        """The run has widened its grid after the first round: show that, and let the settings follow."""
        rates = self.tuner.rates
        beyond = f"below {rate_text(self.lr_min)}" if rates[0] < self.lr_min else f"above {rate_text(self.lr_max)}"
        self._move_grid(float(rates[0]), float(rates[-1]), rates.size)
        self._show_run()
        grid = f"{rate_text(rates[0])} to {rate_text(rates[-1])}"
        self._panel.notice = f"A better rate may lie {beyond}, so round 1 starts over on a wider grid: {grid}"

    def _on_status(self, change: dict[str, str]) -> None:
        if change["new"] == "running":
            self._panel.notice = ""
            if len(self.tuner) == 0 and self.tuner.unfinished is None:
                # The model may have been trained since the widget was made.
                self._panel.subject = self.tuner.subject

    def _on_large(self, change: dict[str, bool]) -> None:
        (self.add_class if change["new"] else self.remove_class)("autolr-large")

    def _on_message(self, _: Any, content: Any, __: Any) -> None:
        """Run the command in a message of the front end, and show its answer or its error. Ignore other messages."""
        parsed = parse(content, self._commands)
        if parsed is None:
            return
        command, arguments, values = parsed
        try:
            with self._panel.taking_over:
                for name in BROUGHT & values.keys():
                    with suppress(traitlets.TraitError, OverflowError):
                        setattr(self._panel, name, values[name])
            notice = command.call(**arguments) or ""
        except Exception as error:
            self._panel.notice = in_words(error)
        else:
            self._panel.notice = notice if command.answers else self._panel.notice
        if self._session.alone:
            self._session.alone = False
            self._send_everything()

    def _send_everything(self) -> None:
        """Send the state of the panel and the chart again.

        Colab shows only what is sent while it waits for an answer, so its page misses what happened at other times. The
        panel comes last, because it asks for the next turn.
        """
        for widget in [*owned_widgets(self.figure), self.figure, self._panel]:
            # The private traits never change, and the bundle of the front end is among them.
            widget.send_state([name for name in widget.keys if not name.startswith("_")])

    def _use_rule(self) -> None:
        self.pinned = False

    def _steer(self, _: Any) -> None:
        rate = self._choice.selected_lr
        # A pin of the front end may be taken over before the rate that comes with it.
        if self._choice.pinned and rate is not None and rate == self._panel.selected_lr:
            self._live_training.steer(rate)

    def _on_applied(self) -> str:
        self._show_code()
        # Not when a rate is chosen: while the line is dragged, that is many times per second.
        return self._autosave.write(self.tuner, self._choice.pinned_lr)

    def _steps_taken(self) -> int:
        optimizer = self.tuner.tuned_optimizer if self.tuner.can_measure else None
        return int(optimizer.iterations) if optimizer is not None and optimizer.built else 0

    def _on_epoch(self, numbers: dict[str, float]) -> None:
        log_numbers(numbers, self._steps_taken())

    def _on_look(self, look: Look, results: TuneResults) -> None:
        assert results.curves is not None
        self._view.pin_look(f"look after {look.epoch} epochs · {results.curves.shape[-1]} steps", results)
        self._panel.notice = self._autosave.write(self.tuner, self._choice.pinned_lr) or self._panel.notice

    def _use_view(self) -> str:
        low, high = self._panel.view
        self._move_grid(low, high, self.num_evals)
        return "The next run measures this range"

    def _download(self, format: str) -> None:
        try:
            data = as_file(format, self._saved(format), self.selected_lr, self._code())
        except Exception as error:
            self._fields.refuse("download", {"words": in_words(error)})
            return
        self._fields.refuse("download")
        self._panel.send({"type": "file", "name": f"learning-rate.{format}"}, [data])

    def _saved(self, format: str) -> SavedRun:
        """Return the run for a file. JSON has all steps that were measured, and the rate of the user's own."""
        if format != "json":
            return as_read(self.tuner)
        return replace(self.tuner.saved_run, pinned_lr=self._choice.pinned_lr)

    def _shown(self) -> tuple[SavedRun, str, float | None, str]:
        """Return what a snapshot shows."""
        return as_read(self.tuner), self.status, self.selected_lr, self._handover.why_none()

    def _show_code(self, _: Any = None) -> None:
        self._panel.code = self._code()

    def _code(self) -> str:
        own = self._choice.pinned_lr
        return python(self._settings(), self.tuner.data_arguments, own, self._handover.assignment())

    def _settings(self) -> Settings:
        return Settings(**{name: getattr(self, name) for name in SETTINGS})

    def _measure_again(self, lr_min: float, lr_max: float, num_evals: int) -> None:
        """Start a run on another grid. The current curve stays in the chart as a dotted line."""
        self._move_grid(lr_min, lr_max, num_evals)
        self._view.before = self._view.curve()
        self.pinned = False
        self._view.end_lesson()
        self._session.stop()
        self._session.start()

    def _move_grid(self, lr_min: float, lr_max: float, num_evals: int) -> None:
        # Check them together: each end may be invalid with the old value of the other.
        replace(self._settings(), lr_min=lr_min, lr_max=lr_max, num_evals=num_evals)
        with self.hold_trait_notifications():
            self.lr_min, self.lr_max, self.num_evals = lr_min, lr_max, num_evals
