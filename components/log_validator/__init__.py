"""An ExampleValidator that fails on anomalies, so that no model is trained on anomalous data."""
