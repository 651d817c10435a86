"""Joins decisions with clicks, day by day, into the logs that the pipeline reads."""

import datetime
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from creative_logs.atomic_write import new_folder
from creative_logs.errors import InputError
from creative_logs.log_files import list_days
from creative_logs.schema import CLICK, CLICK_VALUE, POLICY, REQUEST_ID, TEST, TIMESTAMP, TRAIN, WEIGHT
from serving.client.selection import UNIFORM
from serving.decisions.attribution import NONE, ClickCounts, attribute
from serving.decisions.clicks import ClickLog, Clicks

WRITTEN, THERE, WAITING = 'written', 'already there', 'waiting'
_DAY_MS = 86_400_000


@dataclass(frozen=True)
class JoinedDay:
    """One day of decisions.

    Attributes:
        day: The day, YYYY-MM-DD.
        state: WRITTEN, THERE or WAITING.
        impressions: The number of impressions.
        clicked: The number of impressions with a click.
        repeated: The number of decisions that were left out because an earlier decision of the day has the
            same request id.
    """

    day: str
    state: str
    impressions: int
    clicked: int
    repeated: int


@dataclass(frozen=True)
class JoinReport:
    """The result of a join; every click is in exactly one of the counts.

    Attributes:
        days: The days of decisions, oldest first.
        clicks: The counts of the clicks whose impression is known, over all days.
        unknown: The number of clicks without an impression.
        invalid: The number of clicks without a request id or time.
        until: The time up to which decisions and clicks are complete, in milliseconds since 1970.
    """

    days: tuple[JoinedDay, ...]
    clicks: ClickCounts
    unknown: int
    invalid: int
    until: int

    def to_json(self) -> dict:
        """The report as JSON numbers, strings, lists and mappings."""
        return asdict(self)


def join(
    decisions: str | Path,
    clicks: str | Path,
    out: str | Path,
    window_ms: int,
    until: int | None = None,
    uniform_train_share: float = 0.0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> JoinReport:
    """Writes `<out>/<day>/{train,test}` for every day of decisions whose click windows have all ended.

    Uniform decisions go to the test split, the others to the train split. Memory holds one day of decisions,
    the clicks on them, and one byte per click. Equal inputs give equal bytes. A day that is already in `out`
    is not written again.

    Args:
        decisions: The folder of a `DecisionLog`.
        clicks: The folder of the Parquet files of clicks; see `ClickLog`.
        out: The folder of the logs.
        window_ms: The click window in milliseconds: a click counts if it is not before its impression and
            less than this after it.
        until: The time up to which the inputs are complete, in milliseconds since 1970; if None, the newest
            time of both.
        uniform_train_share: The share of the uniform decisions that goes to the train split instead, chosen
            by a hash of the request id.
        progress: A function called with the number of finished days and the number of all days.

    Raises:
        InputError: An input is missing or broken, a split of a day would be empty, or `out` cannot be
            written. Days that were finished before stay written.
    """
    days = _days(decisions)
    log = ClickLog(clicks)
    if until is None:
        shown = pc.max(_read(Path(decisions) / days[-1], [TIMESTAMP])[TIMESTAMP]).as_py()
        until = max(time for time in (shown, log.newest) if time is not None)
    joined, counts = [], ClickCounts()
    for done, day in enumerate(days, start=1):
        found, of_day = _join_day(
            Path(decisions) / day, log, Path(out) / day, window_ms, until, uniform_train_share
        )
        joined.append(found)
        counts += of_day
        progress(done, len(days))
    return JoinReport(tuple(joined), counts, log.unknown, log.invalid, until)


def _join_day(
    source: Path, log: ClickLog, target: Path, window_ms: int, until: int, uniform_train_share: float
) -> tuple[JoinedDay, ClickCounts]:
    state = _state(source.name, target, window_ms, until)
    table, repeated = _once(_read(source, None if state == WRITTEN else [REQUEST_ID, TIMESTAMP]))
    clicks = log.on(table[REQUEST_ID].combine_chunks())
    found, counts = attribute(table[TIMESTAMP].to_numpy(), clicks.impression, clicks.timestamp, window_ms)
    if state == WRITTEN:
        _write(_with_clicks(table, found, clicks), source, target, uniform_train_share)
    return JoinedDay(source.name, state, table.num_rows, counts.attributed, repeated), counts


def _days(decisions: str | Path) -> list[str]:
    if not Path(decisions).is_dir():
        raise InputError(f'{decisions}: no such folder of decisions; name the folder of the decision log')
    # A writer that was killed may leave a folder without a finished file.
    days = [day for day in list_days(decisions) if any((Path(decisions) / day).glob('*.parquet'))]
    if not days:
        raise InputError(
            f'{decisions}: holds no Parquet file of decisions; name the folder of the decision log'
        )
    return days


def _state(day: str, target: Path, window_ms: int, until: int) -> str:
    if _end_of(day) + window_ms > until:
        return WAITING
    return THERE if target.exists() else WRITTEN


def _end_of(day: str) -> int:
    start = datetime.datetime.fromisoformat(day).replace(tzinfo=datetime.UTC)
    return int(start.timestamp() * 1000) + _DAY_MS


def _read(folder: Path, columns: list[str] | None) -> pa.Table:
    files = sorted(folder.glob('*.parquet'))
    try:
        table = pa.concat_tables([_read_file(file, columns) for file in files], promote_options='default')
    except pa.ArrowException as error:
        raise InputError(f'{folder}: the files are not those of one decision log: {error}') from error
    times = table[TIMESTAMP].to_numpy()
    end = _end_of(folder.name)
    outside = times[(times < end - _DAY_MS) | (times >= end)]
    if len(outside):
        raise InputError(
            f'{folder}: {TIMESTAMP} {outside[0]} is not of this day; move the row to the folder of its day'
        )
    return table


def _read_file(file: Path, columns: list[str] | None) -> pa.Table:
    try:
        names = pq.read_schema(file).names
        for name in (REQUEST_ID, TIMESTAMP, POLICY):
            if name not in names:
                raise InputError(f'{file}: column {name!r} is missing; is it a file of the decision log?')
        return pq.read_table(file, columns=columns, partitioning=None)
    except (pa.ArrowException, OSError) as error:
        reason = ' '.join(str(error).split())
        raise InputError(f'{file}: cannot be read as Parquet: {reason}; repair or remove it') from error


def _once(table: pa.Table) -> tuple[pa.Table, int]:
    """The first row of every request id, by time, and the number of rows left out."""
    table = table.sort_by([(TIMESTAMP, 'ascending'), (REQUEST_ID, 'ascending')])
    ids = table[REQUEST_ID].combine_chunks().dictionary_encode().indices.to_numpy()
    first = np.sort(np.unique(ids, return_index=True)[1])
    return table.take(first), table.num_rows - len(first)


def _with_clicks(table: pa.Table, found: np.ndarray, clicks: Clicks) -> pa.Table:
    clicked = found != NONE
    values = np.full(len(found), np.nan, np.float32)
    values[clicked] = clicks.value[found[clicked]]
    columns = {
        CLICK: pa.array(clicked.astype(np.int64)),
        WEIGHT: pa.repeat(pa.scalar(1.0, pa.float32()), len(found)),
        CLICK_VALUE: pa.array(values, from_pandas=True),
    }
    kept = table.drop_columns([name for name in columns if name in table.column_names])
    for name, column in columns.items():
        kept = kept.append_column(name, column)
    return kept


def _write(table: pa.Table, source: Path, target: Path, uniform_train_share: float) -> None:
    uniform = pc.fill_null(pc.equal(table[POLICY], UNIFORM), False).to_numpy()
    hashes = np.array([zlib.crc32(request_id.encode()) for request_id in table[REQUEST_ID].to_pylist()])
    tests = uniform & (hashes >= uniform_train_share * 2**32)
    if not tests.any():
        raise InputError(
            f'{source}: no decision for the test split, which takes those of policy {UNIFORM!r}; explore '
            'with a higher epsilon, or remove the day'
        )
    if tests.all():
        raise InputError(
            f'{source}: no decision for the train split, all are of policy {UNIFORM!r}; give the train split '
            'a share of them (--uniform-train-share), or remove the day'
        )
    with new_folder(target) as folder:
        for split, rows in ((TRAIN, ~tests), (TEST, tests)):
            (folder / split).mkdir()
            pq.write_table(table.filter(pa.array(rows)), folder / split / 'part-00000.parquet')
