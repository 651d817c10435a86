"""The encoding of rows, compared with what pyarrow says about the same rows."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.log_example_gen.encoding import encode
from creative_logs.errors import InputError
from tests.components.log_example_gen.helpers import decode

TEXT = st.text(max_size=5)
INT64 = st.integers(-(2**63), 2**63 - 1)
FLOAT32 = st.floats(width=32, allow_nan=False)
COLUMNS = {
    'text': (pa.string(), st.none() | TEXT),
    'number': (pa.int64(), st.none() | INT64),
    'share': (pa.float32(), st.none() | FLOAT32),
    'texts': (pa.list_(pa.string()), st.none() | st.lists(TEXT, max_size=3)),
    'numbers': (pa.list_(pa.int64()), st.none() | st.lists(INT64, max_size=3)),
}
SCHEMA = pa.schema([(name, type_) for name, (type_, _) in COLUMNS.items()])
ROWS = st.lists(st.fixed_dictionaries({name: values for name, (_, values) in COLUMNS.items()}), max_size=8)


def as_lists(row: dict) -> dict:
    return {
        name: value if value is None or isinstance(value, list) else [value] for name, value in row.items()
    }


@settings(deadline=None)
@given(ROWS)
def test_rows_come_back_as_they_were(rows):
    batch = pa.RecordBatch.from_pylist(rows, schema=SCHEMA)
    assert [decode(example) for example in encode(batch)] == [as_lists(row) for row in batch.to_pylist()]


@settings(deadline=None)
@given(ROWS)
def test_a_row_does_not_depend_on_its_batch(rows):
    batch = pa.RecordBatch.from_pylist(rows, schema=SCHEMA)
    alone = [encode(batch.slice(i, 1))[0] for i in range(len(rows))]
    assert [decode(example) for example in encode(batch)] == [decode(example) for example in alone]


@pytest.mark.parametrize(
    ('value', 'expected'), [(0, [0]), (0.0, [0.0]), ('', ['']), (False, [0]), ([], []), (None, None)]
)
def test_zeros_are_values_and_null_is_missing(value, expected):
    other = {'list': [1]}.get(type(value).__name__, value if value is not None else 1)
    column = pa.array([value, other])
    assert decode(encode(pa.RecordBatch.from_arrays([column], ['x']))[0]) == {'x': expected}


@pytest.mark.parametrize(
    ('column', 'expected'),
    [
        (pa.array([1, 2], pa.int8()), [2]),
        (pa.array([1.5, 2.5], pa.float64()), [2.5]),
        (pa.array(['a', 'b'], pa.large_string()), ['b']),
        (pa.array(['a', 'b']).dictionary_encode(), ['b']),
        (pa.array([['a'], ['b']], pa.large_list(pa.string())), ['b']),
        (pa.nulls(2), None),
    ],
)
def test_other_widths_are_accepted(column, expected):
    assert decode(encode(pa.RecordBatch.from_arrays([column], ['x']))[1]) == {'x': expected}


def test_many_rows_keep_their_order():
    numbers = np.arange(10_000)
    examples = encode(pa.RecordBatch.from_arrays([pa.array(numbers)], ['x']))
    assert [decode(example)['x'][0] for example in examples[::999]] == numbers[::999].tolist()


def test_a_null_in_a_list_is_an_error():
    with pytest.raises(InputError, match=r"column 'x': a list in a tf.Example cannot hold a null"):
        encode(pa.RecordBatch.from_arrays([pa.array([['a', None]])], ['x']))


def test_other_types_are_an_error():
    with pytest.raises(InputError, match=r"column 'x': a tf.Example holds .* got timestamp"):
        encode(pa.RecordBatch.from_arrays([pa.array([0], pa.timestamp('ms'))], ['x']))
