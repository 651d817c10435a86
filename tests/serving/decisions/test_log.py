import errno
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pyarrow.parquet as pq
import pytest

from creative_logs.errors import InputError
from serving.decisions.log import DecisionLog
from serving.decisions.rows import file_schema
from tests.serving.decisions.examples import DAY, HOUR, NOON, REQUEST, SCHEMA, selection
from tests.serving.helpers import wait_until

FOREVER_S = 3600.0


def _files(directory):
    return sorted(directory.rglob('*.parquet'))


def _ids(directory):
    tables = [pq.read_table(file, partitioning=None) for file in _files(directory)]
    return sorted(name for table in tables for name in table['request_id'].to_pylist())


@pytest.fixture
def log(tmp_path):
    with DecisionLog(tmp_path / 'log', SCHEMA, max_rows=3, max_age_s=FOREVER_S) as log:
        yield log


def _write(log, *names, timestamp=NOON):
    for name in names:
        log.write(name, REQUEST, selection(), timestamp)


def test_a_full_file_is_written_before_the_next_row(log, tmp_path):
    _write(log, 'a', 'b', 'c')
    assert not _files(tmp_path)
    _write(log, 'd')
    assert _ids(tmp_path) == ['a', 'b', 'c']
    log.close()
    assert _ids(tmp_path) == ['a', 'b', 'c', 'd']
    [first, _] = _files(tmp_path)
    assert pq.read_schema(first).equals(file_schema(SCHEMA))
    assert first.parent == tmp_path / 'log' / DAY


def test_many_at_once(log, tmp_path):
    names = [f'{i}' for i in range(5)]
    log.write_many(names, [REQUEST] * 5, [selection()] * 5, NOON)
    assert not _files(tmp_path)
    with pytest.raises(InputError, match="decision 'bad': cannot be logged"):
        log.write_many(['x', 'bad'], [REQUEST] * 2, [selection(), selection(choices={})], NOON)
    log.close()
    assert _ids(tmp_path) == names


def test_old_rows_are_written(tmp_path):
    with DecisionLog(tmp_path, SCHEMA, max_age_s=0.01) as log:
        _write(log, 'a')
        wait_until(lambda: _files(tmp_path))
    assert _ids(tmp_path) == ['a']


def test_a_file_holds_one_day(log, tmp_path):
    _write(log, 'a', timestamp=NOON + 12 * HOUR)
    _write(log, 'b', timestamp=NOON)
    log.flush()
    assert [file.parent.name for file in _files(tmp_path)] == [DAY, '2026-06-02']


def test_the_time_is_now_unless_given(log, tmp_path):
    log.write('a', REQUEST, selection())
    log.flush()
    [file] = _files(tmp_path)
    [timestamp] = pq.read_table(file, partitioning=None)['timestamp'].to_pylist()
    assert abs(timestamp - file.stat().st_mtime_ns // 1_000_000) < HOUR


def test_threads_share_a_log(tmp_path):
    names = [f'{i:04}' for i in range(200)]
    with DecisionLog(tmp_path, SCHEMA, max_rows=7, max_age_s=0.01) as log, ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: _write(log, name), names))
    assert _ids(tmp_path) == names


def test_a_refused_row_leaves_no_trace(log, tmp_path):
    with pytest.raises(InputError, match='cannot be logged'):
        log.write('bad', REQUEST, selection(choices={}), NOON)
    _write(log, 'good')
    log.flush()
    assert _ids(tmp_path) == ['good']


def test_a_full_disk_loses_nothing_and_bounds_memory(log, tmp_path):
    _write(log, 'a', 'b', 'c')
    (tmp_path / 'log').write_text('in the way')
    for _ in range(2):
        with pytest.raises(InputError, match='cannot be written'):
            _write(log, 'd')
    (tmp_path / 'log').unlink()
    _write(log, 'd')
    log.close()
    assert _ids(tmp_path) == ['a', 'b', 'c', 'd']


def test_half_a_file_has_no_name_and_its_rows_are_kept(log, tmp_path, monkeypatch):
    def half(_, file):
        file.write(b'PAR1')
        raise OSError(errno.ENOSPC, 'full')

    with monkeypatch.context() as patch:
        patch.setattr(pq, 'write_table', half)
        _write(log, 'a')
        with pytest.raises(InputError, match='cannot be written: No space left on device'):
            log.flush()
    assert not _files(tmp_path)
    log.flush()
    assert _ids(tmp_path) == ['a']


def test_a_failure_in_the_background_is_told_and_tried_again(tmp_path, caplog):
    (tmp_path / 'log').write_text('in the way')
    with DecisionLog(tmp_path / 'log', SCHEMA, max_age_s=0.01) as log:
        _write(log, 'a')
        wait_until(lambda: 'decisions stay in memory' in caplog.text)
        (tmp_path / 'log').unlink()
        wait_until(lambda: _files(tmp_path))


def test_a_closed_log_takes_no_more(tmp_path):
    log = DecisionLog(tmp_path, SCHEMA)
    log.close()
    log.close()
    with pytest.raises(ValueError, match='closed'):
        _write(log, 'a')
    assert log._by_age not in threading.enumerate()


def test_a_crash_leaves_whole_files_only(tmp_path):
    code = (
        'import sys\n'
        'from serving.decisions.log import DecisionLog\n'
        'from tests.serving.decisions.examples import NOON, REQUEST, SCHEMA, selection\n'
        f'log = DecisionLog({str(tmp_path)!r}, SCHEMA, max_rows=5)\n'
        'assert "tensorflow" not in sys.modules\n'
        'for i in range(10**9):\n'
        '    log.write(str(i), REQUEST, selection(), NOON)\n'
    )
    writer = subprocess.Popen([sys.executable, '-c', code])
    try:
        wait_until(lambda: len(_files(tmp_path)) >= 5 or writer.poll() is not None)
    finally:
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
    files = _files(tmp_path)
    assert len(files) >= 5
    assert sorted(map(int, _ids(tmp_path))) == list(range(5 * len(files)))
