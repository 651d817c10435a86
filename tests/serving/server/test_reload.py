"""Models, versions and labels by configuration, changed while the server runs."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
import pytest
from google.protobuf import text_format
from tensorflow_serving.apis.get_model_status_pb2 import GetModelStatusRequest
from tensorflow_serving.apis.model_management_pb2 import ReloadConfigRequest
from tensorflow_serving.apis.model_service_pb2_grpc import ModelServiceStub
from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from serving.server.model_server import ModelServer
from serving.server.settings import ServerSettings
from tests.serving.helpers import PATIENCE_S, metadata_request, push, wait_until
from tests.serving.tiny_model import example_inputs, predict_request

AVAILABLE, END = 30, 50
BOTH, THREE = {'specific': (1, 2)}, {'specific': (1, 2, 3)}
STABLE_MOVED = {**THREE, 'labels': {'stable': 3}}


class Asked:
    """Questions to a server of several models."""

    def __init__(self, channel, base_path):
        self.prediction, self.model = PredictionServiceStub(channel), ModelServiceStub(channel)
        self._base_path = base_path

    def reload(self, **models):
        request = ReloadConfigRequest(config=text_format.Parse(self.text(**models), ModelServerConfig()))
        return self.model.HandleReloadConfigRequest(request, timeout=PATIENCE_S)

    def text(self, **models):
        """Of models by name: `specific` versions, or the newest, and `labels`."""
        return f'model_config_list {{ {" ".join(self._one(name, **how) for name, how in models.items())} }}'

    def _one(self, name, specific=(), labels=()):
        versions = ' '.join(f'versions: {version}' for version in specific)
        policy = f'specific {{ {versions} }}' if versions else ''
        labelled = [f'version_labels {{ key: "{key}" value: {labels[key]} }}' for key in labels]
        return (
            f'config {{ name: "{name}" base_path: "{self._base_path}" model_platform: "tensorflow" '
            f'model_version_policy {{ {policy} }} {" ".join(labelled)} }}'
        )

    def version(self, name, label=''):
        request = predict_request(example_inputs(1), name)
        if label:
            request.model_spec.version_label = label
        spec = self.prediction.Predict(request, timeout=PATIENCE_S).model_spec
        assert not spec.version_label
        return spec.version.value

    def states(self, name):
        request = GetModelStatusRequest()
        request.model_spec.name = name
        entries = self.model.GetModelStatus(request, timeout=PATIENCE_S).model_version_status
        return [(entry.version, entry.state) for entry in entries]


@contextmanager
def serving(base_path, tmp_path, write=lambda asked: asked.text(a={}), **settings):
    file = tmp_path / 'models.config'
    file.write_text(write(Asked(grpc.insecure_channel('localhost:1'), base_path)))
    server = ModelServer(
        ServerSettings(model_config_file=file, port=0, file_system_poll_wait_seconds=0.02, **settings)
    )
    try:
        with grpc.insecure_channel(f'localhost:{server.start().grpc}') as channel:
            yield Asked(channel, base_path)
    finally:
        server.stop()


@pytest.fixture
def two(exported, base_path):
    """A base path with two versions."""
    push(exported[0], base_path, 1)
    push(exported[1], base_path, 2)
    return base_path


def refused(code, call, *arguments, **models):
    with pytest.raises(grpc.RpcError) as error:
        call(*arguments, **models)
    assert error.value.code() is code
    return error.value.details()


def _stable_of_three(asked):
    return asked.text(a={**THREE, 'labels': {'stable': 1}})


def test_file_with_two_models_and_labels(two, tmp_path):
    def write(asked):
        return asked.text(a={**BOTH, 'labels': {'stable': 1, 'canary': 2}}, b={'specific': (1,)})

    with serving(two, tmp_path, write) as asked:
        assert asked.states('a') == [(2, AVAILABLE), (1, AVAILABLE)]
        assert asked.states('b') == [(1, AVAILABLE)]
        assert [asked.version('a', label) for label in ('', 'stable', 'canary')] == [2, 1, 2]
        request = metadata_request('signature_def', name='a')
        request.model_spec.version_label = 'stable'
        assert asked.prediction.GetModelMetadata(request).model_spec.version.value == 1
        details = refused(grpc.StatusCode.INVALID_ARGUMENT, asked.version, 'b', 'stable')
        assert details == 'Unrecognized servable version label: stable'


def test_reload_adds_and_removes_models(two, tmp_path):
    with serving(two, tmp_path) as asked:
        asked.reload(b={'specific': (1,)})
        assert asked.version('b') == 1
        details = refused(grpc.StatusCode.NOT_FOUND, asked.version, 'a')
        assert details == 'Servable not found for request: Latest(a)'


def test_reload_changes_versions_and_labels(two, tmp_path):
    with serving(two, tmp_path) as asked:
        assert asked.states('a') == [(2, AVAILABLE)]
        asked.reload(a=BOTH)
        wait_until(lambda: asked.states('a') == [(2, AVAILABLE), (1, AVAILABLE)])
        asked.reload(a={**BOTH, 'labels': {'stable': 1}})
        assert asked.version('a', 'stable') == 1
        asked.reload(a={**BOTH, 'labels': {'stable': 2}})
        assert asked.version('a', 'stable') == 2
        asked.reload(a={'specific': (1,)})
        wait_until(lambda: asked.states('a') == [(2, END), (1, AVAILABLE)])
        refused(grpc.StatusCode.INVALID_ARGUMENT, asked.version, 'a', 'stable')


def test_refused_label_changes_no_label_now_or_later(exported, two, tmp_path):
    with serving(two, tmp_path, _stable_of_three) as asked:
        details = refused(grpc.StatusCode.FAILED_PRECONDITION, asked.reload, a=STABLE_MOVED)
        assert details == (
            'Request to assign label to version 3 of model a, which is not currently available for inference'
        )
        push(exported[0], two, 3)
        wait_until(lambda: asked.version('a') == 3)
        assert asked.version('a', 'stable') == 1


def test_label_of_a_version_to_come(exported, two, tmp_path):
    allowed = {'allow_version_labels_for_unavailable_models': True}
    with serving(two, tmp_path, _stable_of_three, **allowed) as asked:
        refused(grpc.StatusCode.FAILED_PRECONDITION, asked.reload, a=STABLE_MOVED)
        asked.reload(a={**THREE, 'labels': {'stable': 1, 'canary': 3}})
        details = refused(grpc.StatusCode.NOT_FOUND, asked.version, 'a', 'canary')
        assert details == 'Servable not found for request: Specific(a, 3)'
        push(exported[0], two, 3)
        wait_until(lambda: asked.version('a') == 3)
        assert asked.version('a', 'canary') == 3


def test_new_model_that_does_not_load(two, tmp_path):
    with serving(two, tmp_path) as asked:
        details = refused(grpc.StatusCode.UNKNOWN, asked.reload, a={}, b={'specific': (7,)})
        assert details.startswith('1 model(s) did not become available: {b: ')
        assert asked.version('a') == 2


def test_refused_configuration_changes_nothing(two, tmp_path):
    with serving(two, tmp_path) as asked:
        with pytest.raises(grpc.RpcError) as error:
            asked.model.HandleReloadConfigRequest(ReloadConfigRequest(), timeout=PATIENCE_S)
        assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert asked.version('a') == 2


def test_file_is_read_again(two, tmp_path, caplog):
    with serving(two, tmp_path, model_config_file_poll_wait_seconds=0.02) as asked:
        file = tmp_path / 'models.config'
        file.write_text('model_config_list { config { name: "a" model_platform: "tensorflow" } }')
        wait_until(lambda: 'Expected model a to have an absolute path' in caplog.text)
        assert asked.version('a') == 2
        # The label's version is not loaded when the file is read first.
        file.write_text(asked.text(a={**BOTH, 'labels': {'stable': 1}}))
        wait_until(lambda: asked.states('a') == [(2, AVAILABLE), (1, AVAILABLE)])
        wait_until(lambda: _has_label(asked))
        assert asked.version('a', 'stable') == 1


def _has_label(asked):
    try:
        return asked.version('a', 'stable') == 1
    except grpc.RpcError:
        return False


def test_reloads_at_once_fail_no_request_of_a_model_that_stays(two, tmp_path):
    with serving(two, tmp_path) as asked, ThreadPoolExecutor(4) as pool:
        done = threading.Event()

        def ask_until_done():
            versions = {asked.version('a')}
            while not done.is_set():
                versions.add(asked.version('a'))
            return versions

        asking = pool.submit(ask_until_done)
        try:
            for models in [{'b': {}}, {'c': {'specific': (1,)}}, {}] * 2:
                both = [pool.submit(asked.reload, a={}, **models) for _ in range(2)]
                assert all(reload.result(PATIENCE_S) for reload in both)
        finally:
            done.set()
        assert asking.result(PATIENCE_S) == {2}
        asked.reload(a={}, b={'specific': (1,)})
        assert (asked.version('a'), asked.version('b')) == (2, 1)
        assert 'Latest(c)' in refused(grpc.StatusCode.NOT_FOUND, asked.version, 'c')
