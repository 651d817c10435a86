"""Imported by every Beam worker process at its start (`--beam_plugins`), before any step of a pipeline."""

from tfx_pipeline.console.captured_output import prepare

prepare()
