"""Answers of Classify, Regress and MultiInference, for which the served models have no signature."""

from collections.abc import Mapping

import grpc
from tensorflow.core.protobuf.meta_graph_pb2 import SignatureDef
from tensorflow_serving.apis import inference_pb2

from serving.server.services.predict import DEFAULT_SIGNATURE
from serving.server.status_errors import StatusError, invalid

_CLASSIFY, _REGRESS = 'tensorflow/serving/classify', 'tensorflow/serving/regress'
_KINDS = {_CLASSIFY: 'classification', _REGRESS: 'regression'}


def wrong_method(signatures: Mapping[str, SignatureDef], name: str, method: str) -> StatusError:
    """The answer to Classify or Regress.

    Args:
        signatures: The signatures of the version by name.
        name: The name of the requested signature; '' for the default.
        method: classify or regress.
    """
    name = name or DEFAULT_SIGNATURE
    if name not in signatures:
        return invalid(f'No signature was found with the name: {name}')
    return _wrong_signature(signatures[name], f'tensorflow/serving/{method}')


def wrong_task(signatures: Mapping[str, SignatureDef], task: inference_pb2.InferenceTask) -> StatusError:
    """The answer to MultiInference.

    Args:
        signatures: The signatures of the version by name.
        task: The first task; it is refused, so the others are never read.
    """
    name = task.model_spec.signature_name or DEFAULT_SIGNATURE
    if name not in signatures:
        return invalid(f'Requested signature not found in model graph: {name}')
    if task.method_name not in _KINDS:
        return StatusError(
            grpc.StatusCode.UNIMPLEMENTED, f'Unsupported signature method_name: {task.method_name}'
        )
    return _wrong_signature(signatures[name], task.method_name)


def _wrong_signature(signature: SignatureDef, method: str) -> StatusError:
    return invalid(
        f'Expected {_KINDS[method]} signature method_name to be {method}. Was: {signature.method_name}'
    )
