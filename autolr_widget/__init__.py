"""A notebook widget that measures which learning rate a Keras model should train with."""

from typing import Any

from autolr_widget.engine.reading.results import TuneResults
from autolr_widget.engine.runs.auto_lr_tuner import AutoLRTuner
from autolr_widget.engine.runs.tuner import LRTuner
from autolr_widget.widget.tuner_widget import TunerWidget

__all__ = ["AutoLRTuner", "LRTuner", "OneCycleMomentum", "TuneResults", "TunerWidget", "WarmUp"]


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
