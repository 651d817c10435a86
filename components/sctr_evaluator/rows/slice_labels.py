"""Values of columns of serialized rows as text, to group rows by."""

from collections.abc import Sequence

import tensorflow as tf

from creative_logs.errors import InputError

_DTYPES = {'bytes_list': tf.string, 'int64_list': tf.int64, 'float_list': tf.float32}
_SEPARATOR = ', '
# Text is cut, so that a value's memory is bounded.
_LONGEST = 100
_ROWS_FOR_TYPES = 100


class RowLabels:
    """Labels of serialized tf.Examples.

    Args:
        columns: names.
    """

    def __init__(self, columns: Sequence[str]):
        self._columns = tuple(columns)
        self._dtypes: dict[str, tf.DType] = {}

    def __call__(self, rows: tf.Tensor) -> dict[str, list[str | None]]:
        """Per column the labels of rows, string [R]; None where a row has no value, lists joined by commas.

        Raises:
            InputError: the rows have no such column.
        """
        if not self._columns:
            return {}
        dtypes = tuple(self._dtype(column, rows) for column in self._columns)
        found = _labels(rows, self._columns, dtypes)
        return {
            column: [_text(value) if known else None for value, known in zip(text.numpy(), known.numpy())]
            for column, (text, known) in zip(self._columns, found)
        }

    def _dtype(self, column: str, rows: tf.Tensor) -> tf.DType:
        """The column's type; taken for string while no row has a value."""
        if column not in self._dtypes:
            found = column_type(rows, column, 'evaluation.slices')
            if found is None:
                return tf.string
            self._dtypes[column] = found
        return self._dtypes[column]


def column_type(rows: tf.Tensor, column: str, key: str) -> tf.DType | None:
    """Type of a column of serialized tf.Examples, string [R]; None where no row has a value.

    Args:
        rows: in which it is looked for.
        column: its name.
        key: of the configuration that names it.

    Raises:
        InputError: the rows have no such column.
    """
    for row in rows.numpy():
        features = tf.train.Example.FromString(row).features.feature
        if column not in features:
            raise InputError(f'{key}: {column!r} is no column of the logs; name one that is')
        kind = features[column].WhichOneof('kind')
        if kind is not None:
            return _DTYPES[kind]
    return None


def column_types(rows: tf.Tensor) -> dict[str, tf.DType]:
    """Types of the columns of serialized tf.Examples, string [R], that have a value in the first 100."""
    found = {}
    for row in rows[:_ROWS_FOR_TYPES].numpy():
        for name, feature in tf.train.Example.FromString(row).features.feature.items():
            kind = feature.WhichOneof('kind')
            if kind is not None and name not in found:
                found[name] = _DTYPES[kind]
    return found


@tf.function(reduce_retracing=True)
def _labels(rows: tf.Tensor, columns: tuple[str, ...], dtypes: tuple[tf.DType, ...]):
    spec = {name: tf.io.RaggedFeature(dtype) for name, dtype in zip(columns, dtypes)}
    parsed = tf.io.parse_example(rows, spec)
    return [_as_text(parsed[name]) for name in columns]


def _as_text(values: tf.RaggedTensor) -> tuple[tf.Tensor, tf.Tensor]:
    text = values if values.dtype == tf.string else tf.strings.as_string(values)
    joined = tf.strings.reduce_join(text, axis=1, separator=_SEPARATOR)
    return tf.strings.substr(joined, 0, _LONGEST), values.row_lengths() > 0


def _text(value: bytes) -> str:
    return value.decode('utf-8', errors='replace')
