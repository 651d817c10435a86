import grpc
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from serving.server.model_manager.servable import SessionServable
from serving.server.services.warmup import WARMUP_FILE, warm_up
from serving.server.status_errors import StatusError
from tests.serving.tiny_model import example_inputs, write_warmup


@pytest.fixture(scope='module')
def servable(exported):
    servable = SessionServable(exported[0])
    yield servable
    servable.close()


def test_runs_every_record(servable, tmp_path, monkeypatch):
    write_warmup(tmp_path, tuple(example_inputs(ads) for ads in (1, 2, 4)))
    ads = []
    run = servable.run
    monkeypatch.setattr(
        servable, 'run', lambda s, inputs, *rest: ads.append(inputs['seed'].shape[0]) or run(s, inputs, *rest)
    )
    assert warm_up(servable, tmp_path) == 3
    assert ads == [1, 2, 4]


def test_no_file_is_fine(servable, tmp_path):
    assert warm_up(servable, tmp_path) == 0


def _records(*records):
    def write(folder):
        (folder / WARMUP_FILE).parent.mkdir()
        with tf.io.TFRecordWriter(str(folder / WARMUP_FILE)) as writer:
            for record in records:
                writer.write(record)

    return write


def _no_tfrecord(folder):
    (folder / WARMUP_FILE).parent.mkdir()
    (folder / WARMUP_FILE).write_bytes(b'no TFRecord file' * 10)


def _wrong_inputs(folder):
    write_warmup(folder, ({'x': [1.0]},))


@pytest.mark.parametrize(
    'write, code, message',
    [
        (_no_tfrecord, grpc.StatusCode.DATA_LOSS, 'corrupted record'),
        (_records(b'\xff\xff'), grpc.StatusCode.INVALID_ARGUMENT, 'Failed to parse warmup record'),
        (
            _records(prediction_log_pb2.PredictionLog().SerializeToString()),
            grpc.StatusCode.INVALID_ARGUMENT,
            'Unsupported log_type for warmup',
        ),
        (_wrong_inputs, grpc.StatusCode.INVALID_ARGUMENT, 'input size does not match signature'),
    ],
)
def test_failing_records(servable, tmp_path, write, code, message):
    write(tmp_path)
    with pytest.raises(StatusError, match=message) as error:
        warm_up(servable, tmp_path)
    assert error.value.code is code


def test_too_many_records(servable, tmp_path, monkeypatch):
    monkeypatch.setattr('serving.server.services.warmup._MOST_RECORDS', 2)
    write_warmup(tmp_path, (example_inputs(1),) * 3)
    with pytest.raises(StatusError, match='exceeds the maximum'):
        warm_up(servable, tmp_path)
