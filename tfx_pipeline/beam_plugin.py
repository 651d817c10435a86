"""Imported by every Beam worker process at its start (`--beam_plugins`), before any step of a pipeline."""

from tfx_pipeline.quiet import prepare

prepare()
