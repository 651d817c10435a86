"""The names of the files of an evaluation, in a module that does not import TFX, which is slow."""

JSON_FILE = 'evaluation.json'
SUMMARY_FILE = 'summary.md'
REPORT_FILE = 'report.html'
