"""The embedded server starts from the files that stock TensorFlow Serving is given in production."""

import json
from pathlib import Path
from urllib.request import urlopen

import grpc
from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub

import serving
from serving.server.model_server import ModelServer
from serving.server.settings import ServerSettings
from tests.serving.helpers import MODEL, PATIENCE_S, push
from tests.serving.tiny_model import example_inputs, predict_request

CONFIG = Path(serving.__file__).parent / 'deploy' / 'config'


def _get(port: int, path: str) -> str:
    with urlopen(f'http://localhost:{port}{path}', timeout=PATIENCE_S) as answer:
        return answer.read().decode()


def test_models_batching_and_monitoring_files(exported, base_path, tmp_path, free_tcp_port):
    push(exported[0], base_path, 1)
    models = tmp_path / 'models.config'
    models.write_text((CONFIG / 'models.config').read_text().replace('/models/genco', str(base_path)))
    settings = ServerSettings(
        model_config_file=models,
        port=0,
        rest_api_port=free_tcp_port,
        enable_batching=True,
        batching_parameters_file=CONFIG / 'batching.config',
        monitoring_config_file=CONFIG / 'monitoring.config',
    )
    server = ModelServer(settings)
    try:
        ports = server.start()
        with grpc.insecure_channel(f'localhost:{ports.grpc}') as channel:
            request = predict_request(example_inputs(), MODEL)
            assert PredictionServiceStub(channel).Predict(request, timeout=PATIENCE_S).outputs
        status = json.loads(_get(ports.rest, f'/v1/models/{MODEL}'))
        metrics = _get(ports.rest, '/monitoring/prometheus/metrics')
    finally:
        server.stop()
    assert status['model_version_status'][0]['state'] == 'AVAILABLE'
    assert f':tensorflow:serving:request_count{{model_name="{MODEL}",status="OK"}} 1' in metrics
    for name in (
        ':tensorflow:serving:request_latency_count',
        ':tensorflow:serving:runtime_latency_count',
        ':tensorflow:serving:model_warmup_latency_count',
        ':tensorflow:cc:saved_model:load_attempt_count',
    ):
        assert name in metrics
