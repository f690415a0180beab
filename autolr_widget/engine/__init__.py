"""The algorithm. Knows nothing of widgets; the only place that imports TensorFlow and Keras."""
