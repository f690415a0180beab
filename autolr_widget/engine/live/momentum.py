"""The momentum of a one-cycle schedule: it falls while the rate rises, and rises while the rate falls."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf
from keras.optimizers.schedules import CosineDecay

from autolr_widget.engine.live.rate import holder
from autolr_widget.engine.parts import parts
from autolr_widget.engine.reading.schedule import ONE_CYCLE

#: The momentum at both ends of the cycle and at its highest rate, as in PyTorch's OneCycleLR and fastai.
HIGHEST, LOWEST = 0.95, 0.85
#: The optimizers whose momentum moves, and its name. In Lion, ``beta_1`` does not average the gradients. A subclass may
#: do anything with its momentum.
NAMES = {
    keras.optimizers.SGD: "momentum",
    keras.optimizers.RMSprop: "momentum",
    keras.optimizers.Adam: "beta_1",
    keras.optimizers.AdamW: "beta_1",
    keras.optimizers.Nadam: "beta_1",
    keras.optimizers.Adamax: "beta_1",
    keras.optimizers.Lamb: "beta_1",
}


class OneCycleMomentum(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Moves the momentum of an optimizer that has a one-cycle schedule, as Smith's one-cycle policy does.

    It falls from 0.95 to 0.85 while the rate rises, and rises to 0.95 again while the rate falls. For Adam and similar
    optimizers, this is ``beta_1``. It follows the schedule and the optimizer's step counter, at each step also within
    an execution of several. Between the batches and after the training, the optimizer has its own momentum, and is
    saved with that.

    The callback of `TunerWidget.callback` does the same.

    Parameters
    ----------
    attribute
        The name of the model's attribute that holds the optimizer.

    References
    ----------
    Smith & Topin, "Super-Convergence", 2017. PyTorch's ``OneCycleLR`` moves ``beta_1`` too, between the same numbers.
    Here the rise is linear, as in Keras's ``CosineDecay``, and the fall is a cosine.
    """

    def __init__(self, attribute: str = "optimizer") -> None:
        super().__init__()
        self._attribute = attribute
        self._moving: list[Moving] = []

    def on_train_begin(self, logs: Any = None) -> None:
        """Let the training step move the momentum.

        Raises
        ------
        ValueError
            If no optimizer has both a one-cycle schedule and a momentum.
        """
        model = self.model
        optimizer = getattr(model, self._attribute)
        self._moving = moving(optimizer)
        if not self._moving:
            raise ValueError(
                "The callback OneCycleMomentum needs an optimizer with a one-cycle schedule of `TunerWidget.schedule` "
                f"and with a momentum that it can move. Received: {', '.join(map(_described, parts(optimizer)))}"
            )
        # If another such callback has begun, it ends here.
        model.make_train_function(force=True)
        # The training step is made for a model that only differs in its `train_step`, so that the model has its own.
        twin = object.__new__(type(model))
        twin.__dict__.update(vars(model))
        twin.__dict__["train_step"] = self._moved(model.train_step)
        twin.make_train_function(force=True)
        model.train_function = twin.train_function
        # Keras does not tell callbacks that an error has ended `fit`. The next training begins with this method.
        model.__dict__["make_train_function"] = self._make_again

    def on_train_end(self, logs: Any = None) -> None:
        """Let the training step use the optimizer's own momentum again."""
        if self._moving and vars(self.model).get("make_train_function") == self._make_again:
            del self.model.__dict__["make_train_function"]
            # Keras makes it again when it is needed.
            self.model.train_function = None
        self._moving = []

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Let the optimizer have its present momentum as a number, for what measures meanwhile."""
        with contextlib.ExitStack() as stack:
            for each in self._moving:
                stack.enter_context(each.put(float(each.now())))
            yield

    def _moved(self, step: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def moved(data: Any) -> Any:
            # Keras traces this once. Momentum is a number there, which would be part of the graph.
            with contextlib.ExitStack() as stack:
                for each in self._moving:
                    stack.enter_context(each.put(InGraph(each.now())))
                return step(data)

        return moved

    def _make_again(self, force: bool = False) -> None:
        self.on_train_end()
        self.model.make_train_function(force)


class Moving:
    """The momentum of an optimizer with a one-cycle schedule.

    Parameters
    ----------
    optimizer
        A single optimizer, not one that consists of several.
    name
        The name of its momentum.
    schedule
        Its schedule.
    """

    def __init__(self, optimizer: keras.Optimizer, name: str, schedule: CosineDecay) -> None:
        self._optimizer = optimizer
        self._name = name
        config = schedule.get_config()
        rises = bool(config["warmup_steps"])
        # As far as the rate has risen: 0 at the beginning, 1 at its highest, and 0 at the end.
        begin = {"initial_learning_rate": 0.0, "warmup_target": 1.0} if rises else {"initial_learning_rate": 1.0}
        self._risen = CosineDecay.from_config(config | begin)

    def now(self) -> Any:
        """Return the momentum of the next step."""
        return HIGHEST - (HIGHEST - LOWEST) * self._risen(self._optimizer._iterations)

    @contextlib.contextmanager
    def put(self, momentum: Any) -> Iterator[None]:
        """Let the optimizer have this momentum for a while."""
        own = getattr(self._optimizer, self._name)
        self._optimizer.__dict__[self._name] = momentum
        try:
            yield
        finally:
            self._optimizer.__dict__[self._name] = own


class InGraph:
    """A tensor that Keras's optimizers take for a number above 0: they ask whether there is a momentum.

    Parameters
    ----------
    tensor
        The tensor, of the type float32.
    """

    dtype = "float32"

    def __init__(self, tensor: Any) -> None:
        self._tensor = tensor

    def __tf_tensor__(self, dtype: Any = None, name: Any = None) -> Any:
        return tf.cast(self._tensor, dtype or self.dtype)

    def __rsub__(self, other: Any) -> Any:
        return other - self._tensor

    def __gt__(self, other: Any) -> bool:
        return True


def moving(optimizer: keras.Optimizer) -> list[Moving]:
    """Return the momenta of an optimizer that a one-cycle schedule moves."""
    own = [(part, _name(part), holder(part)) for part in parts(optimizer)]
    return [Moving(part, name, held) for part, name, held in own if name and _is_one_cycle(held)]


def _name(part: keras.Optimizer) -> str:
    """Return the name of the momentum of an optimizer, or nothing if it has none that can move."""
    name = NAMES.get(type(part), "")
    # SGD and RMSprop with a momentum of 0 have no variables for it.
    return name if name and getattr(part, name) > 0 else ""


def _is_one_cycle(schedule: Any) -> bool:
    return getattr(schedule, "name", None) == ONE_CYCLE


def _described(part: keras.Optimizer) -> str:
    name = _name(part)
    momentum = f"with {name}" if name else "without a momentum that can be moved"
    schedule = "with a one-cycle schedule" if _is_one_cycle(holder(part)) else "without a one-cycle schedule"
    return f"{type(part).__name__} {momentum}, {schedule}"
