"""The verb `skew`, with a server in this process."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.serving.helpers import PATIENCE_S, push, running

DAYS = ('2024-01-01', '2024-01-02')
ROWS = 5  # in each split of each day


@pytest.fixture
def logs(tmp_path):
    for day in DAYS:
        for split in ('train', 'test'):
            folder = tmp_path / 'logs' / day / split
            folder.mkdir(parents=True)
            rows = [_impression(f'{day}-{split}-{i}') for i in range(ROWS)]
            pq.write_table(pa.Table.from_pylist(rows), folder / 'part.parquet')
    return tmp_path / 'logs'


def _impression(ad):
    return {
        'user_id': 'u',
        'ad_id': ad,
        'hour': None,
        'age': 20.0,
        'query_terms': ['red'],
        'title_candidates': ['t0', 't1'],
        'title_text': ['Buy', 'Look'],
        'image_candidates': ['i0', 'i1', 'i2'],
        'button_candidates': [],
    }


@pytest.fixture
def skew(genco, logs, tmp_path):
    def run(server, model, *arguments):
        json_path = tmp_path / 'skew.json'
        options = ('--from-logs', logs, '--model', model, '--timeout', PATIENCE_S, '--json', json_path)
        status, out, err = genco('skew', '--address', server.address, *options, *arguments)
        return status, out, err, json.loads(json_path.read_text()) if json_path.exists() else None

    return run


def test_a_server_that_answers_as_its_model(skew, shared_server, exported):
    status, out, err, figures = skew(shared_server, exported[0], '--rows', 17, '--batch', 4)
    assert (status, err) == (0, '')
    assert (figures['rows'], figures['differing'], figures['first']) == (17, 0, None)
    assert set(figures['outputs']) == {
        *(
            'selected_index',
            'selected_id',
            'ctr',
            'propensity',
            'effect_std',
            'combinations',
            'combination_ctr',
            'component',
        )
    }
    assert all(output['differing'] == 0 for output in figures['outputs'].values())
    assert '17 rows compared, 0 differ' in out


def test_fewer_logged_requests_than_asked_for(skew, shared_server, exported):
    figures = skew(shared_server, exported[0])[3]
    assert figures['rows'] == ROWS * 4


def test_a_server_that_serves_another_model(skew, exported, base_path, tmp_path):
    push(exported[1], base_path, 1)
    with running(base_path) as server:
        status, out, err, figures = skew(server, exported[0])
    assert status == 1
    assert err == f'genco: {figures["differing"]} of {figures["rows"]} answers differ from the model\n'
    assert figures['differing'] == figures['rows'] == ROWS * 4
    assert figures['outputs']['ctr']['largest'] > 1e-3
    assert figures['outputs']['component'] == {'differing': 0, 'largest': 0.0}
    first = figures['first']
    assert first['request']['context']['ad_id'] == f'{DAYS[1]}-test-0'
    assert first['outputs']['ctr']['served'] != first['outputs']['ctr']['offline']
    assert 'first: ' in out and f'{DAYS[1]}-test-0' in out


def test_a_version_that_is_not_served(skew, shared_server, exported):
    status, _, err, _ = skew(shared_server, exported[1])
    assert status == 2 and 'Specific(genco, 2)' in err


def test_a_folder_that_is_no_version(skew, shared_server, tmp_path):
    (tmp_path / '7').mkdir()
    for folder in (tmp_path, tmp_path / '7'):
        status, _, err, _ = skew(shared_server, folder)
        assert status == 2 and err.endswith('must be a pushed version, a folder named by its number\n')


def test_no_logs(genco, shared_server, exported, tmp_path):
    options = ('--address', shared_server.address, '--from-logs', tmp_path, '--model', exported[0])
    status, _, err = genco('skew', *options)
    assert status == 2 and 'holds no day of logs' in err
