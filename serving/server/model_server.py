"""The embedded server: the gRPC and HTTP services of TensorFlow Serving for the configured models."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from creative_logs.errors import InputError
from serving.server.batching.parameters import BatchingParameters, read_batching_parameters
from serving.server.event_loop import EventLoop
from serving.server.grpc_server.event_loop_server import BatchingGrpcServer, BatchingPredictionService
from serving.server.grpc_server.thread_pool_server import GrpcServer
from serving.server.grpc_server.tls_credentials import read_credentials
from serving.server.model_manager.manager import ModelManager, Retries, VersionStatus
from serving.server.model_manager.served_models import ServedModel, read_model_config
from serving.server.monitoring.config import read_monitoring_config
from serving.server.monitoring.metrics import Metrics
from serving.server.rest.app import LARGEST_BODY, RestApp
from serving.server.rest.server import RestServer
from serving.server.services.model_registry import ModelRegistry
from serving.server.services.prediction_services import ModelService, PredictionService
from serving.server.settings import ServerSettings
from serving.server.status_errors import StatusError
from serving.server.version_loader import VersionLoader

_log = logging.getLogger(__name__)
_MICROSECONDS, _MILLISECONDS = 1e-6, 1e-3


class Ports(NamedTuple):
    """The port of gRPC, and the port of HTTP or None if HTTP is not served."""

    grpc: int
    rest: int | None


class ModelServer:
    """Serves models over gRPC, and also over HTTP if a port for it is given.

    Args:
        settings: The settings of the server.
        on_change: A function called with every change of a version's state.

    Raises:
        InputError: Settings contradict each other, or a file that they name breaks a rule.
    """

    def __init__(self, settings: ServerSettings, on_change: Callable[[VersionStatus], None] = lambda _: None):
        self._settings = settings
        self._credentials = read_credentials(settings.ssl_config_file) if settings.ssl_config_file else None
        batching, models = _batching(settings), _models(settings)
        self._metrics = Metrics()
        self._loop = EventLoop() if batching else None
        load = VersionLoader(
            self._metrics, batching, settings.enable_per_model_batching_parameters, self._loop
        )
        retries = Retries(settings.max_num_load_retries, settings.load_retry_interval_micros * _MICROSECONDS)
        self.registry = ModelRegistry(
            lambda model: ModelManager(model, load, retries, on_change),
            settings.allow_version_labels_for_unavailable_models,
        )
        self.registry.start(models)
        self._config = _ConfigFile(settings, models)
        self._poller = threading.Thread(target=self._poll, name='version-poller', daemon=True)
        self._ready, self._stopping = threading.Event(), threading.Event()
        self._stopped = False
        self._grpc = self._grpc_server()
        self._rest = _rest_server(settings, self.registry, self._metrics)

    def start(self) -> Ports | None:
        """Waits until a version of every model has been tried, like TensorFlow Serving, then opens the ports.

        Returns:
            The ports; None if `stop` was called before there were versions.

        Raises:
            InputError: A port is in use.
        """
        self._poller.start()
        self._ready.wait()
        if self._stopping.is_set():
            return None
        port = self._listen()
        self._grpc.start()
        return Ports(port, self._rest.start() if self._rest else None)

    def stop(self, grace_s: float = 5.0) -> None:
        """Stops accepting requests, gives running ones `grace_s` seconds to finish, and frees the models.

        A second call does nothing.
        """
        self.request_stop()
        if self._stopped:
            return
        self._stopped = True
        # Both ports stop accepting requests before either waits for its running ones.
        wait_for_requests = self._grpc.stop(grace_s)
        if self._rest:
            self._rest.stop()
        wait_for_requests()
        if self._poller.ident is not None:
            self._poller.join()
        self.registry.close()
        if self._loop:
            self._loop.stop()

    def request_stop(self) -> None:
        """Makes `start` and `wait` return; a signal handler may call it."""
        self._stopping.set()
        self._ready.set()

    def wait(self) -> None:
        """Blocks until `request_stop` or `stop` is called."""
        self._stopping.wait()

    def _grpc_server(self) -> GrpcServer:
        model = ModelService(self.registry)
        if self._loop:
            prediction = BatchingPredictionService(self.registry, self._metrics)
            return BatchingGrpcServer(prediction, model, self._settings, self._loop)
        return GrpcServer(PredictionService(self.registry, self._metrics), model, self._settings)

    def _listen(self) -> int:
        settings = self._settings
        socket, address = settings.grpc_socket_path, f'[::]:{settings.port}'
        if socket:
            with _explained(f'grpc_socket_path: {socket} cannot be created; choose another path'):
                self._grpc.listen(f'unix:{socket}', None)
        unusable = f'port {settings.port} cannot be opened; choose another one'
        if self._credentials:
            unusable += f', or correct the key and the certificate in {settings.ssl_config_file}'
        with _explained(unusable):
            return self._grpc.listen(address, self._credentials)

    def _poll(self) -> None:
        while not self._stopping.is_set():
            self.registry.poll()
            if self.registry.tried():
                self._ready.set()
            self._stopping.wait(self._settings.file_system_poll_wait_seconds)
            self._config.poll(self.registry)


@contextlib.contextmanager
def _explained(message: str) -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise InputError(message) from error


class _ConfigFile:
    """The model configuration file, which is read again at intervals."""

    def __init__(self, settings: ServerSettings, models: list[ServedModel]):
        self._path = settings.model_config_file
        self._wait_s = settings.model_config_file_poll_wait_seconds
        self._read_at = time.monotonic()
        self._models = models
        self._error = ''

    def poll(self, registry: ModelRegistry) -> None:
        """Makes the registry serve what the file says now, if the interval has passed and the file changed.

        An error is logged once, and the server keeps serving. The file is tried again until it is accepted,
        because a label may wait for its version.
        """
        if not self._path or not self._wait_s or time.monotonic() < self._read_at + self._wait_s:
            return
        self._read_at = time.monotonic()
        try:
            models = read_model_config(self._path)
            if models != self._models:
                registry.reload(models)
            self._models, self._error = models, ''
        except (InputError, StatusError) as error:
            if str(error) != self._error:
                _log.error('%s', error)
            self._error = str(error)


def _models(settings: ServerSettings) -> list[ServedModel]:
    if settings.model_config_file:
        return read_model_config(settings.model_config_file)
    if settings.model_base_path is None:
        raise InputError('nothing to serve: give model_base_path or model_config_file')
    return [ServedModel(settings.model_name, settings.model_base_path)]


def _batching(settings: ServerSettings) -> BatchingParameters | None:
    file = settings.batching_parameters_file
    if not settings.enable_batching:
        if file:
            raise InputError(f'batching_parameters_file {file} needs enable_batching')
        return None
    return read_batching_parameters(file) if file else BatchingParameters()


def _rest_server(settings: ServerSettings, registry: ModelRegistry, metrics: Metrics) -> RestServer | None:
    if not settings.rest_api_port:
        if settings.monitoring_config_file:
            raise InputError('monitoring_config_file needs rest_api_port: metrics are read over HTTP')
        return None
    file = settings.monitoring_config_file
    path = read_monitoring_config(file) if file else None
    most = settings.grpc_max_message_bytes
    app = RestApp(
        registry,
        metrics,
        settings.rest_api_timeout_in_ms * _MILLISECONDS,
        path,
        LARGEST_BODY if most < 0 else most,
    )
    return RestServer(app, settings.rest_api_port, settings.rest_api_num_threads)
