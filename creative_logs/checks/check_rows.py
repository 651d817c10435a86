"""Separates the rows of a log that satisfy the schema from those that break it."""

from collections.abc import Callable, Iterable

import numpy as np
import pyarrow as pa

from creative_logs.checks.rules import Fault, faults, invalid_utf8
from creative_logs.schema import LogSchema

REASON = 'reason'
_GOT = ': got '
_LONGEST_VALUE = 120


def check(batch: pa.RecordBatch, schema: LogSchema) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """Splits the rows of a conformed batch of a log into good and bad ones.

    Null is allowed in context features other than the ad, in propensities, policy and model version.
    Lists longer than `schema.max_candidates` are allowed: the transform truncates them.

    Args:
        batch: The rows as `conform` returns them, R rows.
        schema: The log schema.

    Returns:
        As `separate`.
    """
    return separate(batch, lambda rows: faults(rows, schema))


def separate(
    batch: pa.RecordBatch, find_faults: Callable[[pa.RecordBatch], Iterable[Fault]]
) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """Splits rows into good and bad ones.

    Bad rows have the additional column `reason`: the first rule that the row breaks, with the column and
    the value, as in `click must be 0 or 1: got 2`. Bytes that are not UTF-8 are escaped in bad rows.

    Args:
        batch: R rows.
        find_faults: Returns the faults of a batch; it is called with a batch whose strings are valid UTF-8.

    Returns:
        The good rows, with the columns of `batch`, and the bad rows, with the column `reason` in addition.
    """
    bad = np.zeros(batch.num_rows, bool)
    reasons = np.full(batch.num_rows, None, object)
    batch = _note_invalid_utf8(batch, bad, reasons)
    for fault in find_faults(batch):
        _note(bad, reasons, fault.rows, fault.rule, fault.values)
    if not bad.any():
        return batch, _with_reason(batch.slice(0, 0), [])
    return batch.filter(pa.array(~bad)), _with_reason(batch.filter(pa.array(bad)), reasons[bad])


def rule_of(reason: str) -> str:
    """The rule in a reason given by `check`, without the value that broke it."""
    return reason.partition(_GOT)[0]


def _note_invalid_utf8(batch: pa.RecordBatch, bad: np.ndarray, reasons: np.ndarray) -> pa.RecordBatch:
    """Marks rows with bytes that are not UTF-8 as bad; returns the batch with those bytes escaped."""
    columns = []
    for name, column in zip(batch.schema.names, batch.columns):
        if _holds_strings(column.type):
            invalid = invalid_utf8(column)
            if invalid.any():
                column = _escape(column)
                _note(bad, reasons, invalid, f'{name} must be UTF-8', column)
        columns.append(column)
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def _holds_strings(column: pa.DataType) -> bool:
    return pa.types.is_string(column.value_type if pa.types.is_list(column) else column)


def _escape(array: pa.Array) -> pa.Array:
    if pa.types.is_list(array.type):
        offsets = np.concatenate([[0], np.cumsum(array.value_lengths().fill_null(0).to_numpy())])
        mask = array.is_null() if array.null_count else None
        return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), _escape(array.flatten()), mask=mask)
    values = array.view(pa.binary()).to_pylist()
    return pa.array([v if v is None else v.decode('utf-8', 'backslashreplace') for v in values], pa.string())


def _note(bad: np.ndarray, reasons: np.ndarray, rows: np.ndarray, rule: str, values: pa.Array) -> None:
    new = np.flatnonzero(rows & ~bad)
    if len(new):
        reasons[new] = [f'{rule}{_GOT}{_short(value)}' for value in values.take(pa.array(new)).to_pylist()]
        bad[new] = True


def _short(value: object) -> str:
    text = 'null' if value is None else repr(value)
    return text if len(text) <= _LONGEST_VALUE else f'{text[:_LONGEST_VALUE]}...'


def _with_reason(batch: pa.RecordBatch, reasons: list[str] | np.ndarray) -> pa.RecordBatch:
    return batch.append_column(REASON, pa.array(reasons, pa.string()))
