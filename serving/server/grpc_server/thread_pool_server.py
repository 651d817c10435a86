"""The gRPC server that answers every request in a thread, and the parts that both gRPC servers share."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from tensorflow_serving.apis.model_service_pb2_grpc import add_ModelServiceServicer_to_server
from tensorflow_serving.apis.prediction_service_pb2_grpc import add_PredictionServiceServicer_to_server

from creative_logs.errors import InputError
from serving.server.services.prediction_services import ModelService, PredictionService
from serving.server.settings import ServerSettings

HEALTH_SERVICES = ('', 'ModelService', 'PredictionService')
SERVING = health_pb2.HealthCheckResponse.SERVING


class GrpcServer:
    """The services of TensorFlow Serving and the health service.

    Args:
        prediction: The prediction service.
        model: The model service.
        settings: The settings of the server's threads, limits and channels.
    """

    def __init__(self, prediction: PredictionService, model: ModelService, settings: ServerSettings):
        self._health = health.HealthServicer()
        self._server = grpc.server(
            ThreadPoolExecutor(settings.grpc_max_threads, 'grpc'),
            options=channel_options(settings),
            maximum_concurrent_rpcs=most_requests(settings),
        )
        add_services(self._server, prediction, model, self._health)

    def listen(self, address: str, credentials: grpc.ServerCredentials | None) -> int:
        """Listens on an address; without credentials, connections are not encrypted.

        Returns:
            The port.

        Raises:
            RuntimeError: The server cannot listen on the address.
        """
        return add_port(self._server, address, credentials)

    def start(self) -> None:
        """Starts answering requests."""
        for service in HEALTH_SERVICES:
            self._health.set(service, SERVING)
        self._server.start()

    def stop(self, grace_s: float) -> Callable[[], object]:
        """Stops accepting requests and gives running ones `grace_s` seconds to finish.

        Returns:
            A function that blocks until the running requests have ended.
        """
        self._health.enter_graceful_shutdown()
        return self._server.stop(grace_s).wait


def add_services(server, prediction: PredictionService, model: ModelService, health_service) -> None:
    """Adds the services to a server of `grpc` or `grpc.aio`."""
    add_PredictionServiceServicer_to_server(prediction, server)
    add_ModelServiceServicer_to_server(model, server)
    health_pb2_grpc.add_HealthServicer_to_server(health_service, server)


def add_port(server, address: str, credentials: grpc.ServerCredentials | None) -> int:
    """Makes a server of `grpc` or `grpc.aio` listen; see `GrpcServer.listen`."""
    if credentials:
        return server.add_secure_port(address, credentials)
    return server.add_insecure_port(address)


def most_requests(settings: ServerSettings) -> int:
    """The number of requests that may run or wait; further ones are refused with RESOURCE_EXHAUSTED."""
    return settings.grpc_max_threads + settings.grpc_max_queued_requests


def channel_options(settings: ServerSettings) -> list[tuple[str, int | str]]:
    """The options of a server's channels.

    Raises:
        InputError: The channel arguments in the settings are not key=value,key=value.
    """
    options: dict[str, int | str] = {
        'grpc.max_receive_message_length': settings.grpc_max_message_bytes,
        'grpc.max_send_message_length': -1,
        # Otherwise a second server could start on the same port and would take half of the requests.
        'grpc.so_reuseport': 0,
    }
    for argument in filter(None, settings.grpc_channel_arguments.split(',')):
        key, equals, value = argument.partition('=')
        if not equals:
            raise InputError(f'grpc_channel_arguments: must be key=value,key=value: got {argument!r}')
        options[key] = int(value) if value.lstrip('-').isdecimal() else value
    return list(options.items())
