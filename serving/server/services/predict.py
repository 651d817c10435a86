"""Predict on one loaded version, with the checks and error messages of TensorFlow Serving, in its order."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import grpc
import numpy as np
from tensorflow.core.protobuf.meta_graph_pb2 import SignatureDef
from tensorflow_serving.apis import predict_pb2

from serving.server.model_manager.servable import Servable
from serving.server.status_errors import StatusError, invalid
from serving.tensor_protos import TensorMessage, encode

DEFAULT_SIGNATURE = 'serving_default'


@dataclass(frozen=True)
class Prediction:
    """A checked request that fits its signature.

    Attributes:
        name: The name of the signature.
        signature: The signature to run.
        inputs: The input tensors by alias.
        outputs: The aliases of the outputs to compute, in the order of the response.
    """

    name: str
    signature: SignatureDef
    inputs: Mapping[str, TensorMessage]
    outputs: Sequence[str]

    @classmethod
    def of(cls, signatures: Mapping[str, SignatureDef], request: predict_pb2.PredictRequest) -> 'Prediction':
        """Checks a request; of its model_spec, only the signature name is read.

        Raises:
            StatusError: The request does not fit the signature.
        """
        name = request.model_spec.signature_name or DEFAULT_SIGNATURE
        if name not in signatures:
            raise StatusError(
                grpc.StatusCode.FAILED_PRECONDITION, f'Serving signature key "{name}" not found.'
            )
        signature = signatures[name]
        return cls(name, signature, _inputs(signature, request), _outputs(signature, request.output_filter))

    def answer(self, arrays: Sequence[np.ndarray]) -> predict_pb2.PredictResponse:
        """The response, with the outputs by alias and the name of the signature that was run."""
        response = predict_pb2.PredictResponse()
        response.model_spec.signature_name = self.name
        for alias, array in zip(self.outputs, arrays):
            encode(array, response.outputs[alias], packed=False)
        return response


def run_predict(
    servable: Servable,
    request: predict_pb2.PredictRequest,
    timeout_s: float | None = None,
    observe: Callable[[float], None] = lambda seconds: None,
) -> predict_pb2.PredictResponse:
    """Answers a request.

    Args:
        servable: The version that answers.
        request: The request.
        timeout_s: The seconds after which the run is cancelled; None for no limit.
        observe: A function called with the duration of the run in seconds.

    Raises:
        StatusError: The request does not fit the signature, or an op failed.
    """
    asked = Prediction.of(servable.signatures, request)
    start = time.perf_counter()
    arrays = servable.run(asked.signature, asked.inputs, asked.outputs, timeout_s)
    observe(time.perf_counter() - start)
    return asked.answer(arrays)


def _inputs(signature: SignatureDef, request: predict_pb2.PredictRequest) -> dict[str, TensorMessage]:
    given, wanted = request.inputs, signature.inputs
    if len(given) > len(wanted) or (len(given) < len(wanted) and not signature.defaults):
        raise invalid(
            f'input size does not match signature: {len(given)}!={len(wanted)} '
            f'len({_braces(given)}) != len({_braces(wanted)}). '
            f'Sent extra: {_braces(set(given) - set(wanted))}. '
            f'Missing but required: {_braces(set(wanted) - set(given))}.'
        )
    tensors = {}
    for alias in sorted(wanted):
        if alias in given:
            proto = given[alias]
        elif alias in signature.defaults:
            proto = signature.defaults[alias]
        else:
            raise invalid(
                f'Signature input alias: {alias}(feed name: {wanted[alias].name}) not found in request and '
                f'no default value provided. Inputs expected to be in the request {_braces(given)}, or '
                f'default input alias set: {",".join(sorted(signature.defaults))}'
            )
        try:
            tensors[alias] = TensorMessage.of(proto)
        except ValueError as error:
            raise invalid(f'tensor parsing error: {alias}') from error
    return tensors


def _outputs(signature: SignatureDef, output_filter: Iterable[str]) -> list[str]:
    outputs = list(output_filter)
    for place, alias in enumerate(outputs):
        if alias not in signature.outputs:
            raise invalid(
                f'output tensor alias not found in signature: {alias} '
                f'Outputs expected to be in the set {_braces(signature.outputs)}.'
            )
        if alias in outputs[:place]:
            raise invalid(f'duplicate output tensor alias: {alias}')
    return outputs or sorted(signature.outputs)


def _braces(names: Iterable[str]) -> str:
    return f'{{{",".join(sorted(names))}}}'
