"""Merges waiting requests into one run of the model, like the batching of TensorFlow Serving."""
