"""The custom TFX components, one folder each."""
