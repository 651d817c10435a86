"""Reads rows in batches, from the TFRecord files of ExampleGen or from Parquet logs."""

from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf
from apache_beam.metrics import Metrics

from components.log_example_gen.encoding import encode
from creative_logs.checks.check_logs import check, conform, read_batches
from creative_logs.errors import InputError
from creative_logs.schema import LogSchema

BATCH_ROWS = 2048
BAD_ROWS = 'bad_rows'
# There is nothing to tune, and at the end of each file the reader would wait for the tuning thread.
_NO_AUTOTUNE = tf.data.Options()
_NO_AUTOTUNE.autotune.enabled = False


def read_records(path: str) -> Iterator[tf.Tensor]:
    """Yields the rows of a gzipped TFRecord file in batches, string [R].

    Raises:
        InputError: The file is damaged.
    """
    try:
        records = tf.data.TFRecordDataset(path, 'GZIP').batch(BATCH_ROWS).prefetch(2)
        yield from records.with_options(_NO_AUTOTUNE)
    except tf.errors.DataLossError as error:
        raise InputError(f'{path}: damaged TFRecord file; run ExampleGen again') from error


class ReadParquet:
    """Yields the valid rows of a Parquet file in batches, string [R]; invalid rows are left out and counted.

    Args:
        schema: The log schema.
    """

    def __init__(self, schema: LogSchema):
        self._schema = schema
        self._bad_rows = Metrics.counter(type(self), BAD_ROWS)

    def __call__(self, path: str) -> Iterator[tf.Tensor]:
        for batch in read_batches(Path(path)):
            good, bad = check(conform(batch, self._schema, path), self._schema)
            self._bad_rows.inc(bad.num_rows)
            for start in range(0, good.num_rows, BATCH_ROWS):
                yield tf.constant(encode(good.slice(start, BATCH_ROWS)))
