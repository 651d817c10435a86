"""The pipeline: configuration, assembly, runners and the command line."""
