"""Reads the packages of the Upworthy Research Archive, from its CSV or from Parquet."""

import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from creative_logs.errors import InputError

TEST = 'clickability_test_id'
WEEK = 'test_week'
COLUMNS = {
    TEST: pa.string(),
    WEEK: pa.int64(),
    'headline': pa.string(),
    'eyecatcher_id': pa.string(),
    'excerpt': pa.string(),
    'lede': pa.string(),
    'impressions': pa.int64(),
    'clicks': pa.int64(),
}
# According to the archive's authors, viewers were probably not assigned at random in these weeks.
IMBALANCE_WEEKS = frozenset([*range(201325, 201353), 201400, 201401])


def read_packages(source: str | Path) -> pa.Table:
    """Reads the usable tests: one row per package, with the columns COLUMNS, in the order of the file.

    Tests from the imbalance weeks and tests with a single package are left out.

    Raises:
        InputError: The file cannot be read, a column is missing or has another type, or a count or a week
            is impossible.
    """
    source = Path(source)
    if not source.is_file():
        raise InputError(f'{source}: no such file; give the archive of packages, CSV or Parquet')
    try:
        table = _read_csv(source) if source.suffix == '.csv' else pq.read_table(source)
        missing = [name for name in COLUMNS if name not in table.column_names]
        if missing:
            raise InputError(f'{source}: column {missing[0]!r} is missing; the archive has it')
        table = table.select(list(COLUMNS)).cast(pa.schema(COLUMNS))
    except (pa.ArrowException, OSError) as error:
        raise InputError(f'{source}: cannot be read: {" ".join(str(error).split())}') from error
    _check(table, source)
    table = _empty_to_null(table)
    kept = pc.invert(pc.is_in(table[WEEK], pa.array(IMBALANCE_WEEKS, pa.int64())))
    table = table.filter(kept)
    counts = table.group_by(TEST).aggregate([(TEST, 'count')])
    several = counts.filter(pc.greater(counts[f'{TEST}_count'], 1))[TEST]
    table = table.filter(pc.is_in(table[TEST], several)).combine_chunks()
    if table.num_rows == 0:
        raise InputError(f'{source}: holds no test with two packages outside the imbalance window')
    return table


def month_of_week(week: int) -> datetime.date:
    """The first day of the month in which a week (year and %U, as in 201446) begins, within its year."""
    year, number = divmod(week, 100)
    january = datetime.date(year, 1, 1)
    first_sunday = january + datetime.timedelta(days=(6 - january.weekday()) % 7)
    begin = max(january, first_sunday + datetime.timedelta(weeks=number - 1))
    return begin.replace(day=1)


def _read_csv(source: Path) -> pa.Table:
    return pyarrow.csv.read_csv(
        source,
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=COLUMNS, null_values=[''], strings_can_be_null=True
        ),
    )


def _empty_to_null(table: pa.Table) -> pa.Table:
    columns = []
    for column in table.columns:
        if pa.types.is_string(column.type):
            column = pc.if_else(pc.equal(column, ''), None, column)
        columns.append(column)
    return pa.table(columns, schema=table.schema)


def _check(table: pa.Table, source: Path) -> None:
    for name in (TEST, WEEK, 'impressions', 'clicks'):
        if table[name].null_count:
            raise InputError(f'{source}: row {_first(pc.is_null(table[name]))}: {name} must not be null')
    impressions, clicks, weeks = (table[name].to_numpy() for name in ('impressions', 'clicks', WEEK))
    year, week = weeks // 100, weeks % 100
    for wrong, name, rule in (
        (impressions < 0, 'impressions', 'must be at least 0'),
        ((clicks < 0) | (clicks > impressions), 'clicks', 'must be between 0 and impressions'),
        ((year < 1970) | (year > 2999) | (week > 53), WEEK, 'must be a year and a week, as in 201446'),
    ):
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise InputError(f'{source}: row {row}: {name} {rule}, got {table[name][row]}')


def _first(mask: pa.ChunkedArray) -> int:
    return pc.index(mask, True).as_py()
