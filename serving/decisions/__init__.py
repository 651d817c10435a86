"""Closes the loop: logs what was decided, and joins it with clicks into logs to train on. No TensorFlow."""
