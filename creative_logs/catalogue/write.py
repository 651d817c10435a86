"""Writes the Parquet file of an element catalogue."""

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from creative_logs.catalogue.schema import arrow_schema

CATALOGUE_FILE = 'catalogue.parquet'


def write_catalogue(path: Path, batches: Iterable[pa.RecordBatch]) -> None:
    """Writes elements one batch at a time.

    Args:
        path: The file to write.
        batches: The elements, with the columns of `arrow_schema`.
    """
    with pq.ParquetWriter(path, arrow_schema()) as writer:
        for batch in batches:
            writer.write_batch(batch)
