"""Small schemas, rows and folders of logs that several tests share."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from creative_logs.schema import Component, ContextFeature, LogSchema

SCHEMA = LogSchema(
    context=(
        ContextFeature(name='ad_id'),
        ContextFeature(name='price', type='float'),
        ContextFeature(name='age', type='int64'),
        ContextFeature(name='terms', type='string_list'),
    ),
    components=(Component(name='title', text=True), Component(name='image')),
    max_candidates=3,
)


def good_row(**changes) -> dict:
    row = {
        'request_id': 'r1',
        'timestamp': 1_700_000_000_000,
        'ad_id': 'ad',
        'price': 1.5,
        'age': 30,
        'terms': ['red', 'shoes'],
        'title_candidates': ['t1', 't2'],
        'title_shown': 1,
        'title_text': ['Buy', 'Now'],
        'title_propensity': 0.5,
        'image_candidates': ['i1', 'i2', 'i3', 'i4'],
        'image_shown': 3,
        'image_propensity': None,
        'click': 0,
        'weight': 1.0,
        'policy': None,
        'model_version': None,
    }
    return row | changes


def batch_of(*rows: dict, schema: LogSchema = SCHEMA) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(list(rows), schema=schema.arrow_schema())


def write_logs(root: Path, rows: list[dict], days=('2024-01-01',), splits=('train', 'test')) -> Path:
    for day in days:
        for split in splits:
            folder = root / day / split
            folder.mkdir(parents=True)
            pq.write_table(pa.Table.from_batches([batch_of(*rows)]), folder / 'part-0.parquet')
    return root
