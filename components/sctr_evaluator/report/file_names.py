"""Names of the files of an evaluation, without TFX's slow import."""

JSON_FILE = 'evaluation.json'
SUMMARY_FILE = 'summary.md'
REPORT_FILE = 'report.html'
