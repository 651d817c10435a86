"""Which encoder made the vectors of a catalogue: recorded in the metadata of its Parquet files."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from creative_logs.errors import InputError

_KEY = 'genco.vectors'


class Source(NamedTuple):
    """Where the vectors of a component come from.

    Attributes:
        encoder: The name of the encoder.
        column: The column that it encoded, `text` or `picture`.
    """

    encoder: str
    column: str

    def __str__(self) -> str:
        return f'encoder {self.encoder} of column {self.column!r}'


def read_sources(file: str | Path) -> dict[str, Source]:
    """Reads the sources of the vectors in a file, by component; those that are not recorded are absent.

    Raises:
        InputError: The file cannot be read as Parquet, or the record is damaged.
    """
    try:
        metadata = pq.read_metadata(file).metadata or {}
        record = json.loads(metadata.get(_KEY.encode(), b'{}'))
        return {component: Source(**source) for component, source in record.items()}
    except (pa.ArrowException, OSError) as error:
        message = ' '.join(str(error).split())
        raise InputError(f'{file}: cannot be read as Parquet: {message}') from error
    except (ValueError, TypeError, AttributeError) as error:
        raise InputError(f'{file}: the metadata {_KEY!r} are damaged; write the file again') from error


def metadata_of(sources: Mapping[str, Source]) -> dict[str, str]:
    """The metadata of a Parquet file that record the sources of its vectors."""
    return {_KEY: json.dumps({component: source._asdict() for component, source in sources.items()})}
