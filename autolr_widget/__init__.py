"""Which learning rate should this Keras model train with? A notebook widget that measures it, live."""

from autolr_widget.engine.reading.results import TuneResults
from autolr_widget.engine.runs.auto_lr_tuner import AutoLRTuner
from autolr_widget.engine.runs.tuner import LRTuner
from autolr_widget.widget.tuner_widget import TunerWidget

__all__ = ["AutoLRTuner", "LRTuner", "TuneResults", "TunerWidget"]
