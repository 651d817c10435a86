"""A log schema with content, its logs, and elements of its catalogue."""

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


def element(component: str, id_: str, **changes) -> dict:
    row = {'component': component, 'id': id_, 'text': None, 'attributes': [], 'vector': None, 'picture': None}
    return row | changes


def write_catalogue(path: Path, *rows: dict) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(list(rows), schema=arrow_schema()), path)
    return path


def impression(title: list[str], image: list[str], weight: float = 1.0) -> dict:
    return {
        'request_id': 'r',
        'timestamp': 1,
        'ad_id': 'ad',
        'title_candidates': title,
        'title_shown': 0 if title else -1,
        'image_candidates': image,
        'image_shown': 0 if image else -1,
        'badge_candidates': ['unlisted'],
        'badge_shown': 0,
        'click': 0,
        'weight': weight,
    }


def write_log(root: Path, day: str, split: str, *rows: dict) -> Path:
    path = root / day / split / 'part-0.parquet'
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(list(rows), schema=SCHEMA.arrow_schema()), path)
    return path
