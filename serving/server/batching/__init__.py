"""Requests that wait are merged into one run of the model, as TensorFlow Serving's batching does."""
