"""Clicks in Parquet files: one row per click, with the request id of the impression and the time."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from creative_logs.checks.check_logs import read_batches
from creative_logs.errors import InputError
from creative_logs.schema import REQUEST_ID, TIMESTAMP

_VALUE = 'value'


class Clicks(NamedTuple):
    """C clicks on R impressions.

    Attributes:
        impression: The impression (0 to R - 1) of each click, int64 [C].
        timestamp: The time of each click in milliseconds since 1970, int64 [C].
        value: The value of each click, float32 [C].
    """

    impression: np.ndarray
    timestamp: np.ndarray
    value: np.ndarray


class ClickLog:
    """All `*.parquet` files under a folder, read batch by batch.

    The columns are `request_id` (string), `timestamp` (integer, milliseconds since 1970) and optionally
    `value` (a number); other columns are not read. A row is invalid if its request id or timestamp is null.

    Args:
        folder: The folder of the files.

    Attributes:
        rows: The number of rows.
        invalid: The number of invalid rows.
        newest: The largest timestamp, or None.

    Raises:
        InputError: There is no file, or a file cannot be read or lacks a column.
    """

    def __init__(self, folder: str | Path):
        self._files = sorted(Path(folder).rglob('*.parquet'))
        if not self._files:
            raise InputError(f'{folder}: holds no Parquet file of clicks; name the folder of the clicks')
        self.rows = self.invalid = 0
        self.newest: int | None = None
        for batch in self._batches():
            self.rows += batch.num_rows
            self.invalid += batch.num_rows - _valid(batch).num_rows
            times = [pc.max(batch[TIMESTAMP]).as_py(), self.newest]
            self.newest = max((time for time in times if time is not None), default=None)
        self._known = np.zeros(self.rows - self.invalid, bool)

    @property
    def unknown(self) -> int:
        """The number of valid clicks whose request id has not been passed to `on` so far."""
        return int((~self._known).sum())

    def on(self, request_ids: pa.Array) -> Clicks:
        """Finds the clicks on R impressions, in the order of the files, regardless of their time."""
        found, start = [[np.empty(0, kind) for kind in (np.int64, np.int64, np.float32)]], 0
        for batch in map(_valid, self._batches()):
            impression = pc.index_in(batch[REQUEST_ID], request_ids)
            matched = impression.is_valid().to_numpy(zero_copy_only=False)
            self._known[start : start + len(matched)] |= matched
            start += len(matched)
            rows = [impression.cast(pa.int64()), batch[TIMESTAMP], batch[_VALUE]]
            found.append([column.filter(pa.array(matched)).to_numpy(zero_copy_only=False) for column in rows])
        return Clicks(*(np.concatenate(columns) for columns in zip(*found)))

    def _batches(self) -> Iterator[pa.RecordBatch]:
        for file in self._files:
            for batch in read_batches(file):
                yield _conform(batch, file)


def _conform(batch: pa.RecordBatch, file: Path) -> pa.RecordBatch:
    columns = {}
    for name, kind in ((REQUEST_ID, pa.string()), (TIMESTAMP, pa.int64()), (_VALUE, pa.float32())):
        if name == _VALUE and name not in batch.schema.names:
            columns[name] = pa.nulls(batch.num_rows, kind)
            continue
        if name not in batch.schema.names:
            raise InputError(f'{file}: column {name!r} is missing; clicks need {REQUEST_ID} and {TIMESTAMP}')
        try:
            options = pc.CastOptions(kind, allow_float_truncate=kind == pa.float32())
            columns[name] = pc.cast(batch[name], options=options)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            reason = ' '.join(str(error).split())
            raise InputError(f'{file}: column {name!r} must be {kind}: {reason}; convert it') from error
    return pa.RecordBatch.from_pydict(columns)


def _valid(batch: pa.RecordBatch) -> pa.RecordBatch:
    return batch.filter(pc.and_(batch[REQUEST_ID].is_valid(), batch[TIMESTAMP].is_valid()))
