import json

import pytest

from benchmarks.quality import known_truth

pytestmark = pytest.mark.minutes


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
    peers = {(row['policy'], row['peer']) for row in figures['differences']}
    plain = {name for name in lift if not name.endswith('_content')}
    assert peers == {('genco', name) for name in plain - {'genco'}} | {
        ('genco_content', name) for name in set(lift) - {'genco_content'}
    }
    for row in figures['differences']:
        assert row['value'] == pytest.approx(lift[row['policy']] - lift[row['peer']])
        assert row['low'] <= row['value'] <= row['high']


def test_only_policies_that_read_the_catalogue_know_new_elements(figures):
    rows = {row['policy']: row for row in figures['new_elements']}
    assert {'genco', 'genco_content', 'poisson_ridge', 'poisson_ridge_content'} <= rows.keys()
    assert 25 <= rows['genco']['impressions'] <= 100
    assert abs(rows['genco']['lift_new']) < 0.07
    for policy in ('genco_content', 'poisson_ridge_content'):
        assert rows[policy]['lift_new'] > rows[policy.removesuffix('_content')]['lift_new']
    for row in rows.values():
        assert (row['share'] is None) == (row['lift_shown_low'] <= 0)


def test_regret_and_oracle_share_agree(figures):
    for row in figures['rows']:
        assert row['regret'] > 0 and row['oracle_share'] < 1
    by_regret = sorted(figures['rows'], key=lambda row: row['regret'])
    assert by_regret[0]['oracle_share'] == max(row['oracle_share'] for row in figures['rows'])


def test_figures_are_json(figures):
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures
