"""What clients say to a server and read in its answers, without sending anything: sync and async share it.

An exchange is a generator. It yields calls, is sent their responses, and returns what the caller asked for;
a call that fails is thrown into it as a `ServerError`.
"""

import secrets
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass

import grpc
import numpy as np

from creative_logs.errors import InputError
from serving.client import protos
from serving.client.contract import CHOICE_PROPENSITY, EXPLORE, SELECT, SELECTED, Contract
from serving.client.request import Exploration, SelectRequest, encode_requests
from serving.client.selection import Selection, decode_selections, with_choice_propensities
from serving.tensor_protos import decode, encode

_SIGNATURES = 'signature_def'
_STATES = {10: 'START', 20: 'LOADING', 30: 'AVAILABLE', 40: 'UNLOADING', 50: 'END'}
_OTHER_MODEL = (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION)

Exchange = Generator['Call', object, object]


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


@dataclass(frozen=True)
class Call:
    """One remote call: the service's name and the method's, and the message to send."""

    service: str
    method: str
    request: object


@dataclass(frozen=True)
class Outputs:
    """Outputs of a signature by alias (dimension 0 = ads), and the version that computed them."""

    arrays: Mapping[str, np.ndarray]
    version: int


class Dialog:
    """The exchanges of one client with one model.

    Args:
        address: of the server, for messages.
        model: its name at the server.
        version: to ask, instead of the newest.
        version_label: to ask, instead of the newest.

    Raises:
        InputError: both a version and a label are given.
    """

    def __init__(self, address: str, model: str, version: int | None, version_label: str | None):
        if version is not None and version_label is not None:
            raise InputError(f'version {version} and version_label {version_label!r}: give one of them')
        self._address = address
        self._model = model
        self._version = version
        self._version_label = version_label
        self._contract: Contract | None = None

    def select(
        self, requests: Sequence[SelectRequest], exploration: Exploration | None, estimate_propensity: bool
    ) -> Exchange:
        """Returns the selections, in the order of the requests."""
        if estimate_propensity and exploration is None:
            raise InputError('estimate_propensity: needs an exploration; give one, if only with epsilon 0')
        if not requests:
            return []
        seeds = _seeds(requests)
        try:
            return (yield from self._select(requests, seeds, exploration, estimate_propensity))
        except ServerError as error:
            if not estimate_propensity or error.code is not grpc.StatusCode.NOT_FOUND:
                raise
            # The version that chose was replaced before it was asked for its propensities: choose anew.
            return (yield from self._select(requests, seeds, exploration, estimate_propensity))

    def predict(self, requests: Sequence[SelectRequest], seeds: Sequence[int]) -> Exchange:
        """Returns the `Outputs` of `serving_default`."""
        _, outputs = yield from self._ask(requests, seeds, None)
        return outputs

    def contract(self) -> Exchange:
        """Returns what the served version takes, and remembers it."""
        request = protos.GetModelMetadataRequest(metadata_field=[_SIGNATURES])
        self._address_model(request, self._version)
        response = yield Call('PredictionService', 'GetModelMetadata', request)
        signatures = protos.SignatureDefMap.FromString(response.metadata[_SIGNATURES].value).signature_def
        try:
            self._contract = Contract.from_signatures(signatures)
        except ValueError as error:
            message = f'{self._address}: {self._model!r} is not a GenCO model: {error}'
            raise ServerError(grpc.StatusCode.FAILED_PRECONDITION, message) from error
        return self._contract

    def versions(self) -> Exchange:
        """Returns the versions of the model that the server has seen, newest first."""
        request = protos.GetModelStatusRequest()
        request.model_spec.name = self._model
        response = yield Call('ModelService', 'GetModelStatus', request)
        return [
            ModelVersion(entry.version, _STATES[entry.state], entry.status.error_message)
            for entry in response.model_version_status
        ]

    def _select(
        self, requests, seeds, exploration: Exploration | None, estimate_propensity: bool
    ) -> Exchange:
        inputs, outputs = yield from self._ask(requests, seeds, exploration)
        selections = decode_selections(outputs.arrays, requests, seeds, outputs.version, exploration)
        if estimate_propensity:
            selections = yield from self._estimate(inputs, outputs, selections)
        return selections

    def _ask(self, requests, seeds, exploration: Exploration | None) -> Exchange:
        """Returns the inputs and the outputs of the signature that chooses."""
        if self._contract is not None:
            try:
                return (yield from self._ask_as(self._contract, requests, seeds, exploration))
            except (InputError, ServerError) as error:
                if isinstance(error, ServerError) and error.code not in _OTHER_MODEL:
                    raise
                # A version that takes other inputs may serve by now: learn them, and ask once more.
        contract = yield from self.contract()
        return (yield from self._ask_as(contract, requests, seeds, exploration))

    def _ask_as(self, contract: Contract, requests, seeds, exploration: Exploration | None) -> Exchange:
        inputs = encode_requests(requests, seeds, contract)
        if exploration is None:
            return inputs, (yield from self._run(SELECT, inputs, self._version))
        self._require(EXPLORE, contract)
        inputs |= exploration.encode(len(requests))
        return inputs, (yield from self._run(EXPLORE, inputs, self._version))

    def _estimate(self, inputs: dict, outputs: Outputs, selections: Sequence[Selection]) -> Exchange:
        self._require(CHOICE_PROPENSITY, self._contract)
        inputs = inputs | {SELECTED: outputs.arrays['selected_index']}
        found = yield from self._run(CHOICE_PROPENSITY, inputs, outputs.version)
        return with_choice_propensities(
            selections,
            outputs.arrays['component'],
            found.arrays['choice_propensity'],
            found.arrays['choice_propensity_joint'],
        )

    def _require(self, signature: str, contract: Contract) -> None:
        if signature not in contract.signatures:
            message = (
                f'{self._address}: {self._model!r} has no signature {signature!r}; train and push it anew'
            )
            raise ServerError(grpc.StatusCode.FAILED_PRECONDITION, message)

    def _run(self, signature: str, inputs: Mapping[str, np.ndarray], version: int | None) -> Exchange:
        request = protos.PredictRequest()
        self._address_model(request, version)
        request.model_spec.signature_name = signature
        for name, array in inputs.items():
            encode(array, request.inputs[name], packed=True)
        response = yield Call('PredictionService', 'Predict', request)
        arrays = {name: decode(tensor) for name, tensor in response.outputs.items()}
        return Outputs(arrays, response.model_spec.version.value)

    def _address_model(self, request, version: int | None) -> None:
        request.model_spec.name = self._model
        if version is not None:
            request.model_spec.version.value = version
        elif self._version_label is not None:
            request.model_spec.version_label = self._version_label


def explain(error: grpc.RpcError, address: str, model: str, timeout_s: float) -> ServerError:
    """What a failed call means, for a person."""
    if error.code() is grpc.StatusCode.UNAVAILABLE:
        message = f'not reachable; is a server running there? ({error.details()})'
    elif error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
        message = f'no answer within {timeout_s:g} s; is the server overloaded, or no gRPC server?'
    elif error.code() is grpc.StatusCode.NOT_FOUND:
        message = f'serves no version of model {model!r} ({error.details()})'
    else:
        message = error.details()
    return ServerError(error.code(), f'{address}: {message}')


def _seeds(requests: Sequence[SelectRequest]) -> list[int]:
    return [secrets.randbits(63) if request.seed is None else request.seed for request in requests]
