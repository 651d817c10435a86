import dataclasses
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from creative_logs.checks.check_logs import check_logs
from creative_logs.errors import InputError
from serving.decisions.attribution import ClickCounts
from serving.decisions.join import THERE, WAITING, WRITTEN, JoinedDay, join
from serving.decisions.log import DecisionLog
from tests.serving.decisions.examples import DAY, HOUR, NOON, REQUEST, SCHEMA, selection

NEXT_DAY = '2026-06-02'


def _decide(folder, *decisions):
    """Logs (request id, hours after NOON, policy)."""
    with DecisionLog(folder, SCHEMA) as log:
        for name, hours, policy in decisions:
            log.write(name, REQUEST, selection(policy), NOON + int(hours * HOUR))


def _click(folder, *clicks):
    """Writes (request id, hours after NOON)."""
    folder.mkdir(exist_ok=True)
    rows = [{'request_id': n, 'timestamp': NOON + int(h * HOUR), 'value': h} for n, h in clicks]
    pq.write_table(pa.Table.from_pylist(rows), folder / f'{len(list(folder.iterdir()))}.parquet')


@pytest.fixture
def folders(tmp_path):
    """Decisions of two days; clicks up to the end of the first day's windows."""
    decisions, clicks = tmp_path / 'decisions', tmp_path / 'clicks'
    _decide(decisions, ('a', 0, 'genco'), ('b', 1, 'uniform'), ('c', 2, 'genco'), ('next', 13, 'genco'))
    _click(
        clicks, ('a', 1), ('b', 0.5), ('c', 26), ('next', 14), ('a', 0.5), ('who', 3), ('b', 24), ('z', 36)
    )
    return decisions, clicks, tmp_path / 'logs'


def _rows(logs, day, split):
    return pq.read_table(logs / day / split, partitioning=None).to_pylist()


def test_days_splits_and_counts(folders):
    report = join(*folders, 24 * HOUR)
    assert report.days == (JoinedDay(DAY, WRITTEN, 3, 2, 0), JoinedDay(NEXT_DAY, WAITING, 1, 1, 0))
    assert report.clicks == ClickCounts(attributed=3, repeated=1, early=1, late=1)
    assert (report.unknown, report.invalid, report.until) == (2, 0, NOON + 36 * HOUR)
    train, test = (_rows(folders[2], DAY, split) for split in ('train', 'test'))
    found = [(row['request_id'], row['click'], row['click_value'], row['weight']) for row in train + test]
    assert found == [('a', 1, 0.5, 1.0), ('c', 0, None, 1.0), ('b', 1, 24.0, 1.0)]
    assert not (folders[2] / NEXT_DAY).exists()


def test_the_logs_are_those_that_the_pipeline_reads(folders):
    join(*folders, 24 * HOUR)
    report = check_logs(folders[2], SCHEMA)
    assert (report.rows, report.bad_rows) == (3, 0)


def test_until(folders):
    days = join(*folders, 24 * HOUR, until=NOON + 36 * HOUR - 1).days
    assert [day.state for day in days] == [WAITING, WAITING]
    decided = folders[0]
    _decide(decided, ('also', 13, 'uniform'))
    days = join(*folders, 24 * HOUR, until=NOON + 60 * HOUR).days
    assert [day.state for day in days] == [WRITTEN, WRITTEN]


def test_the_same_bytes_again(folders):
    join(*folders, 24 * HOUR)
    files = sorted(folders[2].rglob('*.parquet'))
    before = [file.read_bytes() for file in files]
    assert len(files) == 2
    again = join(*folders, 24 * HOUR)
    assert [day.state for day in again.days] == [THERE, WAITING]
    shutil.rmtree(folders[2])
    assert [day.state for day in join(*folders, 24 * HOUR).days] == [WRITTEN, WAITING]
    assert again.clicks == join(*folders, 24 * HOUR).clicks
    assert [file.read_bytes() for file in files] == before


def test_a_request_id_that_was_logged_twice(folders):
    _decide(folders[0], ('a', 3, 'genco'))
    assert join(*folders, 24 * HOUR).days[0] == JoinedDay(DAY, WRITTEN, 3, 2, 1)
    assert [row['request_id'] for row in _rows(folders[2], DAY, 'train')] == ['a', 'c']


def test_a_share_of_the_uniform_decisions_for_training(tmp_path):
    decisions, clicks = tmp_path / 'decisions', tmp_path / 'clicks'
    _decide(decisions, *((f'r{i}', 0, 'uniform') for i in range(200)))
    _click(clicks, ('r0', 40))
    with pytest.raises(InputError, match='no decision for the train split, all are of policy'):
        join(decisions, clicks, tmp_path / 'logs', HOUR)
    join(decisions, clicks, tmp_path / 'logs', HOUR, uniform_train_share=0.25)
    sizes = [len(_rows(tmp_path / 'logs', DAY, split)) for split in ('train', 'test')]
    assert sum(sizes) == 200 and 35 < sizes[0] < 65  # 2.4 standard deviations; a half or double is far off


def test_rows_come_by_time_whatever_the_order_of_the_log(tmp_path):
    decisions, clicks = tmp_path / 'decisions', tmp_path / 'clicks'
    _decide(decisions, ('c', 3, 'genco'), ('u', 0, 'uniform'), ('a', 1, 'genco'))
    _decide(decisions, ('d', 4, 'genco'), ('b', 2, 'genco'), ('c', 2.5, 'genco'))
    _click(clicks, ('a', 40))
    join(decisions, clicks, tmp_path / 'logs', HOUR)
    rows = _rows(tmp_path / 'logs', DAY, 'train')
    found = [(row['request_id'], (row['timestamp'] - NOON) / HOUR) for row in rows]
    assert found == [('a', 1), ('b', 2), ('c', 2.5), ('d', 4)]


def test_a_day_without_uniform_decisions(tmp_path):
    decisions, clicks = tmp_path / 'decisions', tmp_path / 'clicks'
    _decide(decisions, ('a', 0, 'genco'))
    _click(clicks, ('a', 40))
    with pytest.raises(InputError, match=f'{DAY}: no decision for the test split'):
        join(decisions, clicks, tmp_path / 'logs', HOUR)
    assert not list((tmp_path / 'logs').glob('*'))


def test_inputs_that_are_refused(folders, tmp_path):
    decisions, clicks, out = folders
    with pytest.raises(InputError, match='no such folder of decisions'):
        join(tmp_path / 'nowhere', clicks, out, HOUR)
    (decisions / DAY / 'x.parquet').write_bytes(b'no Parquet')
    with pytest.raises(InputError, match=r'x\.parquet: cannot be read as Parquet'):
        join(decisions, clicks, out, HOUR)
    (decisions / DAY / 'x.parquet').unlink()
    [file] = (decisions / NEXT_DAY).glob('*.parquet')
    file.rename(decisions / DAY / file.name)
    (decisions / NEXT_DAY).rmdir()
    with pytest.raises(InputError, match='is not of this day'):
        join(decisions, clicks, out, HOUR)
    (decisions / DAY / file.name).unlink()
    pq.write_table(pa.table({'a': [1]}), decisions / DAY / 'x.parquet')
    with pytest.raises(InputError, match=r'x\.parquet: column .* is missing'):
        join(decisions, clicks, out, HOUR)


def test_a_writer_that_was_killed_leaves_no_obstacle(folders, tmp_path):
    unfinished = folders[0] / '2026-05-31'
    unfinished.mkdir()
    (unfinished / '.1.parquet.tmp').write_bytes(b'half')
    assert [day.day for day in join(*folders, 24 * HOUR).days] == [DAY, NEXT_DAY]
    (tmp_path / 'none' / DAY).mkdir(parents=True)
    with pytest.raises(InputError, match='holds no Parquet file of decisions'):
        join(tmp_path / 'none', *folders[1:], HOUR)


def test_progress(folders):
    calls = []
    join(*folders, HOUR, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(1, 2), (2, 2)]


def test_report_is_plain(folders):
    report = join(*folders, 24 * HOUR)
    assert report.to_json() == dataclasses.asdict(report)
