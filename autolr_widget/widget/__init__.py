"""The screen: `TunerWidget`, its controls, its chart and its session. Knows nothing of TensorFlow."""
