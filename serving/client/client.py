"""Clients of a served GenCO model, over the gRPC API of TensorFlow Serving, without TensorFlow."""

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import grpc

from serving.client import protos
from serving.client.contract import Contract
from serving.client.protocol import (
    Call,
    ClientProtocol,
    Exchange,
    ModelVersion,
    Outputs,
    ServerError,
    explain,
)
from serving.client.request import Exploration, SelectRequest
from serving.client.selection import Selection
from serving.client.tls import Tls

__all__ = ['AsyncCreativeClient', 'CreativeClient', 'Exploration', 'ModelVersion', 'ServerError', 'Tls']

_T = TypeVar('_T')
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


class _Client:
    """The parts that both clients share; `CreativeClient` describes the arguments."""

    def __init__(
        self,
        address: str,
        model: str = 'genco',
        timeout_s: float = 1.0,
        version: int | None = None,
        version_label: str | None = None,
        tls: Tls | None = None,
        full_content: bool = False,
    ):
        self._address = address
        self._model = model
        self._timeout_s = timeout_s
        self._protocol = ClientProtocol(address, model, version, version_label, full_content)
        self._channel = self._connect(None if tls is None else tls.credentials())
        self._methods: dict[str, Callable] = {}

    def _connect(self, credentials: grpc.ChannelCredentials | None) -> Any:
        raise NotImplementedError

    def _start(self, call: Call) -> Any:
        """Sends a call; each method is looked up on the channel only once."""
        if call.method not in self._methods:
            self._methods[call.method] = self._channel.unary_unary(
                f'/tensorflow.serving.{call.service}/{call.method}',
                request_serializer=getattr(protos, f'{call.method}Request').SerializeToString,
                response_deserializer=getattr(protos, f'{call.method}Response').FromString,
            )
        return self._methods[call.method](call.request, timeout=self._timeout_s)

    def _explain(self, error: grpc.RpcError) -> ServerError:
        return explain(error, self._address, self._model, self._timeout_s)


class CreativeClient(_Client):
    """Asks a server which creatives to show. Threads may share one.

    Args:
        address: The server's address, `host:port`.
        model: The name of the model on the server.
        timeout_s: The deadline of each call in seconds. Until then, a call that finds the server unavailable
            is repeated after growing pauses.
        version: The number of the version to ask instead of the newest.
        version_label: The label of the version to ask instead of the newest.
        tls: The certificates; without them, the connection is not encrypted.
        full_content: Whether requests always bring tensors of full width for the content of candidates.
            TensorFlow Serving needs this where it merges requests; the server of this package does not.

    Raises:
        InputError: Both a version and a label are given, or a certificate cannot be read.

    Example:
        with CreativeClient('localhost:8500') as client:
            request = SelectRequest({'user_id': 'u1', 'ad_id': 'a7'}, {'title': ['t1', 't2']})
            selection = client.select(request)
            selection.choices['title'].id
    """

    def __enter__(self) -> 'CreativeClient':
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connection."""
        self._channel.close()

    def select(
        self,
        request: SelectRequest,
        exploration: Exploration | None = None,
        estimate_propensity: bool = False,
    ) -> Selection:
        """Chooses the combination to show for one ad; see `select_many` for arguments and errors."""
        return self.select_many([request], exploration, estimate_propensity)[0]

    def select_many(
        self,
        requests: Sequence[SelectRequest],
        exploration: Exploration | None = None,
        estimate_propensity: bool = False,
    ) -> list[Selection]:
        """Chooses the combinations to show for several ads in one call, in the order of the requests.

        Args:
            requests: The requests, one per ad.
            exploration: How much the choice is randomized; without it, the model chooses as exported.
            estimate_propensity: Whether a second call asks how probable the choices were.

        Raises:
            InputError: A request does not fit the inputs of the model, or `estimate_propensity` is given
                without an exploration.
            ServerError: The server did not answer in time, has no such model, or failed; or its model was
                exported without the signatures for exploration (FAILED_PRECONDITION).
        """
        return self._run(self._protocol.select(requests, exploration, estimate_propensity))

    def predict(self, requests: Sequence[SelectRequest], seeds: Sequence[int]) -> Outputs:
        """The outputs of `serving_default` for B requests with one seed each; raises like `select_many`."""
        return self._run(self._protocol.predict(requests, seeds))

    def contract(self) -> Contract:
        """Asks the server for the inputs and signatures of the served version; raises ServerError."""
        return self._run(self._protocol.contract())

    def versions(self) -> list[ModelVersion]:
        """Asks for the versions of the model that the server has seen, newest first; raises ServerError."""
        return self._run(self._protocol.versions())

    def _connect(self, credentials: grpc.ChannelCredentials | None) -> grpc.Channel:
        if credentials is None:
            return grpc.insecure_channel(self._address, options=_OPTIONS)
        return grpc.secure_channel(self._address, credentials, options=_OPTIONS)

    def _run(self, exchange: Exchange[_T]) -> _T:
        try:
            call = next(exchange)
            while True:
                try:
                    response = self._start(call)
                except grpc.RpcError as error:
                    call = exchange.throw(self._explain(error))
                else:
                    call = exchange.send(response)
        except StopIteration as end:
            return end.value


class AsyncCreativeClient(_Client):
    """`CreativeClient` for asyncio: the same arguments, methods, answers and errors, awaited.

    A client belongs to the event loop that created it; the tasks of that loop may share it.

    Example:
        async with AsyncCreativeClient('localhost:8500') as client:
            selection = await client.select(request)
    """

    async def __aenter__(self) -> 'AsyncCreativeClient':
        return self

    async def __aexit__(self, *_) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the connection."""
        await self._channel.close()

    async def select(
        self,
        request: SelectRequest,
        exploration: Exploration | None = None,
        estimate_propensity: bool = False,
    ) -> Selection:
        """See `CreativeClient.select`."""
        return (await self.select_many([request], exploration, estimate_propensity))[0]

    async def select_many(
        self,
        requests: Sequence[SelectRequest],
        exploration: Exploration | None = None,
        estimate_propensity: bool = False,
    ) -> list[Selection]:
        """See `CreativeClient.select_many`."""
        return await self._run(self._protocol.select(requests, exploration, estimate_propensity))

    async def predict(self, requests: Sequence[SelectRequest], seeds: Sequence[int]) -> Outputs:
        """See `CreativeClient.predict`."""
        return await self._run(self._protocol.predict(requests, seeds))

    async def contract(self) -> Contract:
        """See `CreativeClient.contract`."""
        return await self._run(self._protocol.contract())

    async def versions(self) -> list[ModelVersion]:
        """See `CreativeClient.versions`."""
        return await self._run(self._protocol.versions())

    def _connect(self, credentials: grpc.ChannelCredentials | None) -> grpc.aio.Channel:
        if credentials is None:
            return grpc.aio.insecure_channel(self._address, options=_OPTIONS)
        return grpc.aio.secure_channel(self._address, credentials, options=_OPTIONS)

    async def _run(self, exchange: Exchange[_T]) -> _T:
        try:
            call = next(exchange)
            while True:
                try:
                    response = await self._start(call)
                except grpc.RpcError as error:
                    call = exchange.throw(self._explain(error))
                else:
                    call = exchange.send(response)
        except StopIteration as end:
            return end.value
