"""Serving of pushed models: an embedded server of the TensorFlow Serving API and its client."""
