"""Learned variances against exact algebra on a dense problem, and against variances that made the data."""

import numpy as np
import pytest
from scipy import sparse
from scipy.special import expit

from model.training.additive_effects import variance_components
from model.training.additive_effects.effect_problem import EffectProblem, Occurring
from model.training.additive_effects.linear_terms import SparseTerms, VectorTerms
from model.training.additive_effects.posterior_mode import mode
from model.training.additive_effects.variance_components import learned_stds
from model.training.training_impressions import Impressions

ADS, ELEMENTS, DIMENSIONS, COLOURS = 30, 120, 8, 6
FIRST = {'attribute title': 0.1, 'vector title': 0.1}


def problem_of(rng: np.random.Generator, rows: int, vector_std: float) -> EffectProblem:
    """Impressions of one component whose elements' effects come from vectors with the given deviation."""
    vectors = rng.normal(size=(ELEMENTS, DIMENSIONS)).astype(np.float32)
    vectors -= vectors.mean(0)
    vectors /= np.sqrt(np.square(vectors).sum(1).mean())
    effect = vectors @ rng.normal(0, vector_std, DIMENSIONS) + rng.normal(0, 0.1, ELEMENTS)
    ad, shown = rng.integers(ADS, size=rows), rng.integers(ELEMENTS, size=rows)
    shown[:ELEMENTS] = np.arange(ELEMENTS)
    appeal = rng.normal(0, 0.5, ADS)
    click = rng.random(rows) < expit(-1 + appeal[ad] + effect[shown])
    data = Impressions(
        ad,
        np.zeros(rows, int),
        shown[:, None],
        np.full(rows, -1.0),
        click.astype(float),
        np.ones(rows),
        np.zeros((rows, 0), int),
    )
    colours = sparse.csr_matrix(np.eye(COLOURS)[rng.integers(COLOURS, size=ELEMENTS)])
    terms = {
        'attribute title': SparseTerms(colours),
        'vector title': VectorTerms(ELEMENTS, np.arange(ELEMENTS), vectors),
    }
    problem = EffectProblem(Occurring.of(data), np.zeros(ELEMENTS, int), ['title'], terms, {})
    stds = {'ad': 0.5, 'combination': 0.1, 'element title': 0.1, 'attribute title': 0.2, 'vector title': 0.4}
    for name, std in stds.items():
        problem.set_std(name, std)
    return problem


def dense_hessian(problem: EffectProblem, values: np.ndarray) -> np.ndarray:
    information = problem.information(values)
    return np.stack([problem.hessian_product(information, unit) for unit in np.eye(problem.size)])


def test_hessian_is_the_derivative_of_the_gradient():
    rng = np.random.default_rng(1)
    problem = problem_of(rng, 400, 0.5)
    values = rng.normal(0, 0.1, problem.size)
    hessian = dense_hessian(problem, values)
    np.testing.assert_allclose(hessian, hessian.T, atol=1e-5)
    direction, step = rng.normal(size=problem.size), 1e-4
    ahead, behind = (problem.loss(values + sign * step * direction)[1] for sign in (1, -1))
    np.testing.assert_allclose(hessian @ direction, (ahead - behind) / (2 * step), atol=2e-2)
    np.testing.assert_allclose(np.diag(hessian), problem.curvature(problem.information(values)), rtol=1e-4)


def test_one_step_is_mackays(monkeypatch):
    monkeypatch.setattr(variance_components, '_PROBES', 300)
    monkeypatch.setattr(variance_components, '_TOLERANCE', 1e-6)
    problem = problem_of(np.random.default_rng(2), 3000, 0.5)
    values = mode(problem, np.zeros(problem.size))
    covariance = np.linalg.inv(dense_hessian(problem, values))
    first = {'attribute title': 0.2, 'vector title': 0.3}
    found = learned_stds(problem, values, first, np.random.default_rng(3))
    for name, guess in first.items():
        group, std = problem.groups[name], problem.stds[name]
        gamma = len(group) - np.trace(covariance[np.ix_(group, group)]) / std**2
        variance = (values[group] @ values[group] + 3 * guess**2) / (gamma + 3)
        assert found[name] == pytest.approx(np.sqrt(variance), rel=0.05)


@pytest.mark.parametrize('vector_std', [0.2, 0.8])
def test_the_fixed_point_is_near_the_deviation_of_the_weights(vector_std):
    problem = problem_of(np.random.default_rng(4), 60_000, vector_std)
    values, rng = np.zeros(problem.size), np.random.default_rng(5)
    for _ in range(12):
        values = mode(problem, values)
        for name, std in learned_stds(problem, values, FIRST, rng).items():
            problem.set_std(name, std)
    assert problem.stds['vector title'] == pytest.approx(vector_std, rel=0.6)
    assert problem.stds['attribute title'] < 0.08  # the colours do not matter
