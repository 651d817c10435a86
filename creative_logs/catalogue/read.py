"""Reads the Parquet files of an element catalogue."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from creative_logs.catalogue.schema import REQUIRED, arrow_schema
from creative_logs.checks.conform import convert_column
from creative_logs.errors import InputError

_BATCH_ROWS = 4096


def catalogue_files(path: str | Path) -> list[Path]:
    """The files of a catalogue: the file itself, or the Parquet files of a folder sorted by name.

    Raises:
        InputError: There is no such file or folder, or the folder holds no Parquet file.
    """
    path = Path(path)
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise InputError(f'{path}: no such catalogue; write one there or change paths.catalogue')
    files = sorted(path.glob('*.parquet'))
    if not files:
        raise InputError(f'{path}: holds no Parquet file of a catalogue')
    return files


def read_catalogue(file: Path, columns: tuple[str, ...] | None = None) -> Iterator[pa.RecordBatch]:
    """Yields the rows of one file in batches of bounded size, with the columns of `arrow_schema`.

    Args:
        file: A Parquet file of a catalogue.
        columns: The columns to read. If None, all columns of the schema; an absent optional column is null.

    Raises:
        InputError: The file cannot be read, a column is unknown or missing, or its type cannot be converted.
    """
    fields = [field for field in arrow_schema() if columns is None or field.name in columns]
    try:
        with pq.ParquetFile(file) as parquet:
            names = parquet.schema_arrow.names
            _check_names(names, file)
            read = [field.name for field in fields if field.name in names]
            for batch in parquet.iter_batches(_BATCH_ROWS, columns=read):
                yield _conformed(batch, fields, str(file))
    except (pa.ArrowException, OSError) as error:
        message = ' '.join(str(error).split())
        raise InputError(
            f'{file}: cannot be read as Parquet: {message}; write it again or remove it'
        ) from error


def _check_names(names: list[str], file: Path) -> None:
    known = arrow_schema().names
    for name in names:
        if name not in known:
            raise InputError(f'{file}: column {name!r} is unknown; a catalogue has {", ".join(known)}')
    for name in REQUIRED:
        if name not in names:
            raise InputError(
                f'{file}: column {name!r} is missing; a catalogue needs {" and ".join(REQUIRED)}'
            )


def _conformed(batch: pa.RecordBatch, fields: list[pa.Field], source: str) -> pa.RecordBatch:
    columns = [
        convert_column(batch.column(field.name), field, source)
        if field.name in batch.schema.names
        else pa.nulls(batch.num_rows, field.type)
        for field in fields
    ]
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields))
