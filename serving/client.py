"""Client of a served GenCO model, over the gRPC API of TensorFlow Serving. It does not need TensorFlow."""

import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import grpc

from creative_logs.errors import InputError
from serving import protos
from serving.contract import Contract
from serving.request import SelectRequest, encode_requests
from serving.selection import Selection, decode_selections
from serving.tensors import decode, encode

_SIGNATURE, _SIGNATURES = 'serving_default', 'signature_def'
_RETRIES = {
    'methodConfig': [
        {
            'name': [{}],
            'retryPolicy': {
                'maxAttempts': 5,
                'initialBackoff': '0.05s',
                'maxBackoff': '1s',
                'backoffMultiplier': 2,
                'retryableStatusCodes': ['UNAVAILABLE'],
            },
        }
    ]
}
_OPTIONS = (
    ('grpc.service_config', json.dumps(_RETRIES)),
    ('grpc.initial_reconnect_backoff_ms', 100),
    ('grpc.max_receive_message_length', -1),
    ('grpc.max_send_message_length', -1),
)
_STATES = {10: 'START', 20: 'LOADING', 30: 'AVAILABLE', 40: 'UNLOADING', 50: 'END'}


class ServerError(RuntimeError):
    """The server did not answer, or refused; `code` is gRPC's."""

    def __init__(self, code: grpc.StatusCode, message: str):
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class ModelVersion:
    """A version that the server has seen; `error` says why it failed to load, if it did."""

    version: int
    state: str
    error: str


class CreativeClient:
    """Asks a server which creatives to show. Threads may share one.

    Args:
        address: `host:port`.
        model: its name at the server.
        timeout_s: deadline of each call; until then, calls that find no server are repeated with a growing
            pause.

    Example:
        with CreativeClient('localhost:8500') as client:
            request = SelectRequest({'user_id': 'u1', 'ad_id': 'a7'}, {'title': ['t1', 't2']})
            selection = client.select(request)
            selection.choices['title'].id
    """

    def __init__(self, address: str, model: str = 'genco', timeout_s: float = 1.0):
        self._address = address
        self._model = model
        self._timeout_s = timeout_s
        self._channel = grpc.insecure_channel(address, options=_OPTIONS)
        self._predict = self._method('PredictionService/Predict', 'Predict')
        self._get_metadata = self._method('PredictionService/GetModelMetadata', 'GetModelMetadata')
        self._get_status = self._method('ModelService/GetModelStatus', 'GetModelStatus')
        self._contract: Contract | None = None

    def __enter__(self) -> 'CreativeClient':
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connection."""
        self._channel.close()

    def select(self, request: SelectRequest) -> Selection:
        """The combination to show for one ad; raises as `select_many`."""
        return self.select_many([request])[0]

    def select_many(self, requests: Sequence[SelectRequest]) -> list[Selection]:
        """The combinations to show for several ads, in one call and in their order.

        Raises:
            InputError: a request does not fit what the model takes.
            ServerError: the server did not answer in time, has no such model, or failed.
        """
        if not requests:
            return []
        seeds = [secrets.randbits(63) if request.seed is None else request.seed for request in requests]
        if self._contract is not None:
            try:
                return self._ask(requests, seeds, self._contract)
            except (InputError, ServerError) as error:
                if isinstance(error, ServerError) and error.code is not grpc.StatusCode.INVALID_ARGUMENT:
                    raise
                # A version that takes other inputs may serve by now: learn them, and ask once more.
        return self._ask(requests, seeds, self.contract())

    def contract(self) -> Contract:
        """What the served version takes, asked of the server; raises ServerError."""
        request = protos.GetModelMetadataRequest(metadata_field=[_SIGNATURES])
        response = self._call(self._get_metadata, request)
        signatures = protos.SignatureDefMap.FromString(response.metadata[_SIGNATURES].value)
        try:
            self._contract = Contract.from_signature(signatures.signature_def[_SIGNATURE])
        except ValueError as error:
            message = f'{self._address}: {self._model!r} is not a GenCO model: {error}'
            raise ServerError(grpc.StatusCode.FAILED_PRECONDITION, message) from error
        return self._contract

    def versions(self) -> list[ModelVersion]:
        """The versions of the model that the server has seen, newest first; raises ServerError."""
        response = self._call(self._get_status, protos.GetModelStatusRequest())
        return [
            ModelVersion(entry.version, _STATES[entry.state], entry.status.error_message)
            for entry in response.model_version_status
        ]

    def _ask(
        self, requests: Sequence[SelectRequest], seeds: Sequence[int], contract: Contract
    ) -> list[Selection]:
        message = protos.PredictRequest()
        message.model_spec.signature_name = _SIGNATURE
        for name, array in encode_requests(requests, seeds, contract).items():
            encode(array, message.inputs[name], packed=True)
        response = self._call(self._predict, message)
        outputs = {name: decode(tensor) for name, tensor in response.outputs.items()}
        return decode_selections(outputs, requests, seeds, response.model_spec.version.value)

    def _call(self, method: Callable, request):
        request.model_spec.name = self._model
        try:
            return method(request, timeout=self._timeout_s)
        except grpc.RpcError as error:
            raise ServerError(error.code(), f'{self._address}: {self._explain(error)}') from error

    def _explain(self, error: grpc.RpcError) -> str:
        if error.code() is grpc.StatusCode.UNAVAILABLE:
            return f'not reachable; is a server running there? ({error.details()})'
        if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
            return f'no answer within {self._timeout_s:g} s; is the server overloaded, or no gRPC server?'
        if error.code() is grpc.StatusCode.NOT_FOUND:
            return f'serves no version of model {self._model!r} ({error.details()})'
        return error.details()

    def _method(self, path: str, name: str) -> Callable:
        return self._channel.unary_unary(
            f'/tensorflow.serving.{path}',
            request_serializer=getattr(protos, f'{name}Request').SerializeToString,
            response_deserializer=getattr(protos, f'{name}Response').FromString,
        )
