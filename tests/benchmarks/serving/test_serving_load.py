"""The load tool and its report, with a server of the tiny model."""

import json
import shutil

import numpy as np
import pytest

from benchmarks.serving import serving_load, serving_load_report
from benchmarks.serving.load_client import Outcome
from benchmarks.serving.serving_load import timeline
from serving.client.request import SelectRequest
from tests.serving.fixtures import exported  # noqa: F401

pytestmark = pytest.mark.minutes

LATENCIES = {'p50_ms', 'p90_ms', 'p99_ms', 'max_ms', 'rate', 'requests', 'cpu_ms'}


def _requests(*_):
    return [
        SelectRequest(
            {'user_id': f'u{n}', 'ad_id': 'a', 'hour': n % 24, 'age': 20.0, 'query_terms': ['red']},
            {'title': [f't{n}', 't'], 'image': ['i1', 'i2', 'i3']},
            {'title': ['Buy', 'Look']},
        )
        for n in range(200)
    ]


@pytest.fixture(scope='module')
def figures(exported, tmp_path_factory):  # noqa: F811
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(serving_load, 'requests_of', _requests)
        version = tmp_path_factory.mktemp('version') / '1'
        shutil.copytree(exported[0], version)
        return serving_load.measure(version, None, seconds=2.0, swap_s=6.0, rounds=2)


def test_all_that_is_promised_is_measured(figures):
    assert figures['errors'] == figures['swap']['errors'] == 0
    assert LATENCIES <= set(figures['one_ad']) and LATENCIES <= set(figures['hundred_ads'])
    assert figures['one_ad']['requests'] == 200
    batching = figures['batching']
    assert min(batching['alone_per_s'], batching['merged_per_s'], batching['merged_cpu_ms']) > 0
    assert batching['times'] == pytest.approx(batching['merged_per_s'] / batching['alone_per_s'], rel=0.02)
    lowest, highest = batching['times_of_rounds']
    assert lowest - 0.02 <= batching['times'] <= highest + 0.02
    assert figures['ads_per_s'] > 0 and figures['hundred_ads']['outside_graph_share'] < 1
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures


def test_versions_are_swapped_under_load(figures):
    swap = figures['swap']
    assert swap['at_s'] < swap['served_s'] < 6
    assert swap['p99_ms'] <= swap['slowest_ms'] == max(row[2] for row in swap['timeline'])


def test_report_shows_the_figures(figures):
    latency, rest = serving_load_report.tables(figures)
    assert len(latency.rows) == 2 and rest.rows
    page = serving_load_report.plot(figures)
    assert 'new version' in page and page.count('<polyline') == 2


def test_timeline_has_the_median_and_the_slowest_of_every_interval():
    at, latency = np.array([0.0, 0.1, 0.19, 0.65]), np.array([1.0, 2.0, 9.0, 4.0])
    outcome = Outcome(at, latency, np.ones(4, int), np.full(4, 'OK'), 1.0)
    assert timeline(outcome, 0.2) == [[0.0, 2.0, 9.0], [0.6, 4.0, 4.0]]
