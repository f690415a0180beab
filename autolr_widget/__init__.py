"""A notebook widget that measures which learning rate a Keras model should train with.

::

    from autolr_widget import TunerWidget

    tuner = TunerWidget(model, x, y)  # a compiled model, and its training data as for `fit`
    tuner  # shows the widget; press Run, or call tuner.run()
    tuner.apply()  # writes the chosen rate, tuner.selected_lr, into the model's optimizer

- `TunerWidget`: the widget, and all that it does from Python.
- `LRTuner`: the engine, without a widget. `TuneResults`: what it has measured.
- `OneCycleMomentum`: a callback for one-cycle schedules. `WarmUp`: a schedule that first rises.
- `AutoLRTuner`: the interface of the package autolrtuner.
"""

from typing import Any

from autolr_widget.engine.reading.results import TuneResults
from autolr_widget.engine.runs.auto_lr_tuner import AutoLRTuner
from autolr_widget.engine.runs.tuner import LRTuner
from autolr_widget.widget.tuner_widget import TunerWidget

__all__ = ["AutoLRTuner", "LRTuner", "OneCycleMomentum", "TuneResults", "TunerWidget", "WarmUp"]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})


def __getattr__(name: str) -> Any:
    # Subclasses of Keras's: importing this package must not import Keras.
    if name == "OneCycleMomentum":
        from autolr_widget.engine.live.momentum import OneCycleMomentum

        return OneCycleMomentum
    if name == "WarmUp":
        from autolr_widget.engine.reading.warm_up import WarmUp

        return WarmUp
    if name == "__version__":
        from importlib.metadata import version

        return version("autolr_widget")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
