"""The embedded server: gRPC services on the versions of a base path that TensorFlow Serving would serve."""

import logging
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from tensorflow_serving.apis.model_service_pb2_grpc import add_ModelServiceServicer_to_server
from tensorflow_serving.apis.prediction_service_pb2_grpc import add_PredictionServiceServicer_to_server

from creative_logs.errors import InputError
from serving.catalog import Catalog
from serving.model_manager.manager import ModelManager
from serving.services import ModelService, PredictionService

_log = logging.getLogger(__name__)
_HEALTH_SERVICES = ('', 'ModelService', 'PredictionService')
_OPTIONS = (
    ('grpc.max_receive_message_length', -1),
    ('grpc.max_send_message_length', -1),
    # Otherwise a second server on the same port starts, and takes half of the requests.
    ('grpc.so_reuseport', 0),
)


class ModelServer:
    """Serves one model over gRPC.

    Args:
        manager: of the model's versions.
        port: to listen on; 0 picks a free one.
        poll_seconds: time between two looks at the base path.
    """

    def __init__(self, manager: ModelManager, port: int = 8500, poll_seconds: float = 1.0):
        self._manager = manager
        self._port = port
        self._poll_seconds = poll_seconds
        self._ready = threading.Event()
        self._stopping = threading.Event()
        self._poller = threading.Thread(target=self._poll, name='version-poller', daemon=True)
        self._grpc = grpc.server(ThreadPoolExecutor(4 * os.cpu_count(), 'grpc'), options=_OPTIONS)
        self._health = health.HealthServicer()
        catalog = Catalog({manager.name: manager})
        add_PredictionServiceServicer_to_server(PredictionService(catalog), self._grpc)
        add_ModelServiceServicer_to_server(ModelService(catalog), self._grpc)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._grpc)

    def start(self) -> int | None:
        """Waits until a version was tried, as TensorFlow Serving does, then opens the port.

        Returns:
            The port; None where `stop` was called before there was a version.

        Raises:
            InputError: the port is in use.
        """
        self._poller.start()
        self._ready.wait()
        if self._stopping.is_set():
            return None
        try:
            port = self._grpc.add_insecure_port(f'[::]:{self._port}')
        except RuntimeError as error:
            raise InputError(f'port {self._port}: cannot be listened on; choose another one') from error
        for service in _HEALTH_SERVICES:
            self._health.set(service, health_pb2.HealthCheckResponse.SERVING)
        self._grpc.start()
        return port

    def stop(self, grace_s: float = 5.0) -> None:
        """Takes no more requests, lets those under way finish for `grace_s` seconds, frees the model."""
        self.request_stop()
        self._health.enter_graceful_shutdown()
        self._grpc.stop(grace_s).wait()
        if self._poller.ident is not None:
            self._poller.join()
        self._manager.close()

    def request_stop(self) -> None:
        """Makes `start` and `wait` return; may be called by a signal handler."""
        self._stopping.set()
        self._ready.set()

    def wait(self) -> None:
        """Returns once `request_stop` or `stop` is called."""
        self._stopping.wait()

    def _poll(self) -> None:
        last_error = None
        while not self._stopping.is_set():
            try:
                self._manager.poll()
                last_error = None
            except OSError as error:
                if str(error) != last_error:
                    name, path = self._manager.name, self._manager.base_path
                    _log.error('base path of model %s: %s: %s; waiting for it', name, path, error.strerror)
                last_error = str(error)
            if self._manager.statuses():
                self._ready.set()
            self._stopping.wait(self._poll_seconds)
