"""Prepares Beam worker processes, which import this module at their start (`--beam_plugins`)."""

from tfx_pipeline.console.captured_output import prepare

prepare()
