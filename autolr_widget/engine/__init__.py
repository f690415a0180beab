"""The algorithm. It does not know of widgets, and it is the only package that imports TensorFlow and Keras."""
