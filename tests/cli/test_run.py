"""The verbs `run` and `refresh`: what they refuse before anything slow is imported, and how they end."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from creative_logs.errors import InputError
from tests.creative_logs.examples import good_row, write_logs
from tests.tfx_pipeline.examples import config_for, with_catalogue
from tfx_pipeline.cli.run import refresh, run
from tfx_pipeline.config import save_config
from tfx_pipeline.console.step_errors import StepError
from tfx_pipeline.runners import local_runner


@pytest.fixture
def config_path(tmp_path) -> str:
    save_config(config_for(tmp_path), tmp_path / 'config.yaml')
    return str(tmp_path / 'config.yaml')


def _genco(*arguments: str, verb: str = 'run') -> subprocess.CompletedProcess:
    code = (
        'import sys; from tfx_pipeline.cli import main\n'
        'try: main()\n'
        'finally: print("heavy", "tensorflow" in sys.modules or "tfx" in sys.modules)'
    )
    return subprocess.run([sys.executable, '-c', code, verb, *arguments], capture_output=True, text=True)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['--config', 'ghost.yaml'], 'ghost.yaml: cannot be read'),
        (['--set', 'training.speed=1'], "unknown key 'training.speed'"),
        ([], 'no such folder of logs'),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2_without_tensorflow(config_path, arguments, message):
    if '--config' not in arguments:
        arguments = ['--config', config_path, *arguments]
    done = _genco(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith('genco: ')
    assert message in done.stderr
    assert done.stderr.count('\n') == 1
    assert done.stdout == 'heavy False\n'


@pytest.mark.parametrize(
    ('described', 'message'),
    [
        (False, 'paths.catalogue is missing: genco refresh folds a catalogue into a model; '),
        (True, "no run of the pipeline 'small' yet; run genco run first"),
    ],
)
def test_a_refresh_without_a_catalogue_or_a_run_is_one_line_without_tensorflow(tmp_path, described, message):
    config = with_catalogue(tmp_path) if described else config_for(tmp_path)
    save_config(config, tmp_path / 'config.yaml')
    done = _genco('--config', str(tmp_path / 'config.yaml'), verb='refresh')
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.startswith('genco: ') and done.stderr.count('\n') == 1
    assert done.stdout == 'heavy False\n'
    assert not (tmp_path / 'root').exists()


@pytest.mark.parametrize('verb', [run, refresh])
def test_a_failed_step_is_one_line_and_exit_code_1(tmp_path, config_path, monkeypatch, verb):
    write_logs(tmp_path / 'logs', [good_row()])

    def fail(*_):
        raise StepError('Trainer failed: OSError: disk full')

    monkeypatch.setattr(local_runner, verb.name, fail)
    result = CliRunner().invoke(verb, ['--config', config_path])
    assert result.exit_code == 1
    assert result.output == 'Error: Trainer failed: OSError: disk full\n'


def test_a_root_that_cannot_be_written_is_one_line_without_tensorflow(tmp_path, config_path):
    write_logs(tmp_path / 'logs', [good_row()])
    (tmp_path / 'root').touch()
    done = _genco('--config', config_path)
    assert done.returncode == 2
    assert done.stderr.startswith(f'genco: {tmp_path / "root"}: cannot be written: File exists; ')
    assert done.stderr.count('\n') == 1
    assert done.stdout == 'heavy False\n'


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['--output', 'x.json'], 'are for --runner kubeflow'),
        (['--runner', 'kubeflow'], 'needs --output FILE and --image IMAGE'),
        (['--runner', 'kubeflow', '--output', 'x.txt', '--image', 'i'], 'x.txt: must end in .json or .yaml'),
    ],
)
def test_options_of_the_other_runner_are_refused(config_path, arguments, message):
    result = CliRunner().invoke(run, ['--config', config_path, *arguments])
    assert result.exit_code == 2
    assert message in result.output


def test_a_kubeflow_file_is_written(tmp_path, config_path):
    write_logs(tmp_path / 'logs', [good_row()])
    output = tmp_path / 'pipeline.json'
    arguments = ['--config', config_path, '--runner', 'kubeflow', '--output', str(output), '--image', 'i']
    result = CliRunner().invoke(run, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    assert result.output == f'wrote {output}\n'
    assert json.loads(output.read_text())['pipelineSpec']['pipelineInfo']['name'] == 'small'


def test_two_runs_cannot_share_a_root(tmp_path):
    write_logs(tmp_path / 'logs', [good_row()])
    (tmp_path / 'root').mkdir()
    with (
        local_runner._only_run(Path(tmp_path / 'root')),
        pytest.raises(InputError, match='another run is using this folder'),
    ):
        local_runner.run(config_for(tmp_path))
