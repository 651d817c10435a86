"""The name of the report of a catalogue, in a module that does not import TFX, which is slow."""

REPORT_FILE = 'report.json'
