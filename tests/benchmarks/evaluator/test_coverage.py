"""The benchmark of coverage in its small form, and the worlds that it draws from."""

import json
from math import sqrt

import numpy as np
import pytest

from benchmarks.evaluator import coverage
from benchmarks.evaluator.coverage import Case, holds, terms_of, truth_of
from benchmarks.evaluator.coverage_report import plot, tables
from benchmarks.evaluator.coverage_world import POLICIES, Scenario, World
from components.sctr_evaluator.sums.estimator_sums import SumColumns

LOGS = 200
# Coverage must be within 93 to 97 %: four standard errors of 200 draws beyond that.
SLACK = 4 * sqrt(0.05 * 0.95 / LOGS)


@pytest.fixture(scope='module')
def figures():
    return coverage.run(quick=True)


def test_intervals_cover_the_truth_and_bias_is_small_where_assumptions_hold(figures):
    held = [row for row in figures['rows'] if row['holds']]
    assert figures['logs'] == LOGS and len(held) > 150
    for row in held:
        for kind in ('delta', 'bootstrap'):
            assert 0.93 - SLACK <= row[kind] <= 1, row
        assert abs(row['bias_over_error']) < 0.1 + 4 / sqrt(LOGS), row
    for kind in ('delta', 'bootstrap'):
        assert 0.94 < np.mean([row[kind] for row in held]) < 0.965


def test_what_is_said_not_to_hold_is_seen_not_to(figures):
    wrong = [row for row in figures['rows'] if row['estimator'] == 'dm' and not row['holds']]
    assert wrong and all(row['delta'] < 0.8 and row['passed'] is None for row in wrong)
    greedy = [
        row['bias_over_error']
        for row in figures['rows']
        if row['estimator'] == 'pi' and not row['holds'] and row['policy'] == 'greedy'
    ]
    assert greedy and max(greedy) < -0.1


def test_figures_are_json_and_are_drawn(figures):
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures
    assert len(tables(figures)) >= len(coverage.SCENARIOS) and 'snips' in plot(figures)


@pytest.mark.parametrize('scenario', coverage.SCENARIOS, ids=lambda scenario: scenario.name)
def test_truth_is_what_a_large_log_of_the_policy_itself_shows(scenario):
    """Rows weighted by exact importance weights: another way to the truth than the tables of the world."""
    world = World(scenario, 3)
    log = world.draw(np.random.default_rng(4), 30_000)
    w = log.match / log.propensity[..., None]
    # Rows of an ad are alike: errors are over ads.
    ad = np.unique(log.key, return_inverse=True)[1]
    for weights, truth in ((w[:, 0], world.component_truth[0]), (w.prod(1), world.combination_truth)):
        for p in range(len(POLICIES)):
            clicks, shows = (np.bincount(ad, v) for v in (weights[:, p] * log.click, weights[:, p]))
            rate = clicks.sum() / shows.sum()
            error = np.sqrt(np.square(clicks - rate * shows).sum()) / shows.sum()
            assert abs(rate - truth[p]) < 4.5 * error


def test_the_right_model_knows_the_ctr_of_what_was_shown():
    world = World(Scenario('right', right_model=True), 1)
    log = world.draw(np.random.default_rng(1), 3000)
    assert log.click.mean() == pytest.approx(log.predicted.mean(), abs=0.01)
    assert log.element_predicted.mean(0) == pytest.approx(log.click.mean(), abs=0.015)


def test_the_terms_are_those_of_production():
    log = World(Scenario('any'), 1).draw(np.random.default_rng(1), 5)
    rows, terms = len(log.click), terms_of(log)
    columns = SumColumns(3, len(POLICIES))
    assert terms.shape == (rows, columns.width)
    # SNIPS of the uniform policy: in a uniform log every row counts once at each component.
    snips = columns.component_ratios(terms)['snips'][:, :, POLICIES.index('uniform')]
    np.testing.assert_allclose(snips[:, 0], np.stack([log.click, np.ones(rows)], 1))
    np.testing.assert_allclose(snips[:, -1], np.stack([3 * log.click, np.full(rows, 3.0)], 1))


def test_truths_of_cases():
    world = World(Scenario('any'), 1)
    uniform, greedy = world.component_truth[-1, :2]
    assert truth_of(world, Case('overall', 'ips', 'greedy', 'rate')) == greedy
    assert truth_of(world, Case('overall', 'ips', 'greedy', 'lift')) == pytest.approx(greedy / uniform - 1)
    assert world.component_truth[-1] == pytest.approx(world.component_truth[:-1].mean(0))
    assert truth_of(world, Case('combination', 'pi', 'greedy', 'rate')) == world.combination_truth[1]


def test_assumptions():
    whole, single = Case('combination', 'dr', 'greedy', 'rate'), Case('component', 'dr', 'greedy', 'rate')
    apart, right = Scenario('a', interactions=True), Scenario('b', interactions=True, right_model=True)
    assert [holds(whole, scenario) for scenario in (apart, right)] == [False, True]
    assert holds(single, apart)
    assert not holds(whole._replace(estimator='pi'), right)
