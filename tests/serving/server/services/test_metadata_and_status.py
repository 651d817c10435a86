"""GetModelMetadata and GetModelStatus: answers, codes and messages of stock TensorFlow Serving."""

import grpc
import pytest
import tensorflow as tf
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2
from tensorflow_serving.apis.get_model_metadata_pb2 import SignatureDefMap

from tests.serving.helpers import MODEL, metadata_request
from tests.serving.tiny_model import SPEC


def test_metadata(any_server):
    response = any_server.prediction.GetModelMetadata(metadata_request('signature_def'))
    assert (response.model_spec.name, response.model_spec.version.value) == (MODEL, 1)
    assert not response.model_spec.signature_name
    signatures = SignatureDefMap()
    assert response.metadata['signature_def'].Unpack(signatures)
    signature = signatures.signature_def['serving_default']
    assert {name: tf.dtypes.as_dtype(info.dtype) for name, info in signature.inputs.items()} == {
        name: spec.dtype for name, spec in SPEC.items()
    }
    assert '__saved_model_init_op' in signatures.signature_def


@pytest.mark.parametrize(
    'request_, code, message',
    [
        (
            get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=['signature_def']),
            'INVALID_ARGUMENT',
            'Missing ModelSpec',
        ),
        (
            metadata_request(),
            'INVALID_ARGUMENT',
            'GetModelMetadataRequest must specify at least one metadata_field',
        ),
        (metadata_request('F'), 'INVALID_ARGUMENT', 'Metadata field F is not supported'),
        (
            metadata_request('signature_def', name='other'),
            'NOT_FOUND',
            'Servable not found for request: Latest(other)',
        ),
    ],
)
def test_metadata_errors(any_server, request_, code, message):
    with pytest.raises(grpc.RpcError) as error:
        any_server.prediction.GetModelMetadata(request_)
    assert (error.value.code(), error.value.details()) == (grpc.StatusCode[code], message)


def _status_request(name=MODEL, version=None):
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = name
    if version is not None:
        request.model_spec.version.value = version
    return request


@pytest.mark.parametrize('version', [None, 1])
def test_status(any_server, version):
    response = any_server.model.GetModelStatus(_status_request(version=version))
    [entry] = response.model_version_status
    available = get_model_status_pb2.ModelVersionStatus.AVAILABLE
    assert (entry.version, entry.state, entry.status.error_code) == (1, available, 0)


@pytest.mark.parametrize(
    'request_, code, message',
    [
        (get_model_status_pb2.GetModelStatusRequest(), 'INVALID_ARGUMENT', 'Missing ModelSpec'),
        (_status_request('other'), 'NOT_FOUND', 'Could not find any versions of model other'),
        (_status_request(version=7), 'NOT_FOUND', f'Could not find version 7 of model {MODEL}'),
    ],
)
def test_status_errors(any_server, request_, code, message):
    with pytest.raises(grpc.RpcError) as error:
        any_server.model.GetModelStatus(request_)
    assert (error.value.code(), error.value.details()) == (grpc.StatusCode[code], message)
