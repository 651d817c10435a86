"""ExampleGen for Parquet click logs, with one span per day; bad rows are quarantined."""
