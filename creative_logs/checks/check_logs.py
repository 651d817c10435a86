"""Checks whole logs: their folders, their files and every row."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from creative_logs.atomic_write import writing
from creative_logs.checks.bad_row_counts import RuleCount, Tally
from creative_logs.checks.check_rows import check
from creative_logs.checks.conform import conform
from creative_logs.errors import InputError
from creative_logs.log_files import list_days, split_files
from creative_logs.schema import SPLITS, LogSchema

__all__ = ['LogReport', 'SplitReport', 'check', 'check_logs', 'conform', 'list_days', 'read_batches']

_BATCH_ROWS = 1 << 16


@dataclass(frozen=True)
class SplitReport:
    """The result for one split of one day; the broken rules are listed most frequent first."""

    day: str
    split: str
    rows: int
    bad_rows: int
    rules: tuple[RuleCount, ...]


@dataclass(frozen=True)
class LogReport:
    """The results for all splits of all days that were checked."""

    splits: tuple[SplitReport, ...]

    @property
    def rows(self) -> int:
        return sum(split.rows for split in self.splits)

    @property
    def bad_rows(self) -> int:
        return sum(split.bad_rows for split in self.splits)

    def refuse_above(self, max_bad_share: float) -> None:
        """Raises an error if a day has too many bad rows.

        Args:
            max_bad_share: The largest allowed share of bad rows in a day, both splits together.

        Raises:
            InputError: A day exceeds the share; the message describes the first such day.
        """
        days: dict[str, Tally] = {}
        for split in self.splits:
            counted = Tally(split.rows, split.bad_rows, {count.rule: count for count in split.rules})
            days.setdefault(split.day, Tally()).merge(counted)
        for day, total in days.items():
            total.refuse_above(max_bad_share, day)

    def to_json(self) -> dict:
        """The report as plain numbers, strings, lists and mappings."""
        return {'rows': self.rows, 'bad_rows': self.bad_rows, **asdict(self)}


def check_logs(
    root: str | Path,
    schema: LogSchema,
    quarantine: str | Path | None = None,
    days: Sequence[str] | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
    use_good_rows: Callable[[pa.RecordBatch], None] | None = None,
) -> LogReport:
    """Checks logs row by row; memory use does not depend on the number of rows.

    Args:
        root: The folder of the logs.
        schema: The log schema that every row must satisfy.
        quarantine: The folder for bad rows, written with their reasons to
            `<quarantine>/<day>/<split>/<file>`. If None, they are only counted.
        days: The days to check. If None, all days are checked.
        progress: Called with the number of days checked and the number of all days to check.
        use_good_rows: Called with the good rows of each batch, which have the columns of the schema.

    Returns:
        The number of rows and of bad rows per day, split and rule.

    Raises:
        InputError: A folder, split or column is missing, a file cannot be read, or `quarantine` cannot be
            written. Rows that were quarantined before the error are kept.
    """
    known = list_days(root)
    days = known if days is None else days
    splits = []
    for done, day in enumerate(days, start=1):
        if day not in known:
            raise InputError(f'{root}: holds no day {day}; there are {known[0]} to {known[-1]}')
        for split in SPLITS:
            bad_rows = Path(quarantine) / day / split if quarantine is not None else None
            tally = Tally()
            for file in split_files(root, day, split):
                _check_file(file, schema, tally, bad_rows, use_good_rows)
            if tally.rows == 0:
                folder = Path(root) / day / split
                raise InputError(f'{folder}: the files hold no row; remove day {day} or write it')
            splits.append(SplitReport(day, split, tally.rows, tally.bad_rows, tally.by_rows()))
        progress(done, len(days))
    return LogReport(tuple(splits))


def read_batches(file: Path, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """Yields the record batches of a Parquet file, one row group at a time.

    Args:
        file: The file.
        columns: The columns to read; those that the file lacks are left out. If None, all are read.

    Raises:
        InputError: The file cannot be read.
    """
    try:
        with pq.ParquetFile(file) as parquet:
            yield from parquet.iter_batches(_BATCH_ROWS, columns=columns)
    except (pa.ArrowException, OSError) as error:
        message = ' '.join(str(error).split())
        message = f'{file}: cannot be read as Parquet: {message}; write it again or remove it'
        raise InputError(message) from error


def _check_file(
    file: Path,
    schema: LogSchema,
    tally: Tally,
    quarantine: Path | None,
    use_good_rows: Callable[[pa.RecordBatch], None] | None,
) -> None:
    with closing(_Quarantine(quarantine / file.name if quarantine else None)) as bad_rows:
        for batch in read_batches(file):
            conformed = conform(batch, schema, str(file))
            good, bad = check(conformed, schema)
            if use_good_rows is not None:
                use_good_rows(good)
            tally.add(batch.num_rows, bad, str(file))
            bad_rows.write(bad)


class _Quarantine:
    """A Parquet file of bad rows. It is created only if there are any, and appears only when complete."""

    def __init__(self, path: Path | None):
        self._path = path
        self._writer: Any = None
        if path is not None:
            self._temporary = path.with_name(f'{path.name}.tmp')
            with writing(path):
                path.unlink(missing_ok=True)

    def write(self, bad: pa.RecordBatch) -> None:
        if self._path is None or bad.num_rows == 0:
            return
        with writing(self._path):
            if self._writer is None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._writer = pq.ParquetWriter(self._temporary, bad.schema)
            self._writer.write_batch(bad)

    def close(self) -> None:
        if self._path is not None and self._writer is not None:
            with writing(self._path):
                self._writer.close()
                self._temporary.rename(self._path)
