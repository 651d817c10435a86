"""Configuration of TensorFlow Serving: read as the server reads it, and consistent."""

import pytest
from google.protobuf import text_format
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from serving.server.batching.parameters import read_batching_parameters
from tests.serving.deploy.messages import message_class

MODELS = ['config/models.config', 'canary/models.config']
BATCHING = ['config/batching.config', 'cpu/batching.config']


def _parse(file, message):
    return text_format.Parse(file.read_text(encoding='utf-8'), message)


@pytest.fixture(params=MODELS)
def model(deploy, request):
    (model,) = _parse(deploy / request.param, ModelServerConfig()).model_config_list.config
    return model


def test_model_is_the_one_that_clients_and_probes_ask_for(model):
    assert (model.name, model.base_path, model.model_platform) == ('genco', '/models/genco', 'tensorflow')


def test_labels_are_of_versions_that_stay(model):
    """`latest` lets go of a version with the next push, and requests of its label would fail."""
    labels, policy = model.version_labels, model.model_version_policy
    assert policy.WhichOneof('policy_choice') == ('specific' if labels else 'latest')
    assert set(labels.values()) <= set(policy.specific.versions)


def test_canary_has_both_labels_on_different_versions(deploy):
    (model,) = _parse(deploy / 'canary/models.config', ModelServerConfig()).model_config_list.config
    assert set(model.version_labels) == {'stable', 'canary'}
    assert len(set(model.version_labels.values())) == 2


@pytest.mark.parametrize('file', BATCHING)
def test_batches(deploy, file):
    batching = _parse(deploy / file, message_class('BatchingParameters')())
    sizes = list(batching.allowed_batch_sizes)
    assert sizes == sorted(set(sizes)) and sizes[0] == 1
    assert sizes[-1] == batching.max_batch_size.value  # or the server refuses to load
    assert not batching.pad_variable_length_inputs  # the stock server pads with a value, not with ""
    assert batching.max_enqueued_batches.value > 0 and batching.num_batch_threads.value > 0
    assert read_batching_parameters(deploy / file).allowed_batch_sizes == tuple(sizes)


def test_metrics_are_where_prometheus_is_told_to_look(deploy):
    monitoring = _parse(deploy / 'config/monitoring.config', message_class('MonitoringConfig')())
    assert monitoring.prometheus_config.enable
    manifest = (deploy / 'kubernetes' / 'deployment.yaml').read_text(encoding='utf-8')
    assert f'prometheus.io/path: {monitoring.prometheus_config.path}\n' in manifest


def test_a_misspelt_field_is_refused(deploy):
    """The messages that we parse with are strict, so the tests above prove something."""
    with pytest.raises(text_format.ParseError):
        text_format.Parse('max_batch_sizes { value: 1 }', message_class('BatchingParameters')())
