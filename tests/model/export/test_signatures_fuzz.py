"""Malformed requests to a server of the real model: each gets a proper answer, and it serves on as before."""

import tensorflow as tf
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

from model.export.saved_model import WARMUP_FILE
from tests.serving.helpers import MODEL, push, running
from tests.serving.survival import assert_survives


def test_malformed_requests(exported, tmp_path):
    push(exported, tmp_path, 1)
    with running(tmp_path) as server:
        assert_survives(server.channel, _warmup_request(exported), requests=140)


def _warmup_request(exported) -> bytes:
    file = str(exported / 'assets.extra' / WARMUP_FILE)
    record = next(tf.data.TFRecordDataset(file).as_numpy_iterator())
    request = PredictionLog.FromString(record).predict_log.request
    request.model_spec.name = MODEL
    return request.SerializeToString()
