"""Finds the versions of a model in a folder, checks, loads and serves them, and unloads them."""
