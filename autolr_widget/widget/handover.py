"""What becomes of the chosen rate: it is written into the model's optimizer, as it is or as a schedule."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from autolr_widget.engine.reading.schedule import KINDS, THREE_PERIODS, schedule, shape
from autolr_widget.widget.applied import Applied, assignment, schedule_assignment
from autolr_widget.widget.choice import Choice
from autolr_widget.widget.commands import at_field
from autolr_widget.widget.live_training import LiveTraining
from autolr_widget.widget.panel import Panel
from autolr_widget.widget.session import Session

if TYPE_CHECKING:
    import keras


class Handover:
    """Hands the chosen rate over to the model, and shows in the panel what that would do.

    Parameters
    ----------
    session
        Has the current run, with its model.
    choice
        The chosen rate.
    panel
        Its menu beside the button Apply names the schedule.
    live_training
        The training that a constant rate is set in.
    on_applied
        Is called after a rate was written, and returns what the user is told besides, or an empty text.
    """

    def __init__(
        self,
        session: Session,
        choice: Choice,
        panel: Panel,
        live_training: LiveTraining,
        on_applied: Callable[[], str],
    ) -> None:
        self._session, self._choice, self._panel, self._live_training = session, choice, panel, live_training
        self._on_applied = on_applied
        self._applied = Applied()
        panel.observe(self._show, names=["kind", "epochs"])
        choice.observe(self._show, names="selected_lr")

    def selected(self) -> float:
        """Return the chosen rate. Raise a `ValueError` that says why if there is none."""
        if self._choice.selected_lr is None:
            why = self.why_none() or "Run the tuner."
            raise ValueError(f"No learning rate is selected. {why} Or set `selected_lr`.")
        return float(self._choice.selected_lr)

    def why_none(self) -> str:
        """Return why the rounds choose no rate, as a sentence. Empty if a rate is selected, or nothing was measured."""
        if self._choice.selected_lr is not None or len(self._session.tuner) == 0:
            return ""
        reason = self._choice.reason
        return f"{reason[:1].upper()}{reason[1:].removesuffix('.')}."

    def schedule(
        self,
        kind: str,
        epochs: float | None,
        *,
        warmup: float | None = None,
        steps_per_epoch: int | None = None,
        **restarts: Any,
    ) -> keras.optimizers.schedules.LearningRateSchedule:
        """Return a schedule whose highest rate is the chosen one, see `TunerWidget.schedule`."""
        steps = self._steps_per_epoch() if steps_per_epoch is None else steps_per_epoch
        return schedule(kind, self.selected(), steps, epochs, warmup, **restarts)

    def apply_shown(self) -> str:
        """Apply what the menu beside the button names, and return a notice."""
        return self.apply(self._panel.kind, self._epochs())

    def apply(self, kind: str, epochs: float | None, **more: Any) -> str:
        """Write the chosen rate or a schedule into the optimizer, see `TunerWidget.apply`, and return a notice."""
        run = self._session.tuner
        model, optimizer, lr = run.model, run.tuned_optimizer, self.selected()
        if kind != "constant":
            notice = self._applied.apply_schedule(model, optimizer, self.schedule(kind, epochs, **more), KINDS[kind])
        else:
            for name, value in {"epochs": epochs, **more}.items():
                if value is not None:
                    raise ValueError(f'Argument `{name}` must be None with kind="constant". Received: {name}={value!r}')
            notice = self._applied.apply(model, optimizer, lr)
            self._live_training.steer(lr)
        self._panel.undoable = True
        # A notebook may have built another model meanwhile, or trained this one.
        notice = f"{notice} · {model.name} · {run.optimizer}"
        notice += " · trained or compiled again since this run began" * run.model_has_changed
        return " · ".join(filter(None, [notice, self._on_applied()]))

    def undo(self) -> str:
        """Undo the last `apply`, and return a notice."""
        self._live_training.forget()
        try:
            return self._applied.undo(self._session.tuner.model, self._session.tuner.tuned_optimizer)
        finally:
            self._panel.undoable = len(self._applied) > 0

    def assignment(self) -> Callable[[str], str]:
        """Return the function that returns the code of what Apply does, for a rate as code."""
        run = self._session.tuner
        if self._panel.schedule.get("rates"):
            more = self._panel.kind, self._steps_per_epoch(), self._epochs()
            return partial(schedule_assignment, run.optimizer_attribute, *more)
        return partial(assignment, run.tuned_optimizer if run.can_measure else None, run.optimizer_attribute)

    def _show(self, _: Any) -> None:
        """Show the picture of the schedule that `apply_shown` would set."""
        kind, epochs = self._panel.kind, THREE_PERIODS if self._panel.kind == "restarts" else self._panel.epochs
        lr = self._choice.selected_lr
        shown: dict[str, Any] = {}
        if kind != "constant" and lr is not None:
            try:
                curve = [lr * rate for rate in shape(kind, self._steps_per_epoch(), epochs)]
                shown = {"rates": curve, "epochs": epochs}
            except ValueError as error:
                shown = {"words": at_field(error)}
        self._panel.schedule = shown

    def _epochs(self) -> float | None:
        return None if self._panel.kind in ("constant", "restarts") else self._panel.epochs

    def _steps_per_epoch(self) -> int:
        steps = self._session.tuner.steps_per_epoch(self._panel.batch_size)
        if steps is None:
            raise ValueError(
                "The length of an epoch is not known. Pass `steps_per_epoch`, as for `fit`: "
                '`tuner.apply("cosine", epochs=20, steps_per_epoch=100)`.'
            )
        return steps
