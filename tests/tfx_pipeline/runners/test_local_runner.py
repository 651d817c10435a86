"""Whole runs on simulated logs: killed, taken up again, repeated, and for the next day."""

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import ml_metadata as mlmd
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from tfx.orchestration import metadata

from creative_logs.errors import InputError
from tests.creative_logs.examples import good_row, write_logs
from tests.tfx_pipeline.examples import config_for
from tfx_pipeline.config import Config, load_config, save_config
from tfx_pipeline.runners.local_execution import METADATA
from tfx_pipeline.runners.local_runner import run

DEMO = Path(__file__).parents[3] / 'configs' / 'demo.yaml'
DAYS = ['2024-06-20', '2024-06-21', '2024-06-22']
GENCO = [sys.executable, '-c', 'from tfx_pipeline.cli import main; main()']


@pytest.fixture(scope='module')
def config(tmp_path_factory) -> Config:
    folder = tmp_path_factory.mktemp('run')
    size = ['--ads', '30', '--days', '3', '--rows', '1500', '--test-share', '0.4', '--workers', '1']
    simulate = [*GENCO, 'simulate', '--out', str(folder / 'logs'), *size]
    subprocess.run(simulate, check=True, capture_output=True)
    overrides = [f'paths.{name}={folder / name}' for name in ('logs', 'root', 'serving')]
    overrides.append(f'paths.catalogue={folder}/logs/catalogue.parquet')
    always_bless = ['evaluation.min_lift_over_uniform=-1', 'evaluation.min_lift_over_serving=-1']
    config = load_config(DEMO, [*overrides, *always_bless, 'window.holdout_days=1'])
    save_config(config, folder / 'config.yaml')
    return config


def _store(config: Config) -> mlmd.MetadataStore:
    return mlmd.MetadataStore(
        metadata.sqlite_metadata_connection_config(str(Path(config.paths.root) / METADATA))
    )


def _executions(config: Config, step: str) -> Counter:
    """Executions of a step by their state, over all runs."""
    store = _store(config)
    node = store.get_context_by_type_and_name('node', f'{config.name}.{step}')
    executions = store.get_executions_by_context(node.id) if node else []
    return Counter(mlmd.proto.Execution.State.Name(execution.last_known_state) for execution in executions)


def _versions(config: Config) -> list[str]:
    return sorted(path.name for path in Path(config.paths.serving).iterdir())


def _kill_in_trainer(config: Config) -> None:
    command = [*GENCO, 'run', '--config', f'{Path(config.paths.root).parent}/config.yaml', '--day', DAYS[1]]
    environment = os.environ | {'PYTHONUNBUFFERED': '1'}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    for line in process.stderr:
        if line.startswith('Transform: '):
            process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


@pytest.mark.pipeline
def test_runs_go_on_where_they_stopped_and_repeat_nothing(config):
    _kill_in_trainer(config)
    assert _executions(config, 'Transform') == {'COMPLETE': 1}
    assert not Path(config.paths.serving).exists()

    first = run(config, DAYS[1])
    assert first.days == tuple(DAYS[:2])
    assert first.blessed
    assert first.evaluation['serving'] is None
    assert _executions(config, 'LogExampleGen') == {'COMPLETE': 2, 'CACHED': 2}
    assert _executions(config, 'Transform') == {'COMPLETE': 1, 'CACHED': 1}
    assert _executions(config, 'Trainer')['COMPLETE'] == 1
    elements = pq.read_metadata(config.paths.catalogue).num_rows
    assert sum(counts['elements'] for counts in first.catalogue['components'].values()) == elements > 0
    # The model has a row for each of them, and one that no element has.
    variables = tf.train.list_variables(f'{first.pushed_to}/variables/variables')
    assert [elements + 1] in [shape for _, shape in variables]
    assert 'Element catalogue' in Path(first.report).read_text()
    assert [first.pushed_to] == [f'{config.paths.serving}/{version}' for version in _versions(config)]
    assert load_config(f'{config.paths.root}/config.yaml') == config

    again = run(config, DAYS[1])
    computed = [step.name for step in again.steps if not step.cached]
    assert computed == ['Window', 'ServingModel']
    assert again.model == first.model
    assert again.pushed_to == first.pushed_to
    assert len(_versions(config)) == 1

    next_day = run(config)
    assert _executions(config, 'CatalogueGen')['COMPLETE'] == 2
    assert next_day.days == tuple(DAYS)
    assert next_day.evaluation['serving'] is not None
    assert _executions(config, 'LogExampleGen')['COMPLETE'] == 3
    assert len(_versions(config)) == 2
    assert next_day.pushed_to == f'{config.paths.serving}/{_versions(config)[-1]}'
    assert next_day.rows == 1500
    history = Path(next_day.report).read_text().partition('Past models')[2]
    assert all(f'{Path(run.model).name}, 2024-06-2' in history for run in (first, next_day))


@pytest.mark.pipeline
def test_bad_logs_stop_with_one_line_that_names_step_file_and_rule(tmp_path, capfd):
    logs = write_logs(tmp_path / 'logs', [good_row(), good_row(click=2)])
    with pytest.raises(InputError) as error:
        run(config_for(tmp_path))
    message = str(error.value)
    assert message.startswith(f'LogExampleGen: {logs}/2024-01-01/')
    assert 'click must be 0 or 1' in message
    assert '\n' not in message
    assert list((tmp_path / 'root' / 'LogExampleGen' / 'examples').iterdir()) == []
    assert 'Traceback' in (tmp_path / 'root' / 'run.log').read_text()
    assert 'Traceback' not in capfd.readouterr().err


@pytest.mark.pipeline
def test_anomalies_stop_before_anything_is_transformed(tmp_path):
    write_logs(tmp_path / 'logs', [good_row(age=None)])
    with pytest.raises(InputError, match='LogValidator: .*train: age: .*test: age: '):
        run(config_for(tmp_path))
    assert not (tmp_path / 'root' / 'Transform').exists()
