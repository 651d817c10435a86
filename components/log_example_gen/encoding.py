"""Encodes rows of the logs as serialized tf.Examples, with Arrow and the C++ encoder of tfx_bsl."""

import numpy as np
import pyarrow as pa
from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder

from creative_logs.errors import InputError


def encode(batch: pa.RecordBatch) -> list[bytes]:
    """Encodes each row as one serialized tf.Example with one feature per column.

    0, 0.0, '' and empty lists are values and are kept; a null becomes a feature without a value, which every
    reader of tf.Example treats as missing. The features of a row do not depend on its batch, although their
    order in the serialized bytes may.

    Args:
        batch: A batch of R rows with columns of strings, integers, floats, booleans, or lists of these.

    Returns:
        R serialized tf.Examples, with strings in bytes_list, integers and booleans in int64_list, and floats in
        float_list (32 bits).

    Raises:
        InputError: A column has a type that tf.Example cannot hold, or a list contains a null.
    """
    if not batch.num_rows:
        return []
    columns = [_as_lists(field, column) for field, column in zip(batch.schema, batch.columns)]
    return RecordBatchToExamplesEncoder().encode(pa.RecordBatch.from_arrays(columns, batch.schema.names))


def _as_lists(field: pa.Field, column: pa.Array) -> pa.Array:
    is_list = pa.types.is_list(field.type) or pa.types.is_large_list(field.type)
    target = _example_type(field.name, field.type.value_type if is_list else field.type)
    if is_list:
        if column.flatten().null_count:
            raise InputError(f'column {field.name!r}: a list in a tf.Example cannot hold a null')
        return column.cast(pa.list_(target))
    valid = np.asarray(column.is_valid())
    offsets = np.concatenate([[0], np.cumsum(valid)]).astype(np.int32)
    return pa.ListArray.from_arrays(offsets, column.drop_null().cast(target), mask=pa.array(~valid))


def _example_type(name: str, type_: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(type_):
        type_ = type_.value_type
    if pa.types.is_integer(type_) or pa.types.is_boolean(type_):
        return pa.int64()
    if pa.types.is_floating(type_):
        return pa.float32()
    stringlike = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_null)
    if any(test(type_) for test in stringlike):
        return pa.binary()
    raise InputError(f'column {name!r}: a tf.Example holds strings, integers or floats: got {type_}')
