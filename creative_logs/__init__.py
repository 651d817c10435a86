"""Click logs of creatives: their schema, a checker, a simulator with known truth, and converters."""
