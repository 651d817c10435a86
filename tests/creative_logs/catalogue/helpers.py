"""A log schema with content, and catalogues in memory and in files."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from creative_logs.catalogue.schema import arrow_schema
from creative_logs.schema import Component, Content, ContextFeature, LogSchema

SCHEMA = LogSchema(
    context=(ContextFeature(name='ad_id'),),
    components=(
        Component(name='title', content=Content(text=True, attributes=True, vector=2)),
        Component(name='image', content=Content(attributes=True)),
        Component(name='badge'),
    ),
)


def element(**changes) -> dict:
    row = {
        'component': 'title',
        'id': 't1',
        'text': 'Red shoes',
        'attributes': ['colour=red'],
        'vector': [0.5, -0.5],
        'picture': None,
    }
    return row | changes


def write(path: Path, *rows: dict) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(list(rows), schema=arrow_schema()), path)
    return path
