import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from creative_logs.catalogue.read import catalogue_files, read_catalogue
from creative_logs.catalogue.schema import arrow_schema
from creative_logs.catalogue.write import write_catalogue
from creative_logs.errors import InputError
from tests.creative_logs.catalogue.helpers import element, write

IDS = {'component': ['title', 'title'], 'id': ['a', 'b']}


def read(path, columns=None) -> pa.Table:
    return pa.Table.from_batches(list(read_catalogue(path, columns)))


def file_of(tmp_path, **columns):
    pq.write_table(pa.table(columns), tmp_path / 'c.parquet')
    return tmp_path / 'c.parquet'


def test_a_file_is_itself_and_a_folder_its_parquet_files_by_name(tmp_path):
    for name in ('b.parquet', 'a.parquet', 'notes.txt'):
        (tmp_path / name).touch()
    assert catalogue_files(tmp_path / 'notes.txt') == [tmp_path / 'notes.txt']
    assert catalogue_files(tmp_path) == [tmp_path / 'a.parquet', tmp_path / 'b.parquet']


def test_a_missing_catalogue_and_an_empty_folder_are_named(tmp_path):
    with pytest.raises(InputError, match=f'{tmp_path}/none: no such catalogue'):
        catalogue_files(tmp_path / 'none')
    with pytest.raises(InputError, match=f'{tmp_path}: holds no Parquet file of a catalogue'):
        catalogue_files(tmp_path)


def test_what_was_written_is_read_in_bounded_batches(tmp_path):
    rows = [element(id=f't{i}', vector=None if i % 3 else [i, -i]) for i in range(10_000)]
    table = pa.Table.from_pylist(rows, schema=arrow_schema())
    write_catalogue(tmp_path / 'c.parquet', table.to_batches(max_chunksize=3_000))
    batches = list(read_catalogue(tmp_path / 'c.parquet'))
    assert max(batch.num_rows for batch in batches) <= 4096
    assert pa.Table.from_batches(batches) == table


def test_absent_optional_columns_are_null(tmp_path):
    table = read(file_of(tmp_path, **IDS))
    assert table.schema == arrow_schema()
    assert table.select(['component', 'id']).to_pydict() == IDS
    for name in ('text', 'attributes', 'vector', 'picture'):
        assert table[name].null_count == 2


def test_only_the_columns_asked_for_are_read(tmp_path):
    table = read(write(tmp_path / 'c.parquet', element()), ('id', 'vector'))
    assert table.to_pylist() == [{'id': 't1', 'vector': [0.5, -0.5]}]


@pytest.mark.parametrize(
    'vector',
    [
        pa.array([[1, 2], None], pa.list_(pa.float64())),
        pa.array([[1, 2], None], pa.large_list(pa.float32())),
        pa.array([[1, 2], [3, 4]], pa.list_(pa.float32(), 2)),  # Arrow reads no nulls of this type.
        pa.array([np.array([1, 2], np.float16), None], pa.list_(pa.float16())),
        pa.array([[1, 2], None], pa.list_(pa.int8())),
    ],
    ids=lambda array: str(array.type),
)
def test_types_that_lose_nothing_but_precision_are_converted(tmp_path, vector):
    text = pa.array(['x', None], pa.large_string()).dictionary_encode()
    table = read(file_of(tmp_path, **IDS, text=text, vector=vector))
    assert table['vector'].type == pa.list_(pa.float32())
    assert table['vector'].to_pylist() == vector.to_pylist()
    assert table['text'].to_pylist() == ['x', None]


@pytest.mark.parametrize(
    ('columns', 'message'),
    [
        ({'id': ['a']}, "column 'component' is missing; a catalogue needs component and id"),
        ({'component': ['title']}, "column 'id' is missing; a catalogue needs component and id"),
        (IDS | {'price': [1, 2]}, "column 'price' is unknown; a catalogue has component, id, text, "),
        ({'component': ['t'], 'id': [7]}, "column 'id' must be string, got int64; write it with that type"),
        (IDS | {'text': [['a'], ['b']]}, "column 'text' must be string, got list<"),
        (IDS | {'attributes': ['a', 'b']}, "column 'attributes' must be list<"),
        (IDS | {'attributes': [[1], [2]]}, "column 'attributes' must be list<"),
        (IDS | {'vector': [[['a']], None]}, "column 'vector' must be list<"),
        (IDS | {'vector': [0.5, 0.5]}, "column 'vector' must be list<"),
    ],
)
def test_a_wrong_column_is_named_in_one_line(tmp_path, columns, message):
    path = file_of(tmp_path, **columns)
    with pytest.raises(InputError) as error:
        read(path)
    assert str(error.value).startswith(f'{path}: {message}')
    assert '\n' not in str(error.value)


def test_a_repeated_column_is_named(tmp_path):
    table = pa.table([pa.array(['t']), pa.array(['a']), pa.array(['b'])], names=['component', 'id', 'id'])
    pq.write_table(table, tmp_path / 'c.parquet')
    with pytest.raises(InputError, match="c.parquet: column 'id' is there 2 times; keep one"):
        read(tmp_path / 'c.parquet')


@pytest.mark.parametrize('damage', ['empty', 'text', 'cut off', 'overwritten'])
def test_a_file_that_is_no_parquet_is_named(tmp_path, damage):
    path = write(tmp_path / 'c.parquet', *(element(id=str(i)) for i in range(1000)))
    whole = path.read_bytes()
    middle = len(whole) // 4
    path.write_bytes(
        {
            'empty': b'',
            'text': b'hello, world',
            'cut off': whole[:-100],
            'overwritten': whole[:4] + b'\xff' * middle + whole[4 + middle :],
        }[damage]
    )
    with pytest.raises(InputError, match='c.parquet: cannot be read as Parquet: ') as error:
        read(path)
    assert '\n' not in str(error.value)
