import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from creative_logs.checks.check_logs import check_logs
from creative_logs.errors import InputError
from tests.creative_logs.examples import SCHEMA, batch_of, good_row, write_logs

DAYS = ('2024-01-01', '2024-01-02')


def mixed_rows() -> list[dict]:
    """100 rows, of which 3 have a wrong click and 1 a wrong weight."""
    rows = [good_row(request_id=f'r{i}') for i in range(100)]
    for i in (10, 20, 30):
        rows[i]['click'] = i
    rows[40]['weight'] = 0.0
    return rows


def test_rows_and_reasons_are_counted_per_day_and_split(tmp_path):
    report = check_logs(write_logs(tmp_path, mixed_rows(), DAYS), SCHEMA)
    assert (report.rows, report.bad_rows) == (400, 16)
    assert [(s.day, s.split) for s in report.splits] == [(d, s) for d in DAYS for s in ('train', 'test')]
    for split in report.splits:
        assert (split.rows, split.bad_rows) == (100, 4)
        click, weight = split.rules
        assert (click.rule, click.rows) == ('click must be 0 or 1', 3)
        assert (weight.rule, weight.rows) == ('weight must be finite and above 0', 1)
        assert click.example['request_id'] == 'r10'
        assert click.example['reason'] == 'click must be 0 or 1: got 10'
        assert click.file.endswith(f'{split.day}/{split.split}/part-0.parquet')


def test_a_report_is_json_even_where_the_example_is_not(tmp_path):
    logs = write_logs(tmp_path, [good_row(price=float('nan')), good_row()])
    report = check_logs(logs, SCHEMA)
    figures = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert figures['bad_rows'] == 2
    assert figures['splits'][0]['rules'][0]['example']['price'] == 'nan'


def test_too_many_bad_rows_of_a_day_are_refused_with_file_rule_and_example(tmp_path):
    logs = write_logs(tmp_path, mixed_rows(), DAYS)
    report = check_logs(logs, SCHEMA)
    report.refuse_above(0.04)
    with pytest.raises(InputError) as error:
        report.refuse_above(0.039)
    message = str(error.value)
    assert message.startswith(f'{logs}/2024-01-01/train/part-0.parquet: 8 of 200 rows of day 2024-01-01')
    assert "click must be 0 or 1: got 10, as in the row with request_id 'r10'" in message
    assert '\n' not in message


def test_bad_rows_are_quarantined_with_their_reason(tmp_path):
    logs = write_logs(tmp_path / 'logs', mixed_rows())
    check_logs(logs, SCHEMA, quarantine=tmp_path / 'bad')
    written = pq.read_table(tmp_path / 'bad' / '2024-01-01' / 'test' / 'part-0.parquet')
    assert written['request_id'].to_pylist() == ['r10', 'r20', 'r30', 'r40']
    assert written['reason'].to_pylist()[3] == 'weight must be finite and above 0: got 0.0'
    assert not list(tmp_path.rglob('*.tmp'))


def test_good_logs_leave_no_quarantine_and_remove_a_stale_one(tmp_path):
    bad = write_logs(tmp_path / 'bad', [good_row(click=5), good_row()])
    check_logs(bad, SCHEMA, quarantine=tmp_path / 'quarantine')
    good = write_logs(tmp_path / 'good', [good_row()])
    check_logs(good, SCHEMA, quarantine=tmp_path / 'quarantine')
    assert not list((tmp_path / 'quarantine').rglob('*.parquet'))


def test_a_quarantine_that_cannot_be_written_is_named(tmp_path):
    logs = write_logs(tmp_path / 'logs', mixed_rows())
    (tmp_path / 'file').touch()
    with pytest.raises(InputError, match='file/2024-01-01/train/part-0.parquet: cannot be written: Not a'):
        check_logs(logs, SCHEMA, quarantine=tmp_path / 'file')


def test_only_the_days_asked_for_are_read(tmp_path):
    logs = write_logs(tmp_path, [good_row()], DAYS)
    (logs / '2024-01-01' / 'test' / 'part-0.parquet').write_bytes(b'not read')
    report = check_logs(logs, SCHEMA, days=['2024-01-02'])
    assert {s.day for s in report.splits} == {'2024-01-02'}
    with pytest.raises(InputError, match='holds no day 2024-01-03; there are 2024-01-01 to 2024-01-02'):
        check_logs(logs, SCHEMA, days=['2024-01-03'])


def test_progress_counts_days(tmp_path):
    seen = []
    check_logs(write_logs(tmp_path, [good_row()], DAYS), SCHEMA, progress=lambda *done: seen.append(done))
    assert seen == [(1, 2), (2, 2)]


def test_a_day_without_a_test_split_is_an_error(tmp_path):
    logs = write_logs(tmp_path, [good_row()], splits=('train',))
    with pytest.raises(InputError, match='2024-01-01 has no test split'):
        check_logs(logs, SCHEMA)


def test_a_split_without_rows_is_an_error(tmp_path):
    logs = write_logs(tmp_path, [])
    with pytest.raises(InputError, match='the files hold no row'):
        check_logs(logs, SCHEMA)


@pytest.mark.parametrize('damage', ['empty', 'text', 'cut off', 'overwritten'])
def test_a_damaged_file_is_named(tmp_path, damage):
    logs = write_logs(tmp_path, mixed_rows())
    file = logs / '2024-01-01' / 'train' / 'part-0.parquet'
    whole = file.read_bytes()
    middle = len(whole) // 4
    file.write_bytes(
        {
            'empty': b'',
            'text': b'hello, world',
            'cut off': whole[:-100],
            'overwritten': whole[:4] + b'\xff' * middle + whole[4 + middle :],
        }[damage]
    )
    with pytest.raises(InputError, match='part-0.parquet: cannot be read as Parquet'):
        check_logs(logs, SCHEMA)


def test_several_row_groups_and_files_are_one_split(tmp_path):
    logs = write_logs(tmp_path, [good_row(click=8)])
    table = pa.Table.from_batches([batch_of(*mixed_rows())])
    pq.write_table(table, logs / '2024-01-01' / 'train' / 'part-1.parquet', row_group_size=7)
    report = check_logs(logs, SCHEMA)
    assert (report.splits[0].rows, report.splits[0].bad_rows) == (101, 5)
    click = report.splits[0].rules[0]
    assert (click.rows, click.example['click'], click.file[-14:]) == (4, 8, 'part-0.parquet')
