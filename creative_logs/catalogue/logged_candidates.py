"""Reads from logs only what a catalogue is compared with: the candidates, and the weights of the rows."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from creative_logs.checks.check_logs import read_batches
from creative_logs.checks.conform import convert_column
from creative_logs.checks.rules import holds, invalid_utf8, mask
from creative_logs.errors import InputError
from creative_logs.log_files import split_files
from creative_logs.schema import SPLITS, WEIGHT, LogSchema


def read_candidates(root: str | Path, day: str, schema: LogSchema) -> Iterator[pa.RecordBatch]:
    """Yields the candidates of the components with content, of both splits of a day.

    Rows whose candidates or weight break the log schema are left out. The other columns are not read, so rows
    that are bad for another reason are not.

    Args:
        root: The folder of the logs.
        day: The day, YYYY-MM-DD.
        schema: The log schema.

    Returns:
        Batches of rows with the column `weight`, null where the log has none, and one column of candidates
        per component with content.

    Raises:
        InputError: A split or a column of candidates is missing, or a file cannot be read.
    """
    names = {WEIGHT, *(component.candidates for component in schema.with_content)}
    fields = [field for field in schema.arrow_schema() if field.name in names]
    for split in SPLITS:
        for file in split_files(root, day, split):
            for batch in read_batches(file, sorted(names)):
                rows = _conformed(batch, fields, str(file))
                yield rows.filter(pa.array(~_is_bad(rows)))


def _conformed(batch: pa.RecordBatch, fields: list[pa.Field], source: str) -> pa.RecordBatch:
    columns = []
    for field in fields:
        if field.name in batch.schema.names:
            columns.append(convert_column(batch.column(field.name), field, source))
        elif field.name == WEIGHT:
            columns.append(pa.nulls(batch.num_rows, field.type))
        else:
            raise InputError(
                f'{source}: column {field.name!r} is missing; write it or take it out of log_schema'
            )
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields))


def _is_bad(rows: pa.RecordBatch) -> np.ndarray:
    """True for rows that break a rule of these columns, bool[R]."""
    bad = np.zeros(rows.num_rows, bool)
    for field, column in zip(rows.schema, rows.columns):
        if field.name == WEIGHT:
            weights = pc.fill_null(column, 1).to_numpy(zero_copy_only=False)
            bad |= ~(np.isfinite(weights) & (weights > 0))
        else:
            bad |= mask(pc.is_null(column)) | invalid_utf8(column)
            bad |= holds(column, lambda ids: pc.fill_null(pc.equal(ids, ''), True))
    return bad
