"""What policies would show and what models expect of it, against plain loops."""

import numpy as np
import pytest

from components.sctr_evaluator.policies import POLICIES
from components.sctr_evaluator.rows.policy_matches import all_matches
from components.sctr_evaluator.rows.policy_predictions import PolicyRows
from tests.components.sctr_evaluator.scored import WIDTH, random_scored

ROWS = 40


def _q(scored, r, j):
    """Predicted CTRs of the candidates that the model sees."""
    kept = min(int(scored.candidate_count[r, j]), WIDTH)
    relative = 1 / (1 + np.exp(-scored.element_score[r, j, :kept].astype(np.float64)))
    return relative / relative.mean() * scored.uniform_ctr[r].mean()


def _expected(scored, policy, r, j):
    q = _q(scored, r, j)
    if policy == 'uniform':
        return q.mean()
    if policy == 'sampled_expectation':
        return scored.element_probability[r, j, : len(q)] @ q
    return q[scored.choice(policy)[r, j]]


@pytest.fixture(scope='module')
def scored():
    return random_scored(np.random.default_rng(1), ROWS)


@pytest.fixture(scope='module')
def rows(scored):
    return PolicyRows.of(scored, None)


@pytest.mark.parametrize('column', range(1 + len(POLICIES)))
def test_expected_ctr_is_that_of_what_the_policy_shows(scored, rows, column):
    policy = ('uniform', *POLICIES)[column]
    for r, j in zip(*np.nonzero(scored.candidate_count)):
        assert rows.expected[r, j, column] == pytest.approx(_expected(scored, policy, r, j), rel=1e-6)


def test_predicted_is_the_ctr_of_what_was_shown_and_the_average_beyond_what_the_model_sees(scored, rows):
    beyond = 0
    for r, j in zip(*np.nonzero(scored.candidate_count)):
        q, shown = _q(scored, r, j), scored.shown[r, j]
        beyond += shown >= len(q)
        expected = q[shown] if shown < len(q) else q.mean()
        np.testing.assert_allclose(rows.predicted[r, j], expected, rtol=1e-6)
    assert beyond > 5


def test_combinations_are_those_that_the_policies_show(scored, rows):
    generated, by_chance = scored.generated_ctr, scored.uniform_ctr
    expected = {
        'uniform': by_chance.mean(1),
        'greedy': generated[:, 0],
        'sampled': generated[:, 1],
        'sampled_expectation': generated[:, 1:].mean(1),
        'combination': by_chance.max(1),
        'two_stage': generated.max(1),
    }
    for column, policy in enumerate(('uniform', *POLICIES)):
        np.testing.assert_allclose(rows.combination[:, column], expected[policy], rtol=1e-6)
    np.testing.assert_allclose(rows.shown, np.repeat(scored.shown_ctr[:, None], 6, 1), rtol=1e-6)


def test_each_policy_is_judged_by_its_own_model(scored):
    other = random_scored(np.random.default_rng(2), ROWS)
    for name in ('candidate_count', 'shown', 'shown_propensity'):
        other = other._replace(**{name: getattr(scored, name)})
    rows, alone = PolicyRows.of(scored, other), PolicyRows.of(other, None)
    np.testing.assert_array_equal(rows.match, all_matches(scored, other))
    for name in ('expected', 'predicted', 'combination', 'shown'):
        np.testing.assert_array_equal(getattr(rows, name)[..., 6:], getattr(alone, name)[..., 1:])
        np.testing.assert_array_equal(
            getattr(rows, name)[..., :6], getattr(PolicyRows.of(scored, None), name)
        )


def test_a_component_that_the_serving_model_does_not_know_is_expected_at_random(scored):
    other = random_scored(np.random.default_rng(3), ROWS)
    for name, value in other._asdict().items():
        if name == 'component':
            other = other._replace(component=value[[1, 0]])
        elif value.ndim > 1 and value.shape[1] == 3 and not name.endswith('_ctr'):
            other = other._replace(**{name: value[:, [1, 0]]})
    rows = PolicyRows.of(scored, other)
    np.testing.assert_array_equal(rows.expected[:, 2, 6:], np.repeat(rows.expected[:, 2, :1], 5, 1))
    np.testing.assert_array_equal(rows.predicted[:, 2, 6], rows.predicted[:, 2, 0])
    kept = PolicyRows.of(other, None)
    np.testing.assert_array_equal(rows.expected[:, 0, 6:], kept.expected[:, 1, 1:])
