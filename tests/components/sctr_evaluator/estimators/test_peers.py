"""The same data through the Open Bandit Pipeline and through VowpalWabbit's estimators."""

import inspect

import numpy as np
import pytest

from components.sctr_evaluator.estimators.importance_weights import importance, slate_importance
from tests.components.sctr_evaluator.formulas_oracle import dm, dr, ips, snips

ROWS, ELEMENTS, COMPONENTS = 500, 4, 3
CLIP = 2.5


def _ratio(terms):
    numerator, denominator = terms.sum(0)
    return numerator / denominator


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def _obp():
    return pytest.importorskip('obp.ope', reason='Open Bandit Pipeline (obp) is not installed')


def _clipped(estimator, clip):
    if np.isinf(clip):
        return estimator()
    if 'lambda_' not in inspect.signature(estimator).parameters:
        pytest.skip('this version of Open Bandit Pipeline does not clip; 0.5 does')
    return estimator(lambda_=clip)


@pytest.fixture
def one_component(rng):
    logging, policy = rng.dirichlet(np.ones(ELEMENTS), (2, ROWS))
    action = (logging.cumsum(1) < rng.random(ROWS)[:, None]).sum(1)
    row = np.arange(ROWS)
    model = rng.uniform(0, 1, (ROWS, ELEMENTS))
    return {
        'action': action,
        'click': rng.integers(0, 2, ROWS).astype(float),
        'propensity': logging[row, action],
        'policy': policy,
        'probability': policy[row, action],
        'model': model,
        'expected': (policy * model).sum(1),
        'predicted': model[row, action],
    }


@pytest.mark.parametrize('clip', [np.inf, CLIP])
def test_ips_and_doubly_robust_equal_open_bandit_pipeline(one_component, clip):
    ope, rows = _obp(), one_component
    w, ones = importance(rows['probability'], rows['propensity'], clip), np.ones(ROWS)
    assert (clip == np.inf) == (w.max() > CLIP)
    logged = {'reward': rows['click'], 'action': rows['action'], 'pscore': rows['propensity']}
    policy = {'action_dist': rows['policy'][..., None]}
    model = {'estimated_rewards_by_reg_model': rows['model'][..., None]}
    theirs = _clipped(ope.InverseProbabilityWeighting, clip).estimate_policy_value(**logged, **policy)
    assert _ratio(ips(ones, rows['click'], w)) == pytest.approx(theirs, abs=1e-6)
    theirs = _clipped(ope.DoublyRobust, clip).estimate_policy_value(**logged, **policy, **model)
    found = dr(ones, rows['click'], w, rows['expected'], rows['predicted'])
    assert _ratio(found) == pytest.approx(theirs, abs=1e-6)


def test_self_normalised_ips_and_direct_method_equal_open_bandit_pipeline(one_component):
    ope, rows = _obp(), one_component
    w, ones = importance(rows['probability'], rows['propensity']), np.ones(ROWS)
    logged = {'reward': rows['click'], 'action': rows['action'], 'pscore': rows['propensity']}
    policy = {'action_dist': rows['policy'][..., None]}
    theirs = ope.SelfNormalizedInverseProbabilityWeighting().estimate_policy_value(**logged, **policy)
    assert _ratio(snips(ones, rows['click'], w)) == pytest.approx(theirs, abs=1e-6)
    model = {'estimated_rewards_by_reg_model': rows['model'][..., None]}
    theirs = ope.DirectMethod().estimate_policy_value(**policy, **model)
    assert _ratio(dm(ones, rows['expected'])) == pytest.approx(theirs, abs=1e-6)


def test_pseudo_inverse_equals_vowpal_wabbit(rng):
    reason = "VowpalWabbit's estimators (vw-estimators) are not installed"
    module = pytest.importorskip('estimators.slates.pseudo_inverse', reason=reason)
    propensity, probability = rng.uniform(0.05, 1, (2, ROWS, COMPONENTS))
    click, weight = rng.integers(0, 2, ROWS).astype(float), rng.integers(1, 5, ROWS).astype(float)
    peer = module.Estimator()
    for r in range(ROWS):
        peer.add_example(list(propensity[r]), click[r], list(probability[r]), weight[r])
    w = slate_importance(probability[..., None], propensity, np.ones_like(propensity, bool))[:, 0]
    assert _ratio(ips(weight, click, w)) == pytest.approx(peer.get(), abs=1e-6)
