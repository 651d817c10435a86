"""The command line of `genco serve`: both spellings, and what starts the stock server."""

import importlib
from pathlib import Path

import pytest
import yaml

from serving.server.settings import ServerSettings

DEPLOY = Path(__file__).parents[2] / 'serving' / 'deploy'
BASE = '--model_base_path=/models/genco'


class Started(Exception):
    """Instead of a server: the settings that it was to have."""


@pytest.fixture
def settings(genco, monkeypatch):
    """Reads a command line."""

    def stop(settings):
        raise Started(settings)

    monkeypatch.setattr(importlib.import_module('tfx_pipeline.cli.serve'), '_build', stop)

    def parse(*arguments) -> ServerSettings:
        with pytest.raises(Started) as started:
            genco('serve', *arguments)
        return started.value.args[0]

    return parse


def test_defaults_are_those_of_the_settings(settings):
    assert settings(BASE) == ServerSettings(model_base_path=Path('/models/genco'))


def test_both_spellings(settings):
    with_underscores = ('--rest_api_port=8501', '--max_num_load_retries', '2', '--enable_batching')
    with_dashes = ('--rest-api-port=8501', '--max-num-load-retries', '2', '--enable-batching=true')
    assert settings(BASE, *with_underscores) == settings(BASE, *with_dashes)


@pytest.mark.parametrize('value, on', [('', True), ('=true', True), ('=1', True), ('=false', False)])
def test_truth(settings, value, on):
    flag = f'--allow_version_labels_for_unavailable_models{value}'
    assert settings(flag, BASE).allow_version_labels_for_unavailable_models is on


def _compose() -> list[str]:
    services = yaml.safe_load((DEPLOY / 'compose.yaml').read_text())['services']
    [command] = [service['command'] for service in services.values() if 'command' in service]
    return command


def _kubernetes() -> list[str]:
    deployment = yaml.safe_load((DEPLOY / 'kubernetes' / 'deployment.yaml').read_text())
    [container] = deployment['spec']['template']['spec']['containers']
    return container['args']


@pytest.mark.parametrize('command', [_compose, _kubernetes])
def test_command_lines_of_the_production_files(settings, command):
    parsed = settings(*command(), '--port=8500', '--rest_api_port=8501')
    assert parsed.model_config_file == Path('/etc/genco/models.config')
    assert parsed.max_num_load_retries == 2


def test_flags_that_change_nothing(settings):
    harmless = ('--num_load_threads=1', '--tensorflow_intra_op_parallelism=2', '--enable_model_warmup')
    assert settings(BASE, *harmless) == settings(BASE)


@pytest.mark.parametrize(
    'arguments, reason',
    [
        ((BASE, '--use_tflite_model'), "No such option '--use_tflite_model'"),
        ((BASE, '--port=70000'), '70000 is not in the range'),
        ((BASE, '--enable_batching=perhaps'), "'perhaps' is not a valid boolean"),
        ((), 'Give --model-base-path or --model-config-file'),
    ],
)
def test_bad_flags_are_one_line(genco, arguments, reason):
    status, _, errors = genco('serve', *arguments)
    assert status == 2
    assert reason in errors and errors.count('\n') == 1
