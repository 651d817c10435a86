"""The gRPC server for merged requests, which wait in an event loop instead of in one thread each."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import cast

import grpc
import grpc.aio
from grpc_health.v1 import health

from serving.server.batching.servable import BatchingServable
from serving.server.event_loop import EventLoop
from serving.server.grpc_server.decoding import DecodingServer
from serving.server.grpc_server.poller_priority import patient_polling
from serving.server.grpc_server.thread_pool_server import (
    HEALTH_SERVICES,
    SERVING,
    GrpcServer,
    add_port,
    add_services,
    channel_options,
    most_requests,
)
from serving.server.services.predict import Prediction
from serving.server.services.prediction_services import ModelService, PredictionService, named, time_remaining
from serving.server.settings import ServerSettings
from serving.server.status_errors import async_rpc


class BatchingGrpcServer(GrpcServer):
    """A `GrpcServer` in an event loop; only methods that are not coroutines run in threads.

    Args:
        prediction: The prediction service.
        model: The model service.
        settings: The settings of the server's threads, limits and channels.
        loop: The event loop that answers the requests.
    """

    def __init__(
        self,
        prediction: 'BatchingPredictionService',
        model: ModelService,
        settings: ServerSettings,
        loop: EventLoop,
    ):
        self._loop = loop
        self._health = health.aio.HealthServicer()
        self._server = loop.call(_new_server(settings))
        add_services(DecodingServer(self._server), prediction, model, self._health)

    def listen(self, address: str, credentials: grpc.ServerCredentials | None) -> int:
        """See `GrpcServer.listen`."""

        async def listen() -> int:
            return add_port(self._server, address, credentials)

        return self._loop.call(listen())

    def start(self) -> None:
        """See `GrpcServer.start`."""

        async def start() -> None:
            for service in HEALTH_SERVICES:
                await self._health.set(service, SERVING)
            await self._server.start()

        self._loop.call(start())

    def stop(self, grace_s: float) -> Callable[[], object]:
        """See `GrpcServer.stop`."""

        async def stop() -> None:
            with contextlib.suppress(TimeoutError):  # this waits for every client that watches its health
                await asyncio.wait_for(self._health.enter_graceful_shutdown(), grace_s)
            await self._server.stop(grace_s)

        return self._loop.submit(stop()).result


class BatchingPredictionService(PredictionService):
    """A `PredictionService` whose versions are all `BatchingServable`s."""

    @async_rpc
    async def Predict(self, request, context):
        with self._answering(request) as (version, servable, observe):
            asked = Prediction.of(servable.signatures, request)
            batching = cast(BatchingServable, servable)
            start = time.perf_counter()
            response = await batching.run_merged(
                asked.signature, asked.inputs, asked.outputs, time_remaining(context), asked.answer
            )
            observe(time.perf_counter() - start)
            return named(response, request, version)


async def _new_server(settings: ServerSettings) -> grpc.aio.Server:
    """Creates the server; must run in the loop to which the server will belong."""
    with patient_polling():
        return grpc.aio.server(
            ThreadPoolExecutor(settings.grpc_max_threads, 'grpc'),
            options=channel_options(settings),
            maximum_concurrent_rpcs=most_requests(settings),
        )
