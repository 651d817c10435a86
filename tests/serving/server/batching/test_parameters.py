"""The batching parameters file."""

import re

import pytest

from creative_logs.errors import InputError
from serving.server.batching.parameters import BatchingParameters, read_batching_parameters

WHOLE = """
max_batch_size { value: 128 }
batch_timeout_micros { value: 1000 }
max_enqueued_batches { value: 64 }
num_batch_threads { value: 4 }
thread_pool_name { value: 'shared' }
allowed_batch_sizes: 1
allowed_batch_sizes: 32
pad_variable_length_inputs: true
enable_large_batch_splitting { value: true }
max_execution_batch_size { value: 32 }
"""


def test_every_field_is_read(tmp_path):
    (tmp_path / 'b').write_text(WHOLE)
    assert read_batching_parameters(tmp_path / 'b') == BatchingParameters(
        128, pytest.approx(0.001), 64, 4, (1, 32), True, True, 32, 'shared'
    )


def test_an_empty_file_gives_the_defaults(tmp_path):
    (tmp_path / 'b').write_text('')
    assert read_batching_parameters(tmp_path / 'b') == BatchingParameters()


def test_the_largest_run_is_the_largest_request_where_only_that_is_given(tmp_path):
    (tmp_path / 'b').write_text('max_batch_size { value: 7 }')
    assert read_batching_parameters(tmp_path / 'b').max_execution_batch_size == 7


@pytest.mark.parametrize(
    'text, message',
    [
        ('max_batch_size { value: 0 }', 'max_batch_size: must not be below 1: got 0'),
        ('batch_timeout_micros { value: -1 }', 'batch_timeout_micros: must not be below 0: got -1'),
        (
            'max_batch_size { value: 4 } allowed_batch_sizes: 2',
            'the last must be the largest batch, 4: got 2',
        ),
        (
            'max_batch_size { value: 4 } allowed_batch_sizes: 4 allowed_batch_sizes: 4',
            'allowed_batch_sizes: must be above 0 and increase: got [4, 4]',
        ),
        (
            'max_batch_size { value: 8 } max_execution_batch_size { value: 4 }',
            'max_execution_batch_size 4 needs enable_large_batch_splitting',
        ),
        ('batch_size { value: 8 }', 'not a valid BatchingParameters in the text format'),
    ],
)
def test_a_wrong_file_is_refused(tmp_path, text, message):
    (tmp_path / 'b').write_text(text)
    with pytest.raises(InputError, match=re.escape(message)) as error:
        read_batching_parameters(tmp_path / 'b')
    assert str(error.value).startswith(str(tmp_path / 'b'))
