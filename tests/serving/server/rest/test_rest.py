"""Bytes in, bytes out over a socket, beside gRPC on the same models."""

import gzip
import http.client
import json
import random

import numpy as np
import pytest

from serving.server.monitoring.metrics import Metrics
from serving.server.rest.app import RestApp
from serving.server.rest.server import RestServer
from serving.tensor_protos import decode
from tests.serving.helpers import MODEL, PATIENCE_S
from tests.serving.tiny_model import example_inputs, predict_request

MODEL_PATH = f'/v1/models/{MODEL}'
MOST_BYTES = 100_000
METRICS = '/monitoring/prometheus/metrics'


@pytest.fixture(scope='module')
def ask(shared_server):
    """Sends one HTTP request; returns status and body, JSON decoded."""
    app = RestApp(shared_server.server.registry, Metrics(), 0.3, METRICS, MOST_BYTES)
    server = RestServer(app, 0, threads=2)
    port = server.start()

    def send(method, path, body=None, read=json.loads, headers=None):
        connection = http.client.HTTPConnection('localhost', port, timeout=PATIENCE_S)
        try:
            connection.request(
                method, path, body if isinstance(body, bytes) else json.dumps(body), headers or {}
            )
            response = connection.getresponse()
            return response.status, read(response.read())
        finally:
            connection.close()

    yield send
    server.stop()


def _columns(ads=2):
    return {
        alias: np.vectorize(bytes.decode, otypes=[object])(array).tolist()
        if array.dtype == object
        else array.tolist()
        for alias, array in example_inputs(ads).items()
    }


def _rows(ads=2):
    columns = _columns(ads)
    return [dict(zip(columns, row)) for row in zip(*columns.values())]


def _by_grpc(server):
    response = server.prediction.Predict(predict_request(example_inputs(), MODEL), timeout=PATIENCE_S)
    arrays = {alias: decode(proto) for alias, proto in response.outputs.items()}
    return {
        alias: [[text.decode() for text in row] for row in array] if array.dtype == object else array.tolist()
        for alias, array in arrays.items()
    }


@pytest.mark.parametrize('target', ['', '/versions/1'])
def test_columns_answer_as_grpc(ask, shared_server, target):
    status, answer = ask('POST', f'{MODEL_PATH}{target}:predict', {'inputs': _columns()})
    assert (status, answer) == (200, {'outputs': _by_grpc(shared_server)})


def test_rows_answer_as_grpc(ask, shared_server):
    status, answer = ask('POST', f'{MODEL_PATH}:predict', {'instances': _rows()})
    outputs = _by_grpc(shared_server)
    expected = [{alias: outputs[alias][row] for alias in outputs} for row in range(2)]
    assert (status, answer) == (200, {'predictions': expected})


def test_one_input_and_one_output_go_unnamed(ask):
    body = {'signature_name': 'spin', 'inputs': [3]}
    assert ask('POST', f'{MODEL_PATH}:predict', body) == (200, {'outputs': [3]})


NO_ROWS = "'instances' must be a list that is not empty"


@pytest.mark.parametrize(
    'body, message',
    [
        (b'{', 'JSON Parse error'),
        (b'\xff', 'JSON Parse error'),
        (b'[' * 100_000, 'JSON Parse error'),
        ([], 'expected to be a JSON object'),
        ({}, "one of the keys 'instances' and 'inputs'"),
        ({'inputs': {}, 'instances': []}, "one of the keys 'instances' and 'inputs'"),
        ({'signature_name': 1, 'inputs': 1}, "'signature_name' key must be a string value."),
        ({'signature_name': 'S', 'inputs': 1}, 'Failed to get input map for signature: S'),
        ({'instances': []}, NO_ROWS),
        ({'instances': 1}, NO_ROWS),
        ({'instances': [1]}, 'a signature of one input'),
        ({'instances': [{'hour': 1}, {'age': 1}]}, 'Failed to process element: 1'),
        ({'inputs': {'other': 1}}, 'does not take: other'),
        ({'inputs': {'hour': ['a']}}, "input hour: JSON Value: 'a' is not of expected type: int64"),
        ({'inputs': {'hour': [1]}}, 'input size does not match signature'),
        ({'signature_name': 'spin', 'inputs': 1}, ''),
    ],
)
def test_bodies_that_do_not_fit(ask, body, message):
    status, answer = ask('POST', f'{MODEL_PATH}:predict', body)
    assert status == 400
    assert list(answer) == ['error'] and message in answer['error']


@pytest.mark.parametrize(
    'method, path, status, message',
    [
        ('POST', '/v1/models/other:predict', 404, 'Servable not found for request: Latest(other)'),
        (
            'POST',
            f'{MODEL_PATH}/versions/9:predict',
            404,
            f'Servable not found for request: Specific({MODEL}, 9)',
        ),
        ('POST', f'{MODEL_PATH}/labels/L:predict', 400, 'Unrecognized servable version label: L'),
        (
            'POST',
            f'{MODEL_PATH}/versions/{1 << 63}:predict',
            400,
            f'Failed to convert version: {1 << 63} to numeric.',
        ),
        ('GET', '/v1/models/other', 404, 'Could not find any versions of model other'),
        ('GET', f'{MODEL_PATH}/versions/9', 404, f'Could not find version 9 of model {MODEL}'),
        ('GET', '/v1/models/other/metadata', 404, 'Servable not found for request: Latest(other)'),
        ('GET', '/v1/other', 400, 'Malformed request: GET /v1/other'),
        ('POST', '/', 400, 'Malformed request: POST /'),
        ('GET', f'{MODEL_PATH}:predict', 400, 'Method GET is not allowed here'),
        (
            'POST',
            f'{MODEL_PATH}:regress',
            400,
            'Expected regression signature method_name to be tensorflow/serving/regress. '
            'Was: tensorflow/serving/predict',
        ),
    ],
)
def test_errors(ask, method, path, status, message):
    assert ask(method, path, {}) == (status, {'error': message})


def test_timeout(ask):
    body = {'signature_name': 'spin', 'inputs': [1 << 60]}
    status, answer = ask('POST', f'{MODEL_PATH}:predict', body)
    assert (status, list(answer)) == (504, ['error'])


@pytest.mark.parametrize('path', [MODEL_PATH, f'{MODEL_PATH}/versions/1'])
def test_status(ask, path):
    entry = {'version': '1', 'state': 'AVAILABLE', 'status': {'error_code': 'OK', 'error_message': ''}}
    assert ask('GET', path) == (200, {'model_version_status': [entry]})


def test_metadata(ask):
    status, answer = ask('GET', f'{MODEL_PATH}/metadata')
    assert (status, answer['model_spec']['name'], answer['model_spec']['version']) == (200, MODEL, '1')
    signature = answer['metadata']['signature_def']['signature_def']['serving_default']
    shape = signature['inputs']['hour']['tensor_shape']['dim']
    assert (signature['inputs']['hour']['dtype'], shape) == ('DT_INT64', [{'size': '-1', 'name': ''}])


def test_metrics_count_requests_and_keep_no_name_that_is_made_up(ask):
    ask('POST', f'{MODEL_PATH}:predict', {'inputs': _columns()})
    ask('POST', '/v1/models/made-up:predict', {})
    status, text = ask('GET', METRICS, read=bytes.decode)
    assert status == 200
    assert f'request_count{{model_name="{MODEL}",status="OK"}}' in text
    assert 'request_count{model_name="",status="NOT_FOUND"}' in text
    assert 'made-up' not in text


_LARGEST = random.Random(0).randbytes(MOST_BYTES // 2).hex().encode()


def _packed(body):
    return {'body': gzip.compress(body), 'headers': {'Content-Encoding': 'gzip'}}


def test_packed_body(ask):
    body = json.dumps({'inputs': _columns()}).encode()
    assert ask('POST', f'{MODEL_PATH}:predict', **_packed(body)) == ask('POST', f'{MODEL_PATH}:predict', body)


@pytest.mark.parametrize(
    'sent, status',
    [
        ({'body': b' ' * (MOST_BYTES + 1)}, 413),
        (_packed(b' ' * (MOST_BYTES + 1)), 413),
        (_packed(_LARGEST + b' '), 413),
        (_packed(_LARGEST), 400),
        (_packed(b'{}') | {'body': b'{}'}, 400),
        (_packed(b'{}') | {'body': gzip.compress(b'{}')[:-9]}, 400),
    ],
    ids=['large', 'larger when unpacked', 'by one byte', 'not by one', 'not packed', 'cut off'],
)
def test_body_that_is_too_large_or_damaged(ask, sent, status):
    answer, body = ask('POST', f'{MODEL_PATH}:predict', **sent)
    assert answer == status and body['error']
    assert ask('GET', MODEL_PATH)[0] == 200
