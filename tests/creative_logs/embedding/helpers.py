"""Encoders whose vectors can be foretold, and small catalogues."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from creative_logs.catalogue.schema import arrow_schema


class CountingEncoder:
    """Embeds a text as its length, its first code point and 1, and keeps what it was given."""

    name = 'counting'
    dimensions = 3

    def __init__(self):
        self.batches: list[list[str]] = []

    @property
    def texts(self) -> list[str]:
        return [text for batch in self.batches for text in batch]

    def encode(self, texts):
        self.batches.append(list(texts))
        return np.array([vector_of(text) for text in texts], np.float32)


class FailingEncoder(CountingEncoder):
    """Fails when it is called for the second time."""

    def encode(self, texts):
        if self.batches:
            raise RuntimeError('out of\nmemory')
        return super().encode(texts)


class Renamed(CountingEncoder):
    """The same vectors under another name."""

    name = 'renamed'


def vector_of(text: str) -> list[float]:
    return [float(len(text)), float(ord(text[0])), 1.0]


def element(element_id: str, text: str | None = None, component: str = 'title', **more) -> dict:
    return {'component': component, 'id': element_id, 'text': text, **more}


def write_catalogue(path: Path, *rows: dict, metadata: dict | None = None) -> Path:
    schema = arrow_schema().with_metadata(metadata)
    pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), path)
    return path


def vectors_of(path: Path) -> dict[tuple[str, str], list[float] | None]:
    """The vectors of a catalogue by component and id."""
    return {(row['component'], row['id']): row['vector'] for row in pq.read_table(path).to_pylist()}
