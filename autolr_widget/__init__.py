"""A notebook widget that measures which learning rate a Keras model should train with."""

from autolr_widget.engine.reading.results import TuneResults
from autolr_widget.engine.runs.auto_lr_tuner import AutoLRTuner
from autolr_widget.engine.runs.tuner import LRTuner
from autolr_widget.widget.tuner_widget import TunerWidget

__all__ = ["AutoLRTuner", "LRTuner", "TuneResults", "TunerWidget"]
