"""Prometheus metrics of the server, under the names that TensorFlow Serving uses."""
