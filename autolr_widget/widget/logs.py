"""A run and a training in the logs that people keep: TensorBoard, MLflow, Weights & Biases.

Nothing is imported here that the user has not imported: without that, there is nothing active to log to.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from autolr_widget.engine.saved.saved_run import SavedRun
from autolr_widget.widget.export import picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Writes the rate, the picture, the settings and the step.
WriteRun = Callable[[float, "Figure", dict[str, Any], int], None]
#: Writes numbers by name, and the step.
WriteNumbers = Callable[[dict[str, float], int], None]


def log(saved_run: SavedRun, selected: float, step: int) -> list[str]:
    """Write a run to all logs that are active, and return their names.

    Parameters
    ----------
    saved_run
        The run.
    selected
        The chosen rate.
    step
        The number of steps that the model has been trained for.

    Raises
    ------
    ValueError
        If none is active.
    """
    active = _active()
    if not active:
        raise ValueError(
            "No log is active. Begin a run with `mlflow.start_run()` or `wandb.init()`, or call this in "
            "`with tf.summary.create_file_writer(folder).as_default():` for TensorBoard."
        )
    figure = picture(saved_run.results, saved_run.settings, selected)
    for write, _ in active.values():
        write(selected, figure, asdict(saved_run.settings), step)
    return [*active]


def log_numbers(numbers: dict[str, float], step: int) -> None:
    """Write numbers of a training to all logs that are active, if there are any.

    Parameters
    ----------
    numbers
        The numbers by name. The logs have them under ``autolr/``.
    step
        The number of steps that the training has taken.
    """
    for _, write in _active().values():
        write({f"autolr/{name}": number for name, number in numbers.items()}, step)


def _active() -> dict[str, tuple[WriteRun, WriteNumbers]]:
    tensorflow, mlflow, wandb = (sys.modules.get(name) for name in ("tensorflow", "mlflow", "wandb"))
    found: dict[str, tuple[WriteRun, WriteNumbers]] = {}
    if tensorflow is not None and tensorflow.summary.should_record_summaries():
        found["TensorBoard"] = _to_tensorboard, _numbers_to_tensorboard
    if mlflow is not None and mlflow.active_run() is not None:
        found["MLflow"] = _to_mlflow, _numbers_to_mlflow
    if wandb is not None and wandb.run is not None:
        found["Weights & Biases"] = _to_wandb, _numbers_to_wandb
    return found


def _to_tensorboard(lr: float, figure: Figure, settings: dict[str, Any], step: int) -> None:
    import tensorflow as tf

    file = io.BytesIO()
    figure.savefig(file, format="png")
    tf.summary.scalar("autolr/learning_rate", lr, step)
    tf.summary.image("autolr/curve", tf.image.decode_png(file.getvalue(), channels=4)[tf.newaxis], step)
    rows = [f"| {name} | {value} |" for name, value in settings.items()]
    tf.summary.text("autolr/settings", "\n".join(["| setting | value |", "| --- | --- |", *rows]), step)


def _to_mlflow(lr: float, figure: Figure, settings: dict[str, Any], step: int) -> None:
    import mlflow

    mlflow.log_metric("autolr/learning_rate", lr, step=step)
    mlflow.log_figure(figure, "autolr/curve.png")
    # Not parameters: those can't be changed by a later run of the tuner.
    mlflow.set_tags({f"autolr/{name}": value for name, value in settings.items()})


def _to_wandb(lr: float, figure: Figure, settings: dict[str, Any], step: int) -> None:
    import wandb

    wandb.config.update({"autolr": settings}, allow_val_change=True)  # type: ignore[no-untyped-call]  # wandb's own lack
    wandb.log({"autolr/learning_rate": lr, "autolr/curve": wandb.Image(figure), "autolr/step": step})


def _numbers_to_tensorboard(numbers: dict[str, float], step: int) -> None:
    import tensorflow as tf

    for name, number in numbers.items():
        tf.summary.scalar(name, number, step)


def _numbers_to_mlflow(numbers: dict[str, float], step: int) -> None:
    import mlflow

    mlflow.log_metrics(numbers, step=step)


def _numbers_to_wandb(numbers: dict[str, float], step: int) -> None:
    import wandb

    wandb.log({**numbers, "autolr/step": step})
