"""`genco evaluate` on Parquet logs."""

import json
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from creative_logs.errors import InputError
from tests.components.sctr_evaluator.tiny_export import SCHEMA, make_logs
from tfx_pipeline.cli.evaluate import evaluate
from tfx_pipeline.config import Config, save_config

DAYS = ('2024-06-20', '2024-06-21', '2024-06-22')


def _write(path, batch):
    path.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_batches([batch]), path)


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    """Logs of three days with 300, 301 and 302 test rows, and a configuration that holds out one day."""
    root = tmp_path_factory.mktemp('verb')
    for number, day in enumerate(DAYS):
        _write(root / 'logs' / day / 'test' / 'part.parquet', make_logs(300 + number, seed=number))
    config = Config(
        name='tiny',
        paths={'logs': str(root / 'logs'), 'root': str(root), 'serving': str(root)},
        window={'days': 3, 'holdout_days': 1},
        log_schema=SCHEMA,
        evaluation={'blessing_policy': 'greedy'},
    )
    save_config(config, root / 'config.yaml')
    return root


def _evaluate(root, model, *arguments):
    command = [
        '--model',
        model,
        '--config',
        str(root / 'config.yaml'),
        '--json',
        str(root / 'out.json'),
        *arguments,
    ]
    result = CliRunner().invoke(evaluate, command)
    if result.exception:
        raise result.exception
    return result.stdout, json.loads((root / 'out.json').read_text())


@pytest.mark.parametrize(
    ('arguments', 'rows'),
    [
        ([], 302),
        (['--set', 'window.holdout_days=0'], 903),
        (['--days', '2024-06-20'], 300),
        (['--days', '2024-06-20..2024-06-21'], 601),
    ],
)
def test_days_are_those_of_the_window_or_those_asked_for(root, model, arguments, rows):
    assert _evaluate(root, model, *arguments)[1]['rows'] == rows


def test_prints_what_it_writes_as_json(root, model, other_model):
    printed, figures = _evaluate(root, model, '--baseline', other_model)
    assert figures['serving'] is not None
    for reason in figures['verdict']['reasons']:
        assert reason['sentence'][:40] in printed
    assert f'{figures["calibration"]["log_loss"]:.4g}' in printed


def test_writes_a_report_where_asked(root, model, tmp_path):
    printed, figures = _evaluate(root, model, '--report', str(tmp_path / 'new' / 'folder'))
    assert f'wrote {tmp_path}/new/folder/report.html' in printed
    written = {path.name for path in (tmp_path / 'new' / 'folder').iterdir()}
    assert written >= {'report.html', 'lift.png', 'calibration.png', 'evaluation.json'}
    assert json.loads((tmp_path / 'new' / 'folder' / 'evaluation.json').read_text()) == figures


def test_choices_of_another_policy_are_measured_too(root, model, tmp_path):
    requests = pq.read_table(root / 'logs' / DAYS[-1] / 'test' / 'part.parquet')['request_id']
    path = tmp_path / 'choices.parquet'
    pq.write_table(pa.table({'request_id': requests, 'title_choice': [0] * len(requests)}), path)
    printed, figures = _evaluate(root, model, '--choices', str(path))
    assert figures['choices']['matched_rows'] == 302
    assert '(302 rows)' in printed


def test_bad_rows_of_other_days_do_not_count(root, model, tmp_path):
    for name, logs in {'test': make_logs(300), 'train': make_logs(300).slice(0, 200)}.items():
        clicks = np.full(len(logs), 7) if name == 'train' else logs['click'].to_numpy().copy()
        clicks[0] = 1
        column = logs.schema.get_field_index('click')
        logs = logs.set_column(column, 'click', pa.array(clicks, pa.int64()))
        _write(tmp_path / DAYS[0] / name / 'part.parquet', logs)
    figures = _evaluate(root, model, '--logs', str(tmp_path), '--days', DAYS[0])[1]
    assert figures['rows'] == 300
    assert {row['train_rows'] for row in figures['skew']} == {1}


def test_bad_rows_are_left_out_up_to_the_share(root, model, tmp_path):
    logs = make_logs(300)
    clicks = logs['click'].to_numpy().copy()
    clicks[:2] = 7
    bad = logs.set_column(logs.schema.get_field_index('click'), 'click', pa.array(clicks, pa.int64()))
    _write(tmp_path / '2024-06-20' / 'test' / 'part.parquet', bad)
    assert _evaluate(root, model, '--logs', str(tmp_path))[1]['rows'] == 298
    with pytest.raises(InputError, match='2 of 300 test rows break the schema'):
        _evaluate(root, model, '--logs', str(tmp_path), '--set', 'checks.max_bad_share=0.005')


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['--days', '2025-01-01'], 'no logs of --days 2025-01-01; there are 2024-06-20 to 2024-06-22'),
        (['--logs', 'nowhere'], 'nowhere: no such folder'),
        (['--baseline', 'nowhere'], 'nowhere: holds no saved_model.pb'),
        (['--set', 'evaluation.cluster=user'], "'user' is no context feature"),
        (['--set', 'evaluation.slices=[[day, hour]]'], 'evaluation.slices: no such context feature: hour'),
        (['--set', 'evaluation.slices=[[day, day]]'], 'crosses a feature with itself'),
        (['--set', 'evaluation.candidate_brackets={titel: [3, 5]}'], 'no such component: titel'),
        (['--set', 'evaluation.candidate_brackets={title: [5, 3]}'], 'got 5 to 3'),
        (['--choices', 'nowhere'], 'nowhere: cannot be read as Parquet'),
    ],
)
def test_bad_input_is_one_line(root, model, arguments, message):
    with pytest.raises(InputError, match=message):
        _evaluate(root, model, *arguments)


def test_errors_inside_beam_are_one_line(root, model, tmp_path):
    _write(tmp_path / '2024-06-20' / 'test' / 'part.parquet', make_logs(5).drop_columns(['click']))
    with pytest.raises(InputError, match=r"part.parquet: column 'click' is missing[^\n]*$"):
        _evaluate(root, model, '--logs', str(tmp_path))


def test_libraries_and_beam_print_nothing_of_their_own(root, tmp_path):
    (tmp_path / 'saved_model.pb').write_text('no model')
    command = ['evaluate', '--model', str(tmp_path), '--config', str(root / 'config.yaml')]
    code = 'from tfx_pipeline.cli import main; main()'
    done = subprocess.run([sys.executable, '-c', code, *command], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, '')
    assert done.stderr.startswith(f'genco: {tmp_path}: no exported model: ')
    assert done.stderr.count('\n') == 1


def test_no_row_is_one_line(root, model, tmp_path):
    _write(tmp_path / '2024-06-20' / 'test' / 'part.parquet', make_logs(5).slice(0, 0))
    with pytest.raises(InputError, match='no test row in 1 file'):
        _evaluate(root, model, '--logs', str(tmp_path))


def test_help_needs_no_tensorflow():
    code = (
        'import sys; from tfx_pipeline.cli.evaluate import evaluate\n'
        'try: evaluate(["--help"])\n'
        'except SystemExit: pass\n'
        'assert not {"tensorflow", "apache_beam", "tfx"} & set(sys.modules)'
    )
    subprocess.run([sys.executable, '-c', code], check=True, capture_output=True)
