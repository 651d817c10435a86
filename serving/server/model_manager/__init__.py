"""Versions of a model: found in a folder, checked, loaded, warmed up, served and let go."""
