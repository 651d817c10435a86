import shutil
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tensorflow_serving.apis.get_model_status_pb2 import ModelVersionStatus

from creative_logs.errors import InputError
from serving.server.model_server import ModelServer
from tests.serving.helpers import MODEL, PATIENCE_S, push, running, settings_of, wait_until
from tests.serving.tiny_model import example_inputs, predict_request

AVAILABLE, UNLOADING, END = ModelVersionStatus.AVAILABLE, ModelVersionStatus.UNLOADING, ModelVersionStatus.END


def test_hot_swap_under_a_stream_of_requests(exported, base_path, batching):
    push(exported[0], base_path, 1)
    request = predict_request(example_inputs(), MODEL)
    stop = threading.Event()
    answers = []

    def stream(server):
        while not stop.wait(
            0.01
        ):  # Without pauses, the streams would leave the loading of a version no time.
            response = server.prediction.Predict(request, timeout=PATIENCE_S)
            answers.append((response.model_spec.version.value, tuple(response.outputs['ctr'].float_val)))

    with running(base_path, **batching) as server, ThreadPoolExecutor(3) as pool:
        streams = [pool.submit(stream, server) for _ in range(3)]
        try:
            for version in (1, 2, 3, 4):
                if version > 1:
                    push(exported[(version - 1) % 2], base_path, version)
                    server.wait_for(**{f'v{version}': AVAILABLE, f'v{version - 1}': END})
                wait_until(lambda version=version: answers[-1:] and answers[-1][0] == version)
        finally:
            stop.set()
        for done in streams:
            done.result()
    per_version = {version: {ctr for v, ctr in answers if v == version} for version, _ in answers}
    assert all(len(ctrs) == 1 for ctrs in per_version.values())
    assert per_version[1] == per_version[3] != per_version[2] == per_version[4]


def test_request_under_way_keeps_its_version(exported, base_path, batching):
    push(exported[0], base_path, 1)
    spin = predict_request({'rounds': np.array([1 << 60])}, MODEL, 'spin')
    with running(base_path, **batching) as server:
        call = server.prediction.Predict.future(spin, timeout=PATIENCE_S)
        wait_until(lambda: server.manager._in_use[1].requests > 0)
        push(exported[1], base_path, 2)
        server.wait_for(v2=AVAILABLE, v1=UNLOADING)
        assert not call.done()
        call.cancel()


def test_broken_version_is_reported_and_the_old_one_serves(exported, base_path):
    push(exported[0], base_path, 1)
    with running(base_path) as server:
        push(exported[1], base_path, 2, lambda folder: shutil.rmtree(folder / 'variables'))
        server.wait_for(v2=END, v1=AVAILABLE)
        with server.client() as client:
            broken = client.versions()[0]
        assert (broken.version, broken.state) == (2, 'END')
        assert 'variables are missing or incomplete' in broken.error
        response = server.prediction.Predict(predict_request(example_inputs(), MODEL), timeout=PATIENCE_S)
        assert response.model_spec.version.value == 1


def test_server_survives_the_loss_of_its_folder(exported, base_path, caplog):
    push(exported[0], base_path, 1)
    with running(base_path) as server:
        base_path.rename(base_path.with_name('elsewhere'))
        wait_until(lambda: 'of model genco cannot be read' in caplog.text)
        assert server.prediction.Predict(predict_request(example_inputs(), MODEL), timeout=PATIENCE_S).outputs
        base_path.with_name('elsewhere').rename(base_path)
        push(exported[1], base_path, 2)
        server.wait_for(v2=AVAILABLE)


@pytest.mark.parametrize('service', ['', 'ModelService', 'PredictionService'])
def test_health(any_server, service):
    stub = health_pb2_grpc.HealthStub(any_server.channel)
    response = stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=PATIENCE_S)
    assert response.status == health_pb2.HealthCheckResponse.SERVING


def test_health_of_an_unknown_service(any_server):
    stub = health_pb2_grpc.HealthStub(any_server.channel)
    with pytest.raises(grpc.RpcError) as error:
        stub.Check(health_pb2.HealthCheckRequest(service='other'), timeout=PATIENCE_S)
    assert error.value.code() is grpc.StatusCode.NOT_FOUND


def test_port_in_use(shared_server, exported, base_path):
    push(exported[0], base_path, 1)
    server = ModelServer(settings_of(base_path, port=shared_server.port))
    try:
        with pytest.raises(InputError, match=f'port {shared_server.port} cannot be opened'):
            server.start()
    finally:
        server.stop()


def test_start_waits_for_a_version_and_can_be_stopped(base_path):
    server = ModelServer(settings_of(base_path, port=0))
    with ThreadPoolExecutor(1) as pool:
        started = pool.submit(server.start)
        server.request_stop()
        assert started.result(PATIENCE_S) is None
    server.stop()


def test_start_opens_the_port_when_a_version_arrives(exported, base_path):
    server = ModelServer(settings_of(base_path, port=0))
    with ThreadPoolExecutor(1) as pool:
        started = pool.submit(server.start)
        push(exported[0], base_path, 1)
        assert started.result(PATIENCE_S)
    server.stop()


def test_stop_finishes_requests_under_way(exported, base_path, batching):
    push(exported[0], base_path, 1)
    request = predict_request({'rounds': np.array([20_000])}, MODEL, 'spin')
    with running(base_path, **batching) as server:
        call = server.prediction.Predict.future(request, timeout=PATIENCE_S)
        wait_until(lambda: call.done() or server.manager._in_use[1].requests > 0)
        server.server.stop(grace_s=PATIENCE_S)
        assert list(call.result().outputs['rounds'].int64_val) == [20_000]
