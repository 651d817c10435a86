"""The configuration of models: what each form means, and the words of every refusal."""

from pathlib import Path

import grpc
import pytest
from google.protobuf import text_format
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from creative_logs.errors import InputError
from serving.server.model_manager.served_models import (
    ServedModel,
    VersionPolicy,
    read_model_config,
    served_models,
)
from serving.server.model_manager.versions import VersionFolder
from serving.server.status_errors import StatusError

FOLDERS = [VersionFolder(number, Path(f'/models/a/{number}')) for number in (9, 5, 2)]


def _config(*models: str) -> ModelServerConfig:
    listed = ' '.join(f'config {{ {model} }}' for model in models)
    return text_format.Parse(f'model_config_list {{ {listed} }}', ModelServerConfig())


def _model(more: str = 'model_platform: "tensorflow"', name: str = 'a', base_path: str = '/models/a') -> str:
    return f'name: "{name}" base_path: "{base_path}" {more}'


def test_a_model_with_labels():
    labels = 'version_labels { key: "stable" value: 5 } version_labels { key: "canary" value: 9 }'
    [model] = served_models(_config(_model(f'model_platform: "tensorflow" {labels}')))
    assert model == ServedModel('a', Path('/models/a'), labels={'stable': 5, 'canary': 9})


def test_deprecated_model_type():
    assert served_models(_config(_model('model_type: TENSORFLOW')))


@pytest.mark.parametrize(
    'policy, numbers, most',
    [
        ('', [9, 5, 2], 1),
        ('latest { }', [9, 5, 2], 1),
        ('latest { num_versions: 2 }', [9, 5, 2], 2),
        ('all { }', [9, 5, 2], None),
        ('specific { versions: 5 versions: 2 versions: 7 }', [5, 2], None),
    ],
)
def test_version_policies(policy, numbers, most):
    text = f'model_platform: "tensorflow" model_version_policy {{ {policy} }}'
    [model] = served_models(_config(_model(text)))
    chosen, chosen_most = model.policy.choose(FOLDERS)
    assert ([folder.number for folder in chosen], chosen_most) == (numbers, most)


def test_default_policy_is_the_newest():
    assert VersionPolicy().choose(FOLDERS) == (FOLDERS, 1)


NOT_SUPPORTED = (
    'ServerModelConfig type not supported by HandleReloadConfigRequest. Only ModelConfigList is currently '
    'supported'
)


@pytest.mark.parametrize(
    'config, message',
    [
        (ModelServerConfig(), NOT_SUPPORTED),
        (ModelServerConfig(custom_model_config={}), NOT_SUPPORTED),
        (_config(_model(), _model()), 'Illegal to list model a multiple times in config list'),
        (_config(_model(name='')), 'Illegal to list a model without a name in config list'),
        (
            _config(_model(base_path='models/a')),
            'Expected model a to have an absolute path or URI; got base_path()=models/a',
        ),
        (
            _config(_model('')),
            'Illegal setting neither ModelServerConfig::model_type (deprecated) nor '
            'ModelServerConfig::model_platform, model name is a',
        ),
        (
            _config(_model('model_type: TENSORFLOW model_platform: "tensorflow"')),
            'Illegal setting both ModelServerConfig::model_type (deprecated) and '
            'ModelServerConfig::model_platform, model name is a',
        ),
        (_config(_model('model_platform: "torch"')), 'Model a requests unsupported platform torch'),
        (
            _config(_model('model_platform: "tensorflow" model_version_policy { specific { } }')),
            'Illegal to set a specific version policy without versions, model name is a',
        ),
    ],
)
def test_refusals(config, message):
    with pytest.raises(StatusError) as error:
        served_models(config)
    assert (error.value.code, error.value.message) == (grpc.StatusCode.INVALID_ARGUMENT, message)


@pytest.mark.parametrize(
    'text, reason',
    [
        (
            'model_config_list { config { nmae: "a" } }',
            'not a valid ModelServerConfig in the text format .*nmae',
        ),
        ('model_config_list { config { name: "a" base_path: "/a" model_platform: "x" } }', 'platform x'),
        (None, 'No such file or directory'),
    ],
)
def test_bad_file_is_one_line(tmp_path, text, reason):
    file = tmp_path / 'models.config'
    if text is not None:
        file.write_text(text)
    with pytest.raises(InputError, match=f'^{file}: .*{reason}') as error:
        read_model_config(file)
    assert '\n' not in str(error.value)
