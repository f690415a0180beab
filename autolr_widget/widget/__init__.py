"""The widget: `TunerWidget`, its controls, its chart and its session. It does not know of TensorFlow."""
