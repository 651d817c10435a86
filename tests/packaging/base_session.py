"""Runs in a fresh environment: asks a server for creatives, logs the decision and reads it back.

Arguments: the address of the server, and a folder to write to. The last line of the output is the chosen title.
"""

import importlib.util
import sys
from pathlib import Path

import pyarrow.parquet as pq

from creative_logs.errors import InputError
from creative_logs.schema import Component, ContextFeature, LogSchema
from serving.client.client import CreativeClient
from serving.client.request import SelectRequest
from serving.decisions.log import DecisionLog

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
REQUEST = SelectRequest(
    {'user_id': 'u', 'ad_id': 'ad', 'hour': 3, 'age': 20.5, 'query_terms': ['red']},
    {'title': ['t0', 't1'], 'image': ['i0']},
    {'title': ['Buy', 'Look']},
    seed=1,
)


def main() -> None:
    address, folder = sys.argv[1:]
    for module in ('tensorflow', 'tensorflow_serving', 'tfx', 'apache_beam', 'benchmarks'):
        assert importlib.util.find_spec(module) is None, f'{module} is installed'
    with CreativeClient(address, timeout_s=60) as client, DecisionLog(folder, SCHEMA) as log:
        selection = client.select(REQUEST)
        log.write('r1', REQUEST, selection)
        try:
            log.write('r2', SelectRequest({}, {}), selection)
        except InputError:
            pass
        else:
            raise AssertionError('a decision that breaks the log schema is refused')
    (file,) = Path(folder).rglob('*.parquet')
    assert pq.read_table(file, partitioning=None)['request_id'].to_pylist() == ['r1']
    print(selection.choices['title'].id)


if __name__ == '__main__':
    main()
