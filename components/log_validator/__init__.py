"""ExampleValidator that fails on anomalies, so that nothing is trained on them."""
