"""A small log with every kind of feature, and its Transform output, made once per session."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from tensorflow_transform.tf_metadata import dataset_metadata, metadata_io
from tfx_bsl.public import tfxio

from components.log_example_gen.encoding import encode
from components.log_schema_gen.curated import curated_schema
from creative_logs.catalogue.schema import arrow_schema
from creative_logs.schema import Component, Content, ContextFeature, LogSchema
from model.config import GencoConfig
from model.content.element_contents import Catalogue
from model.export.saved_model import export_model
from model.features.feature_tables import FeatureTables
from model.features.packed_batch import feature_spec, pack
from model.features.preprocessing import feature_tables_of, preprocessing_fn
from model.network.genco import GenCO
from model.training.train import train

SCHEMA = LogSchema(
    context=(
        ContextFeature(name='ad_id'),
        ContextFeature(name='user_id'),
        ContextFeature(name='age', type='int64', encoding='category'),
        ContextFeature(name='price', type='float'),
        ContextFeature(name='query_terms', type='string_list'),
    ),
    components=(
        Component(name='title', text=True),
        Component(name='image', content=Content(text=True, attributes=True, vector=3)),
        Component(name='badge'),
    ),
    max_candidates=5,
)
CONFIG = GencoConfig(
    log_schema=SCHEMA, model={'phi': True}, transform={'min_buckets': 16, 'frequent_threshold': 30}
)


def make_logs(rows: int, seed: int = 0, ads: int = 12) -> pa.RecordBatch:
    """Rows of `ads` ads; some have no badge, some have more than N titles."""
    rng = np.random.default_rng(seed)
    counts = np.stack([np.arange(ads) % 7 + 1, np.arange(ads) % 3 + 1, np.arange(ads) % 3], 1)
    ad = rng.integers(ads, size=rows)
    columns = {
        'request_id': [f'r{seed}-{i}' for i in range(rows)],
        'timestamp': rng.permutation(rows).astype(np.int64),
        'ad_id': [f'ad{a}' for a in ad],
        'user_id': [None if u == 0 else f'u{u}' for u in rng.integers(40, size=rows)],
        'age': rng.integers(20, 24, rows),
        'price': rng.normal(10, 2, rows).astype(np.float32),
        'query_terms': [[f't{t}' for t in rng.integers(9, size=rng.integers(0, 4))] for _ in range(rows)],
    }
    for j, component in enumerate(SCHEMA.components):
        n = counts[ad, j]
        columns[component.candidates] = [
            [f'{component.name}-{a}-{k}' for k in range(count)] for a, count in zip(ad, n)
        ]
        columns[component.shown] = np.where(n > 0, (rng.random(rows) * n).astype(np.int64), -1)
        if component.text:
            columns[component.texts] = [
                [f'Word{k} of {a % 3}' for k in range(count)] for a, count in zip(ad, n)
            ]
        columns[component.propensity] = pa.array([1 / c if c else None for c in n], pa.float32())
    columns['click'] = (rng.random(rows) < 0.3).astype(np.int64)
    columns['weight'] = np.ones(rows, np.float32)
    columns['policy'] = ['uniform'] * rows
    columns['model_version'] = pa.nulls(rows, pa.string())
    return pa.RecordBatch.from_pydict(columns, schema=SCHEMA.arrow_schema())


def catalogue_rows(ads: int = 12) -> pa.RecordBatch:
    """The images of the logs; every fourth one is not listed, and some have no text, attribute or vector."""
    rng = np.random.default_rng(5)
    rows = []
    for ad in range(ads):
        for k in range(ad % 3 + 1):
            if (ad + k) % 4:
                vector = rng.normal(1, 1, 3).astype(np.float32) if k != 1 else None
                attributes = [f'colour={ad % 4}', f'size={k}'][: ad % 3]
                text = f'Word{k} of {ad % 3}' if ad % 5 else None
                rows.append(('image', f'image-{ad}-{k}', text, attributes, vector, None))
    columns = [pa.array(column, field.type) for column, field in zip(zip(*rows), arrow_schema())]
    return pa.RecordBatch.from_arrays(columns, schema=arrow_schema())


@pytest.fixture(scope='session')
def catalogue() -> Catalogue:
    return Catalogue(lambda: iter([catalogue_rows()]), SCHEMA)


@pytest.fixture(scope='session')
def logs() -> pa.RecordBatch:
    return make_logs(600)


@pytest.fixture(scope='session')
def serialized(logs) -> list[bytes]:
    return encode(logs)


@pytest.fixture(scope='session')
def transform_output(serialized, tmp_path_factory) -> tft.TFTransformOutput:
    import apache_beam as beam

    directory = str(tmp_path_factory.mktemp('transform'))
    source = tfxio.TFExampleBeamRecord(
        physical_format='inmem', telemetry_descriptors=['test'], schema=curated_schema(SCHEMA)
    )
    config = {'genco': CONFIG.model_dump(mode='json')}
    with beam.Pipeline(runner='FnApiRunner') as pipeline, tft_beam.Context(f'{directory}/tmp'):
        data = pipeline | beam.Create(serialized) | source.BeamSource()
        function = (data, source.TensorAdapterConfig()) | tft_beam.AnalyzeDataset(
            lambda inputs: preprocessing_fn(inputs, config)
        )
        _ = function | tft_beam.WriteTransformFn(directory)
    raw = dataset_metadata.DatasetMetadata(curated_schema(SCHEMA))
    metadata_io.write_metadata(raw, f'{directory}/metadata')
    return tft.TFTransformOutput(directory)


@pytest.fixture(scope='session')
def tables(transform_output) -> FeatureTables:
    return feature_tables_of(transform_output, SCHEMA)


@pytest.fixture(scope='session')
def transformed(transform_output, serialized) -> dict:
    """Transformed features of all rows."""
    raw = tf.io.parse_example(serialized, transform_output.raw_feature_spec())
    return transform_output.transform_features_layer()(raw)


@pytest.fixture(scope='session')
def batch(transformed, tables) -> dict:
    return pack(transformed, tables)


@pytest.fixture(scope='session')
def transformed_spec(tables) -> dict:
    return feature_spec(tables)


@pytest.fixture(scope='session')
def model(tables, batch, catalogue) -> GenCO:
    return train(tables, CONFIG, tf.data.Dataset.from_tensors(batch).repeat(5), catalogue=catalogue)


@pytest.fixture(scope='session')
def exported(model, transform_output, tmp_path_factory) -> Path:
    """The SavedModel of `model`."""
    directory = tmp_path_factory.mktemp('export') / 'model'
    export_model(model, transform_output, CONFIG, str(directory))
    return directory


@pytest.fixture(scope='session')
def loaded(exported):
    return tf.saved_model.load(str(exported))
