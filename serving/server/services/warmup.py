"""Warm-up requests, which fill the caches of a version and prove that it answers before it is announced."""

from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow_serving.apis import prediction_log_pb2

from serving.server.model_manager import gc_tuning
from serving.server.model_manager.servable import Servable
from serving.server.services.predict import run_predict
from serving.server.status_errors import as_status, invalid

WARMUP_FILE = Path('assets.extra', 'tf_serving_warmup_requests')
_MOST_RECORDS = 1000


def warm_up(servable: Servable, path: Path) -> int:
    """Runs the warm-up requests of a version in order.

    Args:
        servable: The version.
        path: The folder of the version.

    Returns:
        The number of requests that were run; 0 if there is no file.

    Raises:
        StatusError: The file cannot be read, or a request fails.
    """
    file = path / WARMUP_FILE
    if not file.exists():
        return 0
    records = 0
    for record in _records(file):
        records += 1
        if records > _MOST_RECORDS:
            raise invalid(
                f'Number of warmup records exceeds the maximum ({_MOST_RECORDS}) at {file}',
            )
        run_predict(servable, _parse(record, file).predict_log.request)
        gc_tuning.release_memory()
    return records


def _records(file: Path) -> Iterator[bytes]:
    with as_status():
        yield from tf.data.TFRecordDataset(str(file)).as_numpy_iterator()


def _parse(record: bytes, file: Path) -> prediction_log_pb2.PredictionLog:
    try:
        log = prediction_log_pb2.PredictionLog.FromString(record)
    except DecodeError as error:
        raise invalid(f'Failed to parse warmup record: {file}') from error
    if log.WhichOneof('log_type') != 'predict_log':
        raise invalid(f'Unsupported log_type for warmup: {log.WhichOneof("log_type")}')
    return log
