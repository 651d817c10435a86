"""The curated schema of the examples, derived from the configuration rather than from data."""
