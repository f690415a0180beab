"""What paths need of a model in training, in this process or in a worker."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

import tensorflow as tf

from autolr_widget.engine.measuring.loop import Loop, Shadows
from autolr_widget.engine.types import Batch


class Origin(Protocol):
    """What is known of a variable of the model, of which each path has one of its own."""

    @property
    def name(self) -> str: ...
    @property
    def device(self) -> str: ...
    @property
    def shape(self) -> tf.TensorShape: ...
    @property
    def dtype(self) -> tf.DType: ...


class Traced(Protocol):
    """The interface that `Training` and `Received` share.

    Variables have keys, by which the values of a path are found.
    """

    seconds_per_step: float
    free: list[dict[int, tf.Variable]]

    @property
    def variables(self) -> Mapping[int, Origin]: ...
    @property
    def written(self) -> Collection[int]: ...
    @property
    def updated(self) -> Collection[int]: ...
    @property
    def rates(self) -> Sequence[tuple[int, float]]: ...
    def function(self, kind: str, batch: Batch) -> Any: ...
    def loop(self, kind: str, batch: Batch, path: Shadows, thread: int = 0) -> Loop: ...
    def threads(self, batch: Batch, kind: str = "step") -> int: ...
