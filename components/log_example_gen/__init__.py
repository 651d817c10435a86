"""ExampleGen on the Parquet click logs, one span per day; bad rows are quarantined."""
