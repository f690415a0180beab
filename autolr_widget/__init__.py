"""Which learning rate should this Keras model train with? A notebook widget that measures it, live."""

from autolr_widget.engine.auto_lr_tuner import AutoLRTuner
from autolr_widget.engine.results import TuneResults
from autolr_widget.engine.tuner import LRTuner
from autolr_widget.widget.tuner_widget import TunerWidget

__all__ = ["AutoLRTuner", "LRTuner", "TuneResults", "TunerWidget"]
