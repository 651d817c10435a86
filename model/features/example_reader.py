"""Reads transformed examples in chronological order: day after day, and by timestamp within a day."""

from collections.abc import Iterator, Sequence

import tensorflow as tf

from creative_logs.errors import InputError
from creative_logs.schema import TIMESTAMP
from model.features.feature_tables import FeatureTables
from model.features.packed_batch import feature_spec, pack

_TIMESTAMP_SPEC = {TIMESTAMP: tf.io.FixedLenFeature([], tf.int64)}
_READ_AT_ONCE = 4096


def days_in_order(patterns: Sequence[str]) -> list[list[str]]:
    """Returns the files of each day, oldest day first; the files that one pattern matches form a day.

    Raises:
        InputError: A pattern matches no file, or only files without rows.
    """
    days = []
    for pattern in patterns:
        files = sorted(tf.io.gfile.glob(pattern))
        first = next(iter(_records(files).take(1)), None) if files else None
        if first is None:
            raise InputError(f'{pattern}: no examples; every day of the window needs rows in this split')
        days.append((int(_timestamps(first[None])[0]), files))
    return [files for _, files in sorted(days)]


def read(days: Sequence[Sequence[str]], tables: FeatureTables, batch_size: int) -> tf.data.Dataset:
    """Returns packed batches in chronological order (see `model.features.packed_batch.pack`).

    ExampleGen shuffles the rows, so the serialized rows of a day are held in memory and sorted. The next day
    is read once the previous one is used up.

    Args:
        days: The files of each day, oldest day first.
        tables: The tables of the features.
        batch_size: The number of rows B of a batch; the last batch of a day may be smaller.
    """
    spec = feature_spec(tables)
    serialized = tf.data.Dataset.from_generator(
        lambda: _batches_in_order(days, batch_size), output_signature=tf.TensorSpec([None], tf.string)
    )
    return serialized.map(
        lambda rows: pack(tf.io.parse_example(rows, spec), tables), num_parallel_calls=2
    ).prefetch(4)


def _records(files: list[str]) -> tf.data.Dataset:
    return tf.data.TFRecordDataset(files, compression_type='GZIP')


def _timestamps(serialized: tf.Tensor) -> tf.Tensor:
    return tf.io.parse_example(serialized, _TIMESTAMP_SPEC)[TIMESTAMP]


def _batches_in_order(days: Sequence[Sequence[str]], batch_size: int) -> Iterator[tf.Tensor]:
    for files in days:
        rows = tf.concat(list(_records(list(files)).batch(_READ_AT_ONCE)), 0)
        rows = tf.gather(rows, tf.argsort(_timestamps(rows), stable=True))
        for start in range(0, rows.shape[0], batch_size):
            yield rows[start : start + batch_size]
