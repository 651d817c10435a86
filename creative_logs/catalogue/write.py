"""Writes the Parquet file of an element catalogue."""

from collections.abc import Iterable
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from creative_logs.catalogue.schema import ATTRIBUTES, COMPONENT, PICTURE, TEXT, arrow_schema

CATALOGUE_FILE = 'catalogue.parquet'
# The columns to encode with a dictionary. One of the numbers in vectors takes most of the time and saves nothing.
_REPETITIVE = [COMPONENT, TEXT, f'{ATTRIBUTES}.list.element', PICTURE]


def write_catalogue(file: Path | IO[bytes], batches: Iterable[pa.RecordBatch]) -> None:
    """Writes elements one batch at a time.

    Args:
        file: The file to write, or one that is open for writing.
        batches: The elements, with the columns of `arrow_schema`.
    """
    with pq.ParquetWriter(file, arrow_schema(), use_dictionary=_REPETITIVE) as writer:
        for batch in batches:
            writer.write_batch(batch)
