"""Reads transformed examples in the order of time: days in sequence, inside a day by timestamp."""

from collections.abc import Sequence

import tensorflow as tf

from creative_logs.errors import InputError
from creative_logs.schema import TIMESTAMP
from model.batch import feature_spec, pack
from model.layout import Layout

_TIMESTAMP_SPEC = {TIMESTAMP: tf.io.FixedLenFeature([], tf.int64)}
_READ_AT_ONCE = 4096


def days_in_order(patterns: Sequence[str]) -> list[list[str]]:
    """Files of each day, oldest day first; a day is what one pattern matches.

    Raises:
        InputError: a pattern matches no file, or only files without rows.
    """
    days = []
    for pattern in patterns:
        files = sorted(tf.io.gfile.glob(pattern))
        first = next(iter(_records(files).take(1)), None) if files else None
        if first is None:
            raise InputError(f'{pattern}: no examples; every day of the window needs rows in this split')
        days.append((int(_timestamps(first[None])[0]), files))
    return [files for _, files in sorted(days)]


def read(days: Sequence[Sequence[str]], layout: Layout, batch_size: int) -> tf.data.Dataset:
    """Packed batches in the order of time (see `model.batch.pack`).

    ExampleGen shuffles, so a day's serialized rows are held in memory and sorted; the next day is
    read when the one before is used up.

    Args:
        days: files of each day, oldest day first.
        layout: of the features.
        batch_size: B; the last batch of a day may be smaller.
    """
    spec = feature_spec(layout)
    batches = [_sorted_batches(list(files), batch_size) for files in days]
    serialized = batches[0]
    for more in batches[1:]:
        serialized = serialized.concatenate(more)
    return serialized.map(
        lambda rows: pack(tf.io.parse_example(rows, spec), layout), num_parallel_calls=2
    ).prefetch(4)


def _records(files: list[str]) -> tf.data.Dataset:
    return tf.data.TFRecordDataset(files, compression_type='GZIP')


def _timestamps(serialized: tf.Tensor) -> tf.Tensor:
    return tf.io.parse_example(serialized, _TIMESTAMP_SPEC)[TIMESTAMP]


def _sorted_batches(files: list[str], batch_size: int) -> tf.data.Dataset:
    chunks = _records(files).batch(_READ_AT_ONCE).ragged_batch(1 << 40)

    def in_order(chunked):
        rows = chunked.flat_values
        rows = tf.gather(rows, tf.argsort(_timestamps(rows), stable=True))
        starts = tf.data.Dataset.range(0, tf.size(rows, tf.int64), batch_size)
        return starts.map(lambda start: rows[start : start + batch_size])

    return chunks.flat_map(in_order)
