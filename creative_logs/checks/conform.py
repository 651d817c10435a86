"""Converts the columns of a log file to the names, types and order of the schema."""

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from creative_logs.errors import InputError
from creative_logs.schema import WEIGHT, LogSchema


def conform(batch: pa.RecordBatch, schema: LogSchema, source: str) -> pa.RecordBatch:
    """Returns `batch` with exactly the columns of `schema.arrow_schema()`.

    Types are converted where nothing but float precision is lost: small integers and booleans to int64,
    integers and doubles to float32, dictionaries, large strings and binary to string. Bytes that are not
    UTF-8 are kept: `check` finds them row by row. Absent optional columns are filled with 1 (weight) or
    null. Texts of components configured without text, and the columns that only logs of served decisions
    have (`LogSchema.decision_schema`), are dropped.

    Args:
        batch: The rows of a log file, R rows.
        schema: The log schema.
        source: The name of the file, for messages.

    Returns:
        The R rows with the columns of the schema, in its order.

    Raises:
        InputError: A column is unknown, repeated or missing, or its type cannot be converted.
    """
    target = schema.arrow_schema()
    _check_names(batch.schema.names, schema, target, source)
    columns = []
    for field in target:
        if field.name in batch.schema.names:
            columns.append(convert_column(batch.column(field.name), field, source))
        else:
            columns.append(_default(field, batch.num_rows))
    return pa.RecordBatch.from_arrays(columns, schema=target)


def _check_names(names: list[str], schema: LogSchema, target: pa.Schema, source: str) -> None:
    unread = {c.texts for c in schema.components} | set(schema.decision_schema().names)
    for name in names:
        if names.count(name) > 1:
            raise InputError(f'{source}: column {name!r} is there {names.count(name)} times; keep one')
        if name not in target.names and name not in unread:
            raise InputError(
                f'{source}: column {name!r} is unknown; name it in log_schema or drop it from the log'
            )
    for name in target.names:
        if name not in names and name not in schema.optional_columns():
            raise InputError(f'{source}: column {name!r} is missing; write it or take it out of log_schema')


def _default(field: pa.Field, rows: int) -> pa.Array:
    if field.name == WEIGHT:
        return pa.repeat(pa.scalar(1.0, field.type), rows)
    return pa.nulls(rows, field.type)


def convert_column(array: pa.Array, field: pa.Field, source: str) -> pa.Array:
    """Converts a column to the type of `field` where nothing but float precision is lost.

    Args:
        array: The values, [R].
        field: The name and the wanted type.
        source: The name of the file, for messages.

    Raises:
        InputError: The type cannot be converted.
    """
    if array.type == field.type:
        return array
    try:
        if _fits(array.type, field.type):
            options = pc.CastOptions(field.type, allow_float_truncate=True, allow_invalid_utf8=True)
            return pc.cast(array, options=options)
    except pa.ArrowInvalid as error:
        raise InputError(f'{source}: column {field.name!r} must be {field.type}: {error}') from error
    raise InputError(
        f'{source}: column {field.name!r} must be {field.type}, got {array.type}; write it with that type'
    )


def _fits(given: pa.DataType, wanted: pa.DataType) -> bool:
    if pa.types.is_null(given):
        return True
    if pa.types.is_list(wanted):
        return _is_list(given) and _fits(given.value_type, wanted.value_type)
    if pa.types.is_dictionary(given):
        return _fits(given.value_type, wanted)
    return any(is_type(given) for is_type in _ACCEPTED[wanted])


def _is_list(given: pa.DataType) -> bool:
    return pa.types.is_list(given) or pa.types.is_large_list(given) or pa.types.is_fixed_size_list(given)


_ACCEPTED: dict[pa.DataType, tuple[Callable[[pa.DataType], bool], ...]] = {
    pa.string(): (
        pa.types.is_string,
        pa.types.is_large_string,
        pa.types.is_string_view,
        pa.types.is_binary,
        pa.types.is_large_binary,
    ),
    pa.int64(): (pa.types.is_integer, pa.types.is_boolean),
    pa.float32(): (pa.types.is_floating, pa.types.is_integer),
}
