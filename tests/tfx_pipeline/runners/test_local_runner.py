"""Whole runs on simulated logs: killed, taken up again, repeated, refreshed, and for the next day."""

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import ml_metadata as mlmd
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf

from creative_logs.errors import InputError
from tests.creative_logs.examples import good_row, write_logs
from tests.tfx_pipeline.examples import config_for
from tfx_pipeline.config import Config, load_config, save_config
from tfx_pipeline.run_records.metadata_store import open_store
from tfx_pipeline.runners.local_runner import refresh, run

pytestmark = pytest.mark.minutes

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


def _executions(config: Config, step: str) -> Counter:
    """Executions of a step by their state, over all runs."""
    store = open_store(Path(config.paths.root))
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


def _compared_with(config: Config) -> str:
    """The folder of the model that the newest evaluation took for the serving one."""
    blessings = open_store(Path(config.paths.root)).get_artifacts_by_type('ModelBlessing')
    return max(blessings, key=lambda artifact: artifact.id).custom_properties['baseline_model'].string_value


def _add_twins(config: Config) -> list[str]:
    """Lists three more titles in the catalogue, each with the content of one that is listed already."""
    table = pq.read_table(config.paths.catalogue)
    titles = [row for row in table.to_pylist() if row['component'] == 'title'][:3]
    twins = [row | {'id': f'twin-of-{row["id"]}'} for row in titles]
    grown = [*twins, *table.to_pylist()]
    pq.write_table(pa.Table.from_pylist(grown, schema=table.schema), config.paths.catalogue)
    return [row['id'] for row in titles]


def _worth(model: str, titles: list[str]) -> list[list[float]]:
    """What the content of each title is worth in a pushed model: a row for each."""
    tables = tf.train.load_checkpoint(f'{model}/variables/variables')
    keys, worth = (
        tables.get_tensor(f'tables/content_{name}/.ATTRIBUTES/VARIABLE_VALUE')
        for name in ('element_keys', 'worth')
    )
    listed = dict(zip(keys.tolist(), worth.tolist()))
    strings = [f'element\ttitle\t{title}' for title in titles]
    return [listed[key] for key in tf.strings.to_hash_bucket_fast(strings, 1 << 62).numpy().tolist()]


def _refreshed(config: Config, serving: str, trained: str) -> str:
    """Refreshes the model that was pushed to `serving` twice; returns the folder of the refreshed model."""
    unchanged = refresh(config)
    assert unchanged.elements['before'] == unchanged.elements['after'] > 0
    assert (unchanged.evaluation, unchanged.pushed_to, len(_versions(config))) == (None, None, 1)
    titles = _add_twins(config)
    done = refresh(config)
    before = unchanged.elements['before']
    assert done.elements == {'before': before, 'after': before + 3, 'new': 3, 'changed': 0, 'gone': 0}
    assert done.days == tuple(DAYS[:2])
    assert done.blessed and done.pushed_to == f'{config.paths.serving}/{_versions(config)[-1]}' != serving
    lift = done.evaluation['policies']['two_stage']['overall']['lift_over_serving']
    assert (lift['value'], lift['low'], lift['high']) == (0, 0, 0)
    assert _compared_with(config) == trained
    worth_of_twins = _worth(done.pushed_to, [f'twin-of-{title}' for title in titles])
    np.testing.assert_allclose(worth_of_twins, _worth(serving, titles), atol=1e-6)
    again = refresh(config)
    assert again.pushed_to is None and again.elements['new'] == 0 and len(_versions(config)) == 2
    assert _executions(config, 'Trainer')['COMPLETE'] == 1
    return done.model


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

    refreshed = _refreshed(config, first.pushed_to, first.model)
    next_day = run(config)
    assert _compared_with(config) == refreshed
    assert _executions(config, 'CatalogueGen')['COMPLETE'] == 3
    assert next_day.days == tuple(DAYS)
    assert next_day.evaluation['serving'] is not None
    assert _executions(config, 'LogExampleGen')['COMPLETE'] == 3
    assert len(_versions(config)) == 3
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
