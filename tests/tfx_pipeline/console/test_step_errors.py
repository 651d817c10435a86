"""One line out of whatever a step raised."""

import pytest

from creative_logs.errors import InputError
from tfx_pipeline.console.step_errors import input_error_in, last_line

TRACEBACK = """Traceback (most recent call last):
  File "ingest.py", line 12, in process
    raise InputError(text)
creative_logs.errors.InputError: a.parquet: no InputError: here

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "common.py", line 3, in process
creative_logs.errors.InputError: a.parquet: column 'x' is unknown [while running 'Ingest-ptransform-7']
"""


def _chained(cause: Exception) -> Exception:
    error = RuntimeError('the bundle failed')
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ('error', 'message'),
    [
        (InputError('a.parquet: bad'), 'a.parquet: bad'),
        (InputError("a.parquet: bad [while running 'Ingest']"), 'a.parquet: bad'),
        (RuntimeError(TRACEBACK), "a.parquet: column 'x' is unknown"),
        (_chained(InputError('a.parquet: bad')), 'a.parquet: bad'),
        (_chained(RuntimeError(TRACEBACK)), "a.parquet: column 'x' is unknown"),
        (ValueError('a.parquet: bad'), None),
    ],
)
def test_bad_input_is_found_wherever_it_was_raised(error, message):
    assert input_error_in(error) == message


@pytest.mark.parametrize(
    ('error', 'line'),
    [
        (ValueError('no room'), 'ValueError: no room'),
        (KeyError(), 'KeyError'),
        (RuntimeError('Traceback:\n  File "x"\nOSError: full [while running Write]\n\n'), 'OSError: full'),
    ],
)
def test_other_failures_are_cut_to_their_last_line(error, line):
    assert last_line(error) == line
