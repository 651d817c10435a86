"""The decision log: what was shown, in Parquet files that appear only when they are complete."""

import logging
import os
import threading
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from creative_logs.atomic_write import writing
from creative_logs.errors import InputError
from creative_logs.schema import TIMESTAMP, LogSchema
from serving.client.request import SelectRequest
from serving.client.selection import Selection
from serving.decisions.rows import day_of, decision_rows, file_schema

_log = logging.getLogger(__name__)


class DecisionLog:
    """Writes decisions to `<directory>/<YYYY-MM-DD>/*.parquet`, the day in UTC. Threads may share a log.

    Rows are kept in memory, at most `max_rows` or the rows of one call, and are written when the limit is
    reached, after `max_age_s`, or at the end. A file is written under a temporary name and renamed, so a
    crash loses the rows in memory but never leaves half a file. Several processes may write to one directory.

    Args:
        directory: The directory, which is created if it does not exist.
        schema: The schema of the logs.
        max_rows: The largest number of rows in one file and in memory.
        max_age_s: The longest time that a row stays only in memory, in seconds.

    Example:
        with DecisionLog('decisions', schema) as log:
            selection = client.select(request, Exploration(temperature=1.0, epsilon=0.05))
            log.write('request-1', request, selection)
    """

    def __init__(
        self, directory: str | Path, schema: LogSchema, max_rows: int = 10_000, max_age_s: float = 60.0
    ):
        self._directory = Path(directory)
        self._schema = schema
        self._file_schema = file_schema(schema)
        self._max_rows = max_rows
        self._max_age_s = max_age_s
        self._lock = threading.Lock()
        self._rows: dict[str, list[dict]] = {}
        self._closed = threading.Event()
        self._by_age = threading.Thread(target=self._write_by_age, name='decision-log', daemon=True)
        self._by_age.start()

    def __enter__(self) -> 'DecisionLog':
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def write(
        self, request_id: str, request: SelectRequest, selection: Selection, timestamp: int | None = None
    ) -> None:
        """Logs one decision; see `write_many`, which costs much less per decision."""
        self.write_many([request_id], [request], [selection], timestamp)

    def write_many(
        self,
        request_ids: Sequence[str],
        requests: Sequence[SelectRequest],
        selections: Sequence[Selection],
        timestamp: int | None = None,
    ) -> None:
        """Logs R decisions, all or none; writes the rows in memory first if they reach the limit.

        Args:
            request_ids: The unique ids of the impressions [R], which their clicks must carry too.
            requests: The requests that were answered [R].
            selections: The answers as they are shown [R].
            timestamp: The time of the impressions, in milliseconds since 1970; the current time if None.

        Raises:
            InputError: A row would break the schema of the logs, or the rows in memory reached the limit and
                cannot be written.
            ValueError: The log is closed, or the three sequences differ in length.
        """
        timestamp = time.time_ns() // 1_000_000 if timestamp is None else timestamp
        rows = decision_rows(self._schema, request_ids, timestamp, requests, selections)
        with self._lock:
            if self._closed.is_set():
                raise ValueError('the decision log is closed')
            kept = sum(map(len, self._rows.values()))
            if kept and kept + len(rows) > self._max_rows:
                self._write_files()
            self._rows.setdefault(day_of(timestamp), []).extend(rows)

    def flush(self) -> None:
        """Writes the rows in memory; on failure, raises InputError and keeps them."""
        with self._lock:
            self._write_files()

    def close(self) -> None:
        """Writes the rows in memory and accepts no more; raises like `flush`."""
        self._closed.set()
        self._by_age.join()
        self.flush()

    def _write_by_age(self) -> None:
        while not self._closed.wait(self._max_age_s):
            try:
                self.flush()
            except InputError as error:
                _log.warning('decisions stay in memory: %s', error)

    def _write_files(self) -> None:
        while self._rows:
            day = min(self._rows)
            self._write_file(self._directory / day, self._rows[day])
            del self._rows[day]

    def _write_file(self, folder: Path, rows: list[dict]) -> None:
        name = f'{rows[0][TIMESTAMP]}-{uuid.uuid4().hex}.parquet'
        temporary = folder / f'.{name}.tmp'
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            with open(temporary, 'wb') as file:
                pq.write_table(pa.Table.from_pylist(rows, self._file_schema), file)
                file.flush()
                os.fsync(file.fileno())
            temporary.rename(folder / name)
