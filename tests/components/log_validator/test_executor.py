"""Anomalies stop, and say where."""

import pytest
import tensorflow_data_validation as tfdv
from tensorflow_data_validation.statistics import stats_impl
from tensorflow_metadata.proto.v0 import statistics_pb2
from tfx.components.statistics_gen.executor import DEFAULT_FILE_NAME
from tfx.types import artifact_utils, standard_artifacts
from tfx.utils import io_utils
from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

from components.log_example_gen.encoding import encode
from components.log_schema_gen.curated import curated_schema
from components.log_validator.executor import Executor
from creative_logs.errors import InputError
from tests.creative_logs.examples import SCHEMA, batch_of, good_row


def _statistics(rows: list[dict]) -> statistics_pb2.DatasetFeatureStatisticsList:
    options = tfdv.StatsOptions(schema=curated_schema(SCHEMA))
    batch = ExamplesToRecordBatchDecoder().DecodeBatch(encode(batch_of(*rows)))
    return stats_impl.generate_statistics_in_memory(batch, options)


def _validate(folder, train: list[dict], test: list[dict]) -> None:
    schema = standard_artifacts.Schema()
    schema.uri = str(folder / 'schema')
    io_utils.write_pbtxt_file(str(folder / 'schema' / 'schema.pbtxt'), curated_schema(SCHEMA))
    statistics = standard_artifacts.ExampleStatistics()
    statistics.uri = str(folder / 'statistics')
    statistics.split_names = '["train", "test"]'
    for split, rows in (('train', train), ('test', test)):
        path = f'{artifact_utils.get_split_uri([statistics], split)}/{DEFAULT_FILE_NAME}'
        io_utils.write_bytes_file(path, _statistics(rows).SerializeToString())
    anomalies = standard_artifacts.ExampleAnomalies()
    anomalies.uri = str(folder / 'anomalies')
    Executor().Do({'statistics': [statistics], 'schema': [schema]}, {'anomalies': [anomalies]}, {})


def test_good_logs_pass(tmp_path):
    _validate(tmp_path, [good_row(), good_row(age=None)], [good_row(click=1)])


def test_anomalies_are_listed_by_split_and_feature(tmp_path):
    good = [good_row()]
    with pytest.raises(InputError) as error:
        _validate(tmp_path, good, [good_row(click=5), good_row(age=None, terms=None, click=5)])
    message = str(error.value)
    assert 'test: click: ' in message
    assert 'train' not in message


def test_a_context_feature_that_dried_up_is_an_anomaly(tmp_path):
    with pytest.raises(InputError, match='train: age: '):
        _validate(tmp_path, [good_row(age=None)], [good_row()])
