import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from creative_logs.errors import InputError
from serving.decisions.clicks import ClickLog


def _write(folder, **columns):
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), folder / f'{len(list(folder.iterdir()))}.parquet')


def test_clicks_on_impressions(tmp_path):
    _write(tmp_path / 'a', request_id=['x', 'y', None, 'z'], timestamp=[5, 9, 1, None], other=[1, 2, 3, 4])
    _write(tmp_path / 'b', request_id=pa.array(['y', 'w'], pa.large_string()), timestamp=[7, 3], value=[2, 4])
    log = ClickLog(tmp_path)
    assert (log.rows, log.invalid, log.newest, log.unknown) == (6, 2, 9, 4)
    found = log.on(pa.array(['v', 'y']))
    assert found.impression.tolist() == [1, 1]
    assert found.timestamp.tolist() == [9, 7]
    assert [str(value) for value in found.value] == ['nan', '2.0']
    assert log.unknown == 2
    log.on(pa.array(['x', 'y']))
    assert log.unknown == 1


def test_no_click(tmp_path):
    _write(tmp_path, request_id=pa.array([], pa.string()), timestamp=pa.array([], pa.int64()))
    log = ClickLog(tmp_path)
    assert (log.rows, log.newest, log.unknown) == (0, None, 0)
    assert [len(column) for column in log.on(pa.array(['a']))] == [0, 0, 0]


@pytest.mark.parametrize(
    'columns, message',
    [
        ({'request_id': ['a']}, "column 'timestamp' is missing"),
        ({'request_id': ['a'], 'timestamp': ['noon']}, "column 'timestamp' must be int64: Failed to parse"),
        ({'request_id': [['a']], 'timestamp': [1]}, "column 'request_id' must be string"),
        ({'request_id': ['a'], 'timestamp': [1], 'value': ['x']}, "column 'value' must be float"),
    ],
)
def test_files_that_are_refused(tmp_path, columns, message):
    _write(tmp_path, **columns)
    with pytest.raises(InputError, match=message):
        ClickLog(tmp_path)


def test_unreadable_and_absent_files(tmp_path):
    with pytest.raises(InputError, match='holds no Parquet file of clicks'):
        ClickLog(tmp_path)
    (tmp_path / 'x.parquet').write_bytes(b'no Parquet')
    with pytest.raises(InputError, match='cannot be read as Parquet'):
        ClickLog(tmp_path)
