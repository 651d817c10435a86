import json

import pytest

from benchmarks.paper import ab

pytestmark = pytest.mark.minutes


@pytest.fixture(scope='module')
def figures():
    return ab.run(quick=True, days=1, catalogue=True)


def lifts(figures, name='lift'):
    return {row['policy']: row[name] for row in figures['rows']}


def test_genco_earns_more_than_chance_counting_and_f_comb_alone(figures):
    lift = lifts(figures)
    assert abs(lift['uniform']) < 0.1
    assert lift['genco'] > 0.1
    assert lift['genco'] > max(lift['mlp'], lift['dco'], lift['f_comb'])
    assert lift['genco'] > lift['f_ele'] - 0.02
    assert lifts(figures, 'rpm_lift')['genco'] > 0.1


def test_every_policy_has_every_day(figures):
    assert len(figures['daily']) == len(lifts(figures)) * figures['days']
    assert figures['days'] == 1 and figures['catalogue']
    for policy in ('genco', 'genco_content'):
        against = {row['peer'] for row in figures['differences'] if row['policy'] == policy}
        assert against == set(lifts(figures)) - {policy}


def test_total_lift_lies_between_those_of_the_days(figures):
    for policy, lift in lifts(figures).items():
        daily = [row['lift'] for row in figures['daily'] if row['policy'] == policy]
        assert min(daily) - 0.01 <= lift <= max(daily) + 0.01


def test_figures_are_json(figures):
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures
