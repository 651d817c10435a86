"""Writes the Parquet file of an element catalogue."""

from collections.abc import Iterable
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from creative_logs.catalogue.schema import arrow_schema

CATALOGUE_FILE = 'catalogue.parquet'


def write_catalogue(file: Path | IO[bytes], batches: Iterable[pa.RecordBatch]) -> None:
    """Writes elements one batch at a time.

    Args:
        file: The file to write, or one that is open for writing.
        batches: The elements, with the columns of `arrow_schema`.
    """
    with pq.ParquetWriter(file, arrow_schema()) as writer:
        for batch in batches:
            writer.write_batch(batch)
