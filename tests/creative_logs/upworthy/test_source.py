import datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from creative_logs.errors import InputError
from creative_logs.upworthy.source import COLUMNS, month_of_week, read_packages
from tests.creative_logs.upworthy.helpers import NAMES, PACKAGES, write_csv


def changed(row: int, column: str, value) -> list[tuple]:
    packages = [list(package) for package in PACKAGES]
    packages[row][NAMES.index(column)] = value
    return [tuple(package) for package in packages]


def test_tests_that_cannot_be_learned_from_are_left_out(tmp_path):
    table = read_packages(write_csv(tmp_path / 'p.csv'))
    assert table.schema.types == list(COLUMNS.values())
    assert set(table['clickability_test_id'].to_pylist()) == {'test1', 'test2'}
    assert table['headline'].to_pylist() == ['One, "two"\nthree', 'Four', 'Four', 'Four', 'A', 'B']


@pytest.mark.parametrize(
    ('week', 'kept'),
    [(201324, True), (201325, False), (201352, False), (201400, False), (201401, False), (201402, True)],
)
def test_the_imbalance_window_is_left_out(tmp_path, week, kept):
    packages = [(test, week if test == 'test1' else at, *rest) for test, at, *rest in PACKAGES]
    table = read_packages(write_csv(tmp_path / 'p.csv', packages))
    assert ('test1' in table['clickability_test_id'].to_pylist()) == kept


def test_an_empty_text_is_no_text(tmp_path):
    table = pa.table({name: [row[i] for row in changed(1, 'excerpt', '')] for i, name in enumerate(NAMES)})
    pq.write_table(table, tmp_path / 'p.parquet')
    assert read_packages(tmp_path / 'p.parquet')['excerpt'].to_pylist()[:3] == ['ex', None, None]


@given(st.dates(datetime.date(2013, 1, 1), datetime.date(2016, 12, 31)))
def test_the_month_is_that_of_the_first_day_of_the_week_within_the_year(day):
    week = int(day.strftime('%Y%U'))
    first = day
    while (first - datetime.timedelta(days=1)).strftime('%Y%U') == day.strftime('%Y%U'):
        first -= datetime.timedelta(days=1)
    assert month_of_week(week) == first.replace(day=1)


@pytest.mark.parametrize(
    ('packages', 'message'),
    [
        (changed(3, 'clicks', 102), 'row 3: clicks must be between 0 and impressions, got 102'),
        (changed(2, 'clicks', -1), 'row 2: clicks must be between 0 and impressions, got -1'),
        (changed(0, 'impressions', -5), 'row 0: impressions must be at least 0, got -5'),
        (changed(1, 'impressions', None), 'row 1: impressions must not be null'),
        (changed(1, 'clickability_test_id', None), 'row 1: clickability_test_id must not be null'),
        (changed(1, 'clicks', 'many'), 'cannot be read'),
        (
            changed(4, 'test_week', 201360),
            'row 4: test_week must be a year and a week, as in 201446, got 201360',
        ),
        (changed(4, 'test_week', 46), 'row 4: test_week must be a year'),
        (PACKAGES[5:6], 'holds no test with two packages'),
        ([], 'holds no test with two packages'),
    ],
)
def test_impossible_packages_are_named(tmp_path, packages, message):
    with pytest.raises(InputError, match=message) as error:
        read_packages(write_csv(tmp_path / 'p.csv', packages))
    assert str(error.value).startswith(f'{tmp_path}/p.csv: ')
    assert '\n' not in str(error.value)


@pytest.mark.parametrize('column', NAMES)
def test_a_missing_column_is_named(tmp_path, column):
    names = [name if name != column else 'other' for name in NAMES]
    with pytest.raises(InputError, match=f'p.csv: column {column!r} is missing'):
        read_packages(write_csv(tmp_path / 'p.csv', names=names))


def test_files_that_cannot_be_read_are_named(tmp_path):
    (tmp_path / 'text.parquet').write_text('no Parquet')
    (tmp_path / 'bytes.csv').write_bytes(b'headline,clicks\n"\xff\xfe",1\n')
    (tmp_path / 'empty.csv').write_bytes(b'')
    for name, message in (
        ('none.csv', 'no such file'),
        ('text.parquet', 'cannot be read'),
        ('empty.csv', 'cannot'),
    ):
        with pytest.raises(InputError, match=f'{name}: {message}'):
            read_packages(tmp_path / name)
    with pytest.raises(InputError, match='bytes.csv: '):
        read_packages(tmp_path / 'bytes.csv')
    pq.write_table(pa.table({**{n: pa.array(['x']) for n in NAMES}}), tmp_path / 'types.parquet')
    with pytest.raises(InputError, match='types.parquet: cannot be read'):
        read_packages(tmp_path / 'types.parquet')
