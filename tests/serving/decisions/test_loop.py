"""The loop closed: a served model's decisions, and clicks on them, become logs that the pipeline takes."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from creative_logs.checks.check_logs import check_logs
from creative_logs.log_files import list_days
from creative_logs.schema import Component, ContextFeature, LogSchema
from serving.client.client import CreativeClient, Exploration
from serving.client.request import SelectRequest
from serving.decisions.log import DecisionLog
from tests.serving.decisions.examples import DAY, HOUR, NOON
from tests.serving.helpers import MODEL, PATIENCE_S

SCHEMA = LogSchema(
    context=(
        ContextFeature(name='user_id'),
        ContextFeature(name='ad_id'),
        ContextFeature(name='hour', type='int64'),
        ContextFeature(name='age', type='float'),
        ContextFeature(name='query_terms', type='string_list'),
    ),
    components=(Component(name='title', text=True), Component(name='image'), Component(name='button')),
)
EXPLORATION = Exploration(temperature=2.0, epsilon=0.3, posterior_scale=0.5)
IMPRESSIONS = 60


def _request(number: int) -> SelectRequest:
    context = {'user_id': f'u{number}', 'ad_id': 'ad', 'hour': 3, 'age': 20.5, 'query_terms': ['red']}
    candidates = {'title': ['t0', 't1', 't2'], 'image': ['i0', 'i1']}
    return SelectRequest(context, candidates, {'title': ['Buy', 'Look', 'Now']}, seed=number)


@pytest.fixture(scope='module')
def served(shared_server, tmp_path_factory):
    """A folder with the decisions of a served model, and clicks on every third of them."""
    root = tmp_path_factory.mktemp('loop')
    requests = [_request(number) for number in range(IMPRESSIONS)]
    with CreativeClient(shared_server.address, MODEL, PATIENCE_S) as client:
        selections = client.select_many(requests, EXPLORATION, estimate_propensity=True)
    with DecisionLog(root / 'decisions', SCHEMA) as log:
        for number, (request, selection) in enumerate(zip(requests, selections)):
            log.write(f'r{number}', request, selection, NOON + number)
    clicks = {'request_id': [f'r{n}' for n in range(0, IMPRESSIONS, 3)]}
    clicks['timestamp'] = [NOON + n + HOUR for n in range(0, IMPRESSIONS, 3)]
    (root / 'clicks').mkdir()
    pq.write_table(pa.table(clicks), root / 'clicks' / 'clicks.parquet')
    return root, selections


def _join(genco, root, logs, *more):
    folders = ('--decisions', root / 'decisions', '--clicks', root / 'clicks', '--out', logs)
    return genco('join', *folders, '--until', '2026-06-03', *more)


def test_the_joined_logs_are_good_and_complete(served, genco, tmp_path):
    root, selections = served
    logs, figures = tmp_path / 'logs', tmp_path / 'join.json'
    status, out, err = _join(genco, root, logs, '--window', '24h', '--json', figures)
    assert (status, err) == (0, '')
    assert DAY in out and 'written' in out
    counts = json.loads(figures.read_text())
    assert counts['clicks'] == {'attributed': IMPRESSIONS // 3, 'repeated': 0, 'early': 0, 'late': 0}

    report = check_logs(logs, SCHEMA)
    assert (report.rows, report.bad_rows, list_days(logs)) == (IMPRESSIONS, 0, [DAY])
    rows = {}
    for split, policy in (('train', 'thompson'), ('test', 'uniform')):
        for row in pq.read_table(logs / DAY / split, partitioning=None).to_pylist():
            rows[row['request_id']] = row
            assert row['policy'] == policy
            assert (row['model_version'] is not None) == (policy == 'thompson')
    for number, selection in enumerate(selections):
        row = rows[f'r{number}']
        assert row['click'] == (number % 3 == 0)
        for name, choice in selection.choices.items():
            assert row[f'{name}_shown'] == choice.index
            assert row[f'{name}_propensity'] == np.float32(choice.propensity)
            assert row[f'{name}_choice_propensity'] == np.float32(choice.choice_propensity)


def test_a_logged_decision_can_be_repeated(served, shared_server):
    root, _ = served
    [row, *_] = pq.read_table(root / 'decisions' / DAY, partitioning=None).to_pylist()
    context = {feature.name: row[feature.name] for feature in SCHEMA.context}
    candidates = {component.name: row[component.candidates] for component in SCHEMA.components}
    request = SelectRequest(context, candidates, {'title': row['title_text']}, row['decision_seed'])
    exploration = Exploration(
        *(row[f'decision_{name}'] for name in ('temperature', 'epsilon', 'posterior_scale'))
    )
    address, version = shared_server.address, row['decision_version']
    with CreativeClient(address, MODEL, PATIENCE_S, version=version) as client:
        again = client.select(request, exploration)
    shown = {name: row[f'{name}_shown'] for name in again.choices}
    assert {name: choice.index for name, choice in again.choices.items()} == shown
    assert np.float32(again.ctr) == row['decision_ctr']


@pytest.mark.parametrize(
    'arguments, message',
    [
        (('--window', '1 day'), "'1 day' must be a whole number and s, m, h or d, as in 24h"),
        (('--window', '0h'), "'0h' must be a whole number"),
        (('--until', 'soon'), "'soon' must be a date"),
        (('--clicks', 'nowhere'), 'nowhere: holds no Parquet file of clicks'),
    ],
)
def test_arguments_that_are_refused(served, genco, tmp_path, arguments, message):
    status, out, err = _join(genco, served[0], tmp_path / 'logs', *arguments)
    assert (status, out) == (2, '')
    assert err.count('\n') == 1 and message in err
