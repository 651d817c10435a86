"""Counts and times what the server does, for Prometheus, under the names of TensorFlow Serving."""
