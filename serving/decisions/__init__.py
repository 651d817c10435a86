"""Logs decisions and joins them with clicks into logs to train on, without TensorFlow."""
