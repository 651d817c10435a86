"""The calls that a client makes and how it reads the responses, shared by the sync and async clients.

Nothing is sent here. An exchange is a generator that yields calls, receives their responses, and returns the
result; the client throws a `ServerError` into it if a call fails.
"""

import secrets
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeVar

import grpc
import numpy as np

from creative_logs.errors import InputError
from serving.client import protos
from serving.client.contract import (
    CHOICE_PROPENSITY,
    EXPLORE,
    POSTERIOR_SCALE,
    SELECT,
    SELECTED,
    Contract,
)
from serving.client.request import Exploration, SelectRequest, content_references, encode_requests
from serving.client.selection import Selection, decode_selections, with_choice_propensities
from serving.tensor_protos import decode, encode

_SIGNATURES = 'signature_def'
_STATES = {10: 'START', 20: 'LOADING', 30: 'AVAILABLE', 40: 'UNLOADING', 50: 'END'}
_OTHER_MODEL = (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION)

_T = TypeVar('_T')


class ServerError(RuntimeError):
    """The server did not answer or refused the call; `code` is the status code of gRPC."""

    def __init__(self, code: grpc.StatusCode, message: str):
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class ModelVersion:
    """A version that the server has seen; `error` says why it failed to load, or is empty."""

    version: int
    state: str
    error: str


@dataclass(frozen=True)
class Call:
    """One remote call: the names of the service and its method, and the message to send."""

    service: str
    method: str
    request: Any


Exchange = Generator[Call, Any, _T]


@dataclass(frozen=True)
class Outputs:
    """The outputs of a signature by alias (dimension 0 = ads), and the version that computed them."""

    arrays: Mapping[str, np.ndarray]
    version: int


class _Asked(NamedTuple):
    """The answer of a signature that chooses, with the contract and the inputs that led to it."""

    contract: Contract
    inputs: dict[str, np.ndarray]
    outputs: Outputs


class ClientProtocol:
    """The exchanges of one client with one model.

    Args:
        address: The server's address, used in error messages.
        model: The name of the model on the server.
        version: The number of the version to ask instead of the newest.
        version_label: The label of the version to ask instead of the newest.
        full_content: See `encode_requests`.

    Raises:
        InputError: Both a version and a label are given.
    """

    def __init__(
        self,
        address: str,
        model: str,
        version: int | None,
        version_label: str | None,
        full_content: bool = False,
    ):
        if version is not None and version_label is not None:
            raise InputError(
                f'version {version} and version_label {version_label!r}: only one of them may be given'
            )
        self._address = address
        self._model = model
        self._version = version
        self._version_label = version_label
        self._full_content = full_content
        self._contract: Contract | None = None

    def select(
        self, requests: Sequence[SelectRequest], exploration: Exploration | None, estimate_propensity: bool
    ) -> Exchange[list[Selection]]:
        """Returns the selections in the order of the requests."""
        if estimate_propensity and exploration is None:
            raise InputError('estimate_propensity needs an exploration; give one, even if its epsilon is 0')
        if not requests:
            return []
        seeds = _seeds(requests)
        try:
            return (yield from self._select(requests, seeds, exploration, estimate_propensity))
        except ServerError as error:
            if not estimate_propensity or error.code is not grpc.StatusCode.NOT_FOUND:
                raise
            # The version that chose was unloaded before it was asked for propensities: choose again.
            return (yield from self._select(requests, seeds, exploration, estimate_propensity))

    def predict(self, requests: Sequence[SelectRequest], seeds: Sequence[int]) -> Exchange[Outputs]:
        """Returns the outputs of `serving_default`."""
        asked = yield from self._ask(requests, seeds, None)
        return asked.outputs

    def contract(self) -> Exchange[Contract]:
        """Returns the contract of the served version and remembers it."""
        request = protos.GetModelMetadataRequest(metadata_field=[_SIGNATURES])
        self._address_model(request, self._version)
        response = yield Call('PredictionService', 'GetModelMetadata', request)
        signatures = protos.SignatureDefMap.FromString(response.metadata[_SIGNATURES].value).signature_def
        try:
            contract = Contract.from_signatures(signatures)
        except ValueError as error:
            message = f'{self._address}: {self._model!r} is not a GenCO model: {error}'
            raise ServerError(grpc.StatusCode.FAILED_PRECONDITION, message) from error
        self._contract = contract
        return contract

    def versions(self) -> Exchange[list[ModelVersion]]:
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
    ) -> Exchange[list[Selection]]:
        asked = yield from self._ask(requests, seeds, exploration)
        outputs = asked.outputs
        selections = decode_selections(outputs.arrays, requests, seeds, outputs.version, exploration)
        selections = [
            replace(chosen, content=content_references(request, asked.contract))
            if request.content
            else chosen
            for chosen, request in zip(selections, requests)
        ]
        if estimate_propensity:
            selections = yield from self._estimate(asked, selections)
        return selections

    def _ask(self, requests, seeds, exploration: Exploration | None) -> Exchange[_Asked]:
        """Runs the signature that chooses, with the remembered contract if there is one."""
        if self._contract is not None:
            try:
                return (yield from self._ask_as(self._contract, requests, seeds, exploration))
            except (InputError, ServerError) as error:
                if isinstance(error, ServerError) and error.code not in _OTHER_MODEL:
                    raise
                # A version with other inputs may be serving by now: read its contract and ask once more.
        contract = yield from self.contract()
        return (yield from self._ask_as(contract, requests, seeds, exploration))

    def _ask_as(
        self, contract: Contract, requests, seeds, exploration: Exploration | None
    ) -> Exchange[_Asked]:
        signature, inputs = SELECT, encode_requests(requests, seeds, contract, self._full_content)
        if exploration is not None:
            self._require(f'signature {EXPLORE!r}', EXPLORE in contract.signatures)
            if exploration.posterior_scale:
                self._require(f'input {POSTERIOR_SCALE!r} of {EXPLORE!r}', contract.draws_effects)
            signature = EXPLORE
            inputs |= exploration.encode(len(requests), contract)
        outputs = yield from self._run(signature, inputs, self._version)
        return _Asked(contract, inputs, outputs)

    def _estimate(self, asked: _Asked, selections: Sequence[Selection]) -> Exchange[list[Selection]]:
        """Asks the version that chose for the probabilities of its choices."""
        self._require(f'signature {CHOICE_PROPENSITY!r}', CHOICE_PROPENSITY in asked.contract.signatures)
        outputs = asked.outputs
        inputs = asked.inputs | {SELECTED: outputs.arrays['selected_index']}
        found = yield from self._run(CHOICE_PROPENSITY, inputs, outputs.version)
        return with_choice_propensities(
            selections,
            outputs.arrays['component'],
            found.arrays['choice_propensity'],
            found.arrays['choice_propensity_joint'],
        )

    def _require(self, what: str, there: bool) -> None:
        if not there:
            message = f'{self._address}: {self._model!r} has no {what}; train and push it again'
            raise ServerError(grpc.StatusCode.FAILED_PRECONDITION, message)

    def _run(
        self, signature: str, inputs: Mapping[str, np.ndarray], version: int | None
    ) -> Exchange[Outputs]:
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
    """Turns a failed call into an error whose message says what to do."""
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
