"""Estimators against plain loops and against exact expectations over everything a log can show."""

import itertools
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.sctr_evaluator.estimators.importance_weights import (
    COMBINATION_ESTIMATORS,
    COMPONENT_ESTIMATORS,
    importance,
    replay_importance,
    slate_importance,
)
from tests.components.sctr_evaluator.formulas_oracle import (
    combination_terms,
    component_terms,
    dm,
    dr,
    ips,
    snips,
)

MODULES = (
    'estimators.importance_weights',
    'estimators.ratio_estimates',
    'estimators.bootstrap',
    'estimators.power',
    'estimators.propensity_check',
    'estimators.calibration',
    'estimators.feature_skew',
    'rows.invalid_rows',
    'sums.batch_sums',
    'sums.choice_sums',
    'results.evaluation',
)
# Three components with 2, 3 and 1 candidates; the logging policy and the one under test.
LOGGING = ([0.3, 0.7], [0.2, 0.5, 0.3], [1.0])
POLICY = ([0.9, 0.1], [0.0, 0.25, 0.75], [1.0])


def _ratio(terms):
    numerator, denominator = terms.sum(0)
    return numerator / denominator


def _all_combinations():
    """Every combination with its probability under both policies and per component: exact, no draws."""
    rows = list(itertools.product(*(range(len(p)) for p in LOGGING)))
    propensity = np.array([[LOGGING[j][k] for j, k in enumerate(row)] for row in rows])
    policy = np.array([[POLICY[j][k] for j, k in enumerate(row)] for row in rows])
    return rows, propensity, policy


def _ctr(rows, synergy):
    effect = ([0.02, 0.05], [0.01, 0.0, 0.08], [0.03])
    added = [sum(effect[j][k] for j, k in enumerate(row)) for row in rows]
    return np.array(added) + synergy * np.array([row[0] * row[1] for row in rows])


@pytest.mark.parametrize('synergy', [0.0, 0.2])
def test_expectations_over_all_combinations(synergy):
    rows, propensity, policy = _all_combinations()
    present = np.ones_like(propensity, bool)
    ctr, chance = _ctr(rows, synergy), propensity.prod(1)
    truth = policy.prod(1) @ ctr
    replay = replay_importance(policy[..., None], propensity, present)[:, 0]
    slate = slate_importance(policy[..., None], propensity, present)[:, 0]
    wrong = 0.7 * _ctr(rows, 0.0) + 0.1
    expected = policy.prod(1) @ wrong

    assert _ratio(ips(chance, ctr, replay)) == pytest.approx(truth)
    assert _ratio(snips(chance, ctr, replay)) == pytest.approx(truth)
    assert _ratio(dr(chance, ctr, replay, expected, wrong)) == pytest.approx(truth)
    assert _ratio(dm(chance, np.full(len(ctr), policy.prod(1) @ ctr))) == pytest.approx(truth)
    adds_up = synergy == 0
    assert (_ratio(ips(chance, ctr, slate)) == pytest.approx(truth)) == adds_up
    assert (_ratio(dr(chance, ctr, slate, expected, wrong)) == pytest.approx(truth)) == adds_up
    # With the right model nothing is left to add up.
    assert _ratio(dr(chance, ctr, slate, truth, ctr)) == pytest.approx(truth)


def test_weights_are_the_plain_formulas_and_absent_components_change_nothing():
    _, propensity, policy = _all_combinations()
    present = np.tile([True, True, False], (len(policy), 1))
    broken = propensity.copy()
    broken[:, 2] = 0.0
    slate = slate_importance(policy[..., None], broken, present)[:, 0]
    replay = replay_importance(policy[..., None], broken, present)[:, 0]
    for r in range(len(policy)):
        ratios = [policy[r, j] / propensity[r, j] for j in range(2)]
        assert slate[r] == pytest.approx(1 - 2 + sum(ratios))
        assert replay[r] == pytest.approx(ratios[0] * ratios[1])


def test_clipping_bounds_the_weight_of_a_choice_and_of_a_combination():
    assert importance(np.array([0.5, 0.5]), np.array([0.1, 0.5]), 3.0).tolist() == [3.0, 1.0]
    ones, half = np.ones((1, 2, 1)), np.full((1, 2), 0.5)
    assert replay_importance(ones, half, np.ones((1, 2), bool), 3.0).tolist() == [[3.0]]


def test_terms_by_hand():
    v, y, w = np.array([2.0, 1.0]), np.array([1.0, 0.0]), np.array([3.0, 0.5])
    assert snips(v, y, w).tolist() == [[6, 6], [0, 0.5]]
    assert ips(v, y, w).tolist() == [[6, 2], [0, 1]]
    assert dm(v, np.array([0.25, 0.5])).tolist() == [[0.5, 2], [0.5, 1]]
    assert dr(v, y, w, np.array([0.25, 0.5]), np.array([0.5, 0.25])).tolist() == [[3.5, 2], [0.375, 1]]


def _random_rows(rng, rows):
    propensity = rng.uniform(0.1, 1, (rows, 3))
    return {
        'click': rng.integers(0, 2, rows).astype(float),
        'propensity': propensity,
        'probability': rng.uniform(0, 1, (rows, 3, 2)),
        'expected': rng.uniform(0, 1, (rows, 3, 2)),
        'predicted': rng.uniform(0, 1, (rows, 3)),
        'present': rng.random((rows, 3)) < 0.8,
    }


def _terms(rows, weight):
    w = importance(rows['probability'], rows['propensity'][..., None], 4.0)
    components = component_terms(
        weight[:, None] * rows['present'], rows['click'], w, rows['expected'], rows['predicted']
    )
    combined = rows['probability'], rows['propensity'], rows['present']
    combinations = combination_terms(
        weight,
        rows['click'],
        replay_importance(*combined),
        slate_importance(*combined),
        rows['expected'][:, 0],
        rows['predicted'][:, 0],
    )
    return components, combinations


def test_stacks_are_in_the_order_of_their_names():
    rows = _random_rows(np.random.default_rng(1), 20)
    weight = np.random.default_rng(2).uniform(0, 3, 20)
    components, combinations = _terms(rows, weight)
    v, y, j, p = weight * rows['present'][:, 1], rows['click'], 1, 0
    w = importance(rows['probability'][:, j, p], rows['propensity'][:, j], 4.0)
    q_pi, q = rows['expected'][:, j, p], rows['predicted'][:, j]
    alone = {'snips': snips(v, y, w), 'ips': ips(v, y, w), 'dm': dm(v, q_pi), 'dr': dr(v, y, w, q_pi, q)}
    for e, name in enumerate(COMPONENT_ESTIMATORS):
        np.testing.assert_array_equal(components[:, j, e, p], alone[name])
    combined = rows['probability'], rows['propensity'], rows['present']
    replay, slate = replay_importance(*combined)[:, p], slate_importance(*combined)[:, p]
    q_pi, q = rows['expected'][:, 0, p], rows['predicted'][:, 0]
    alone = {
        'replay': snips(weight, y, replay),
        'pi': ips(weight, y, slate),
        'dm': dm(weight, q_pi),
        'dr': dr(weight, y, slate, q_pi, q),
    }
    for e, name in enumerate(COMBINATION_ESTIMATORS):
        np.testing.assert_array_equal(combinations[:, e, p], alone[name])


@given(st.integers(0, 2**32), st.integers(1, 12))
@settings(max_examples=30, deadline=None)
def test_a_weighted_row_is_exactly_so_many_equal_rows(seed, size):
    rng = np.random.default_rng(seed)
    rows, repeats = _random_rows(rng, size), rng.integers(0, 5, size)
    repeated = {name: np.repeat(values, repeats, axis=0) for name, values in rows.items()}
    for weighted, plain in zip(_terms(rows, repeats.astype(float)), _terms(repeated, np.ones(repeats.sum()))):
        np.testing.assert_allclose(weighted.sum(0), plain.sum(0), rtol=1e-12, atol=1e-12)


def test_the_maths_needs_no_tensorflow_beam_or_tfx():
    names = [f'components.sctr_evaluator.{module}' for module in MODULES]
    code = (
        f'import importlib, sys; [importlib.import_module(name) for name in {names}]; '
        'print([m for m in ("tensorflow", "apache_beam", "tfx") if m in sys.modules])'
    )
    found = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == '[]'
