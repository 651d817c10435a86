"""Servers on free ports, requests to them, and waiting for their states."""

import os
import shutil
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault('TF_USE_LEGACY_KERAS', '1')

import grpc
import numpy as np
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2
from tensorflow_serving.apis.model_service_pb2_grpc import ModelServiceStub
from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub

from serving.client.client import CreativeClient
from serving.client.request import SelectRequest
from serving.server.model_manager.manager import ModelManager
from serving.server.model_server import ModelServer
from serving.server.settings import ServerSettings

MODEL = 'genco'
PATIENCE_S = 60
# The first ad of `tiny_model.example_inputs`.
REQUEST = SelectRequest(
    {'user_id': 'u0', 'ad_id': 'ad0', 'hour': 0, 'age': 20.0, 'query_terms': ['red', 'shoes']},
    {'title': ['t0-0', 't0-1', 't0-2'], 'image': ['i0-0', 'i0-1']},
    {'title': ['Buy', 'Look', 'Now']},
    seed=7,
)
_POLL_S = 0.02


def push(source: Path, base_path: Path, version: int, spoil: Callable[[Path], None] = lambda _: None) -> Path:
    """Copies an exported version, spoils the copy, and renames it into the base path."""
    temporary = base_path / f'.{version}'
    shutil.copytree(source, temporary)
    spoil(temporary)
    return temporary.rename(base_path / str(version))


@dataclass
class Running:
    """A started server and the stubs with which tests call it."""

    server: ModelServer
    manager: ModelManager
    port: int
    channel: grpc.Channel
    rest_port: int | None = None

    def __post_init__(self):
        self.prediction = PredictionServiceStub(self.channel)
        self.model = ModelServiceStub(self.channel)

    @property
    def address(self) -> str:
        return f'localhost:{self.port}'

    def client(self, timeout_s: float = PATIENCE_S) -> CreativeClient:
        return CreativeClient(self.address, MODEL, timeout_s)

    def states(self) -> dict[int, int]:
        request = get_model_status_pb2.GetModelStatusRequest()
        request.model_spec.name = MODEL
        response = self.model.GetModelStatus(request, timeout=PATIENCE_S)
        return {entry.version: entry.state for entry in response.model_version_status}

    def wait_for(self, **states: int) -> None:
        """Polls GetModelStatus until versions v1=..., v2=... have these states."""
        wanted = {int(name.removeprefix('v')): state for name, state in states.items()}
        wait_until(lambda: wanted.items() <= self.states().items())


def settings_of(base_path: Path, **settings) -> ServerSettings:
    """The settings of a server on `base_path` that looks for versions often."""
    settings = {'model_base_path': base_path, 'file_system_poll_wait_seconds': _POLL_S} | settings
    return ServerSettings(model_name=MODEL, **settings)


@contextmanager
def running(base_path: Path, port: int = 0, **settings):
    """A server on `base_path`, stopped at the end."""
    server = ModelServer(settings_of(base_path, port=port, **settings))
    try:
        ports = server.start()
        with grpc.insecure_channel(f'localhost:{ports.grpc}') as channel:
            yield Running(server, server.registry.manager(MODEL), ports.grpc, channel, ports.rest)
    finally:
        server.stop()


MODES = ('threads', 'batching', 'padding')


@contextmanager
def running_in(mode: str, base_path: Path, max_batch_size: int):
    """As `running`, in one of the MODES: without batching, with it, or with batches of padded requests."""
    settings: dict = {} if mode == 'threads' else {'enable_batching': True}
    if mode == 'padding':
        settings['batching_parameters_file'] = base_path.with_suffix('.config')
        settings['batching_parameters_file'].write_text(
            f'max_batch_size {{ value: {max_batch_size} }} batch_timeout_micros {{ value: 20000 }} '
            'num_batch_threads { value: 1 } pad_variable_length_inputs: true'
        )
    with running(base_path, **settings) as server:
        yield server


@contextmanager
def listening(server: grpc.Server):
    """Starts a server that has its services; gives its address and stops it at the end."""
    port = server.add_insecure_port('localhost:0')
    server.start()
    try:
        yield f'localhost:{port}'
    finally:
        server.stop(None).wait()


def metadata_request(*fields, name=MODEL) -> get_model_metadata_pb2.GetModelMetadataRequest:
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=fields)
    request.model_spec.name = name
    return request


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < end, 'it did not happen in time'
        pause.wait(_POLL_S)


def assert_same(found: np.ndarray, expected: np.ndarray) -> None:
    """Two answers to one request are the same: ids and indices exactly, probabilities to a rounding.

    On some processors TensorFlow computes a value in the middle of a batch by other instructions than at its end, so
    that it may differ in its last bit when requests are merged.
    """
    if np.asarray(expected).dtype.kind == 'f':
        np.testing.assert_allclose(found, expected, rtol=1e-6)
    else:
        np.testing.assert_array_equal(found, expected)
