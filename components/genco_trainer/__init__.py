"""TFX's Trainer with one more input: the element catalogue."""
