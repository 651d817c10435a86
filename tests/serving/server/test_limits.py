"""Bounds of the server, its sockets and its encryption."""

import threading
from collections import Counter

import grpc
import pytest
from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub

from creative_logs.errors import InputError
from serving.client.client import CreativeClient, Tls
from serving.server.model_manager.servable import SessionServable
from serving.server.model_server import ModelServer
from tests.serving.certificates import write_certificate
from tests.serving.helpers import MODEL, PATIENCE_S, REQUEST, push, running, settings_of, wait_until
from tests.serving.tiny_model import example_inputs, predict_request

GOOD = predict_request(example_inputs(), MODEL)


@pytest.fixture
def one(exported, base_path):
    """A base path with one version."""
    push(exported[0], base_path, 1)
    return base_path


def test_one_request_too_many_is_refused_at_once(one, monkeypatch, batching):
    with running(one, grpc_max_threads=1, grpc_max_queued_requests=1, **batching) as server:
        run, go_on = SessionServable.run, threading.Event()
        monkeypatch.setattr(SessionServable, 'run', lambda *args: go_on.wait(PATIENCE_S) and run(*args))
        calls = [server.prediction.Predict.future(GOOD, timeout=PATIENCE_S) for _ in range(5)]
        wait_until(lambda: sum(call.done() for call in calls) == 3)
        go_on.set()
        codes = Counter(call.code() for call in calls)
    assert codes == {grpc.StatusCode.OK: 2, grpc.StatusCode.RESOURCE_EXHAUSTED: 3}


def test_largest_message(one, batching):
    with running(one, grpc_max_message_bytes=GOOD.ByteSize(), **batching) as server:
        assert server.prediction.Predict(GOOD, timeout=PATIENCE_S).outputs
        larger = predict_request(example_inputs(3), MODEL)
        with pytest.raises(grpc.RpcError) as error:
            server.prediction.Predict(larger, timeout=PATIENCE_S)
        assert error.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_unix_socket(one, tmp_path, batching):
    socket = tmp_path / 'grpc.sock'
    with running(one, grpc_socket_path=socket, **batching) as server:
        with grpc.insecure_channel(f'unix:{socket}') as channel:
            answer = PredictionServiceStub(channel).Predict(GOOD, timeout=PATIENCE_S)
        expected = server.prediction.Predict(GOOD, timeout=PATIENCE_S)
        assert answer.outputs['ctr'] == expected.outputs['ctr']


def test_socket_that_cannot_be_made(one, tmp_path):
    _fails_to_start(one, 'grpc_socket_path: .*nowhere', grpc_socket_path=tmp_path / 'nowhere' / 'grpc.sock')


@pytest.mark.parametrize('verify', [False, True])
def test_encryption(one, tmp_path, verify, batching):
    certificate, key = write_certificate(tmp_path)
    config = _ssl_config(tmp_path, certificate.read_text(), key.read_text(), verify)
    with running(one, ssl_config_file=config, **batching) as server:
        tls = Tls(certificate, certificate, key) if verify else Tls(certificate)
        with CreativeClient(server.address, MODEL, PATIENCE_S, tls=tls) as client:
            assert client.select(REQUEST).choices
        with pytest.raises(grpc.RpcError) as error:
            server.prediction.Predict(GOOD, timeout=PATIENCE_S)  # not encrypted
        assert error.value.code() is grpc.StatusCode.UNAVAILABLE
        if verify:
            credentials = Tls(certificate).credentials()
            with grpc.secure_channel(server.address, credentials) as channel, pytest.raises(grpc.RpcError):
                PredictionServiceStub(channel).Predict(GOOD, timeout=PATIENCE_S)


@pytest.mark.parametrize(
    'text, reason',
    [
        ('server_key: "k"', 'server_cert is missing'),
        ('server_cert: "c"', 'server_key is missing'),
        ('server_key: "k" server_cert: "c" client_verify: true', 'client_verify needs custom_ca'),
        ('server_kye: "k"', 'not a valid SSLConfig in the text format'),
    ],
)
def test_bad_ssl_config(base_path, tmp_path, text, reason):
    file = tmp_path / 'ssl.config'
    file.write_text(text)
    with pytest.raises(InputError, match=f'^{file}: {reason}'):
        ModelServer(settings_of(base_path, port=0, ssl_config_file=file))


def test_key_that_is_no_key(one, tmp_path):
    config = _ssl_config(tmp_path, 'no certificate', 'no key', False)
    _fails_to_start(one, f'correct the key and the certificate in {config}', ssl_config_file=config)


@pytest.mark.parametrize('arguments', ['grpc.max_connection_age_ms', 'a=1,b'])
def test_bad_channel_arguments(base_path, arguments):
    with pytest.raises(InputError, match='grpc_channel_arguments: must be key=value,key=value: got '):
        ModelServer(settings_of(base_path, port=0, grpc_channel_arguments=arguments))


def test_channel_arguments_reach_the_server(one):
    limit = f'grpc.max_receive_message_length={GOOD.ByteSize() - 1}'
    with running(one, grpc_channel_arguments=limit) as server, pytest.raises(grpc.RpcError) as error:
        server.prediction.Predict(GOOD, timeout=PATIENCE_S)
    assert error.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_nothing_to_serve():
    with pytest.raises(InputError, match='give model_base_path or model_config_file'):
        ModelServer(settings_of(None))


def _ssl_config(folder, certificate, key, verify):
    lines = {'server_key': key, 'server_cert': certificate, 'custom_ca': certificate}
    file = folder / 'ssl.config'
    escaped = {name: text.replace('\n', '\\n') for name, text in lines.items()}
    file.write_text(''.join(f'{name}: "{text}"\n' for name, text in escaped.items()))
    with file.open('a') as appended:
        appended.write(f'client_verify: {str(verify).lower()}\n')
    return file


def _fails_to_start(base_path, reason, **settings):
    server = ModelServer(settings_of(base_path, port=0, **settings))
    try:
        with pytest.raises(InputError, match=reason):
            server.start()
    finally:
        server.stop()
