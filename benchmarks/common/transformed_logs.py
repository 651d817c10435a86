"""Applies the pipeline's encoding and transforms to Parquet logs, without a metadata store."""

from collections.abc import Iterator
from pathlib import Path

import apache_beam as beam
import pyarrow.parquet as pq
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from tensorflow_transform.tf_metadata import dataset_metadata, metadata_io
from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder
from tfx_bsl.public import tfxio

from components.log_example_gen.encoding import encode
from components.log_schema_gen.curated import curated_schema
from creative_logs.checks.check_logs import conform
from creative_logs.schema import SPLITS, TRAIN, LogSchema
from model.config import GencoConfig
from model.features.preprocessing import preprocessing_fn

_ROWS_AT_ONCE = 2048


def transform_logs(logs: Path, config: GencoConfig, directory: Path) -> tft.TFTransformOutput:
    """Analyzes the train split of all days and transforms both splits.

    Args:
        logs: The folder of the logs.
        config: The configuration of the transforms.
        directory: The folder to write. `examples/<split>-*.gz` will hold the transformed examples,
            `raw/<split>-*.gz` the raw ones.

    Returns:
        The transforms.
    """
    schema = curated_schema(config.log_schema)
    custom = {'genco': config.model_dump(mode='json')}
    source = tfxio.TFExampleBeamRecord(
        physical_format='tfrecord', telemetry_descriptors=['benchmarks'], schema=schema
    )
    with beam.Pipeline(runner='FnApiRunner') as pipeline, tft_beam.Context(str(directory / 'tmp')):
        raw = {split: _write_raw(pipeline, logs, split, config.log_schema, directory) for split in SPLITS}
        batches = {split: rows | f'Batch{split}' >> source.BeamSource() for split, rows in raw.items()}
        adapter = source.TensorAdapterConfig()
        function = (batches[TRAIN], adapter) | tft_beam.AnalyzeDataset(
            lambda inputs: preprocessing_fn(inputs, custom)
        )
        _ = function | tft_beam.WriteTransformFn(str(directory))
        for split, rows in batches.items():
            transformed, metadata = (
                (rows, adapter),
                function,
            ) | f'Transform{split}' >> tft_beam.TransformDataset(output_record_batches=True)
            _ = (
                transformed
                | f'Encode{split}'
                >> beam.FlatMap(_encode_transformed, beam.pvalue.AsSingleton(metadata.deferred_metadata))
                | f'Write{split}' >> _write(directory / 'examples' / split)
            )
    metadata_io.write_metadata(dataset_metadata.DatasetMetadata(schema), str(directory / 'metadata'))
    return tft.TFTransformOutput(str(directory))


def _encode_transformed(batch, metadata) -> list[bytes]:
    """Serialized tf.Examples of a transformed record batch, as Transform's executor encodes them."""
    return RecordBatchToExamplesEncoder(metadata.schema).encode(batch[0])


def _write_raw(pipeline, logs: Path, split: str, schema: LogSchema, directory: Path):
    files = [str(path) for path in sorted(logs.glob(f'*/{split}/*.parquet'))]
    rows = (
        pipeline
        | f'Files{split}' >> beam.Create(files)
        | f'Read{split}' >> beam.FlatMap(_examples, schema=schema)
    )
    _ = rows | f'WriteRaw{split}' >> _write(directory / 'raw' / split)
    return rows


def _examples(path: str, schema: LogSchema) -> Iterator[bytes]:
    for batch in pq.ParquetFile(path).iter_batches(_ROWS_AT_ONCE):
        yield from encode(conform(batch, schema, path))


def _write(prefix: Path):
    return beam.io.WriteToTFRecord(str(prefix), file_name_suffix='.gz')


def examples_of(directory: Path, split: str, kind: str = 'examples') -> list[str]:
    """The files of a split; `kind` is `examples` for transformed or `raw` for raw examples."""
    return sorted(tf.io.gfile.glob(str(directory / kind / f'{split}-*.gz')))
