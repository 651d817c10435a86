"""Terms of the sums against the paper's Algorithm 1 as a plain loop."""

import numpy as np
import pytest

from components.sctr_evaluator.policies import POLICIES
from components.sctr_evaluator.rows.policy_matches import all_matches, matches, uniform_matches
from components.sctr_evaluator.rows.policy_predictions import PolicyRows
from components.sctr_evaluator.sums.batch_sums import Batch
from components.sctr_evaluator.sums.estimator_sums import SumColumns, row_terms
from tests.components.sctr_evaluator.scored import WIDTH, algorithm_1, draw, random_scored


def _terms(scored, min_candidates):
    """Numerators and denominators of sCTR, [R, L, P, 2]."""
    terms = row_terms(PolicyRows.of(scored, None), *Batch.of(scored, min_candidates))
    return SumColumns(3, 1 + len(POLICIES)).component_ratios(terms)['snips']


def _sums(scored, min_candidates):
    return _terms(scored, min_candidates).sum(0)


@pytest.mark.parametrize('policy', ['greedy', 'sampled', 'two_stage', 'combination'])
@pytest.mark.parametrize('min_candidates', [1, 2, 3])
def test_choices_equal_algorithm_1(policy, min_candidates):
    scored = random_scored(np.random.default_rng(1), 400)
    sums = _sums(scored, min_candidates)[:, 1 + POLICIES.index(policy)]
    expected = [algorithm_1(scored, scored.choice(policy), j, min_candidates) for j in range(3)]
    np.testing.assert_allclose(sums[:3], expected, rtol=1e-6)
    np.testing.assert_allclose(sums[3], np.sum(expected, axis=0), rtol=1e-6)


def test_expectation_form_is_the_mean_of_algorithm_1_over_draws():
    rng = np.random.default_rng(2)
    scored = random_scored(rng, 60)
    draws = 3000
    found = np.array([[algorithm_1(scored, draw(rng, scored), j, 2) for j in range(3)] for _ in range(draws)])
    expected = _sums(scored, 2)[:3, 1 + POLICIES.index('sampled_expectation')]
    error = found.std(0) / np.sqrt(draws)
    assert (np.abs(found.mean(0) - expected) < 4.5 * error).all()
    assert (error / expected).max() < 0.05


def test_uniform_policy_counts_every_row_by_its_weight():
    scored = random_scored(np.random.default_rng(3), 300)
    scored = scored._replace(weight=np.arange(300, dtype=np.float32))
    counted = scored.candidate_count >= 2
    clicks, exposures = _sums(scored, 2)[:3, 0].T
    np.testing.assert_allclose(exposures, scored.weight @ counted, rtol=1e-6)
    np.testing.assert_allclose(clicks, (scored.weight * scored.click) @ counted, rtol=1e-6)


def test_propensity_of_the_log_replaces_one_over_n():
    scored = random_scored(np.random.default_rng(4), 300)
    scored = scored._replace(shown_propensity=np.full_like(scored.shown_propensity, 0.25))
    matched = (scored.greedy == scored.shown) & (scored.candidate_count >= 2)
    exposures = _sums(scored, 2)[:3, 1 + POLICIES.index('greedy'), 1]
    np.testing.assert_allclose(exposures, 4 * matched.sum(0))


def test_what_was_truncated_is_never_matched():
    scored = random_scored(np.random.default_rng(5), 500, most=9)
    beyond = scored.shown >= WIDTH
    assert beyond.sum() > 100
    assert (matches(scored)[beyond] == 0).all()


def test_absent_components_add_nothing():
    scored = random_scored(np.random.default_rng(6), 200)
    absent = scored.candidate_count == 0
    assert absent.sum() > 30
    found = _terms(scored, 1)[:, :3]
    assert (found[absent] == 0).all()


def test_a_component_that_the_serving_model_does_not_know_is_uniform_there():
    scored = random_scored(np.random.default_rng(7), 50)
    serving = random_scored(np.random.default_rng(8), 50)
    for name in (
        'greedy',
        'sampled',
        'two_stage',
        'combination',
        'shown',
        'element_probability',
        'candidate_count',
    ):
        serving = serving._replace(**{name: getattr(serving, name)[:, [1, 0]]})
    serving = serving._replace(component=serving.component[[1, 0]])
    serving = serving._replace(shown=scored.shown[:, [1, 0]])
    found = all_matches(scored, serving)[:, :, 1 + len(POLICIES) :]
    np.testing.assert_array_equal(found[:, 0], matches(serving)[:, 1])
    np.testing.assert_array_equal(found[:, 1], matches(serving)[:, 0])
    uniform = np.repeat(uniform_matches(scored)[:, 2], len(POLICIES), 1)
    np.testing.assert_array_equal(found[:, 2], uniform)
