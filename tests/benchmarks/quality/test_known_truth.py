import json

import pytest

from benchmarks.common.worlds import Density, world_of
from benchmarks.quality import known_truth


@pytest.fixture(scope='module')
def figures():
    return known_truth.run(quick=True)


def lifts(figures):
    return {row['policy']: row['lift'] for row in figures['rows']}


def test_genco_beats_chance_and_counting(figures):
    lift = lifts(figures)
    assert abs(lift['uniform']) < 0.05
    assert lift['genco'] > 0.2
    assert lift['genco'] > max(lift['dco'], lift['eb_package'], lift['mlp'])


def test_two_stages_are_not_below_either_alone(figures):
    lift = lifts(figures)
    assert lift['genco'] > lift['f_ele'] - 0.02
    assert lift['genco'] > lift['f_comb']


def test_differences_are_those_of_the_lifts(figures):
    lift = lifts(figures)
    assert {row['peer'] for row in figures['differences']} == set(lift) - {'genco'}
    for row in figures['differences']:
        assert row['value'] == pytest.approx(lift['genco'] - lift[row['peer']])
        assert row['low'] <= row['value'] <= row['high']


def test_regret_and_oracle_share_agree(figures):
    for row in figures['rows']:
        assert row['regret'] > 0 and row['oracle_share'] < 1
    by_regret = sorted(figures['rows'], key=lambda row: row['regret'])
    assert by_regret[0]['oracle_share'] == max(row['oracle_share'] for row in figures['rows'])


def test_figures_are_json(figures):
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures


def test_worlds_have_the_density_asked_for():
    config = world_of(Density(100, 300), seed=7)
    assert config.seed == 7
    impressions = (config.days - 1) * config.rows_of('train')
    assert impressions / config.ads == pytest.approx(100, rel=0.01)
