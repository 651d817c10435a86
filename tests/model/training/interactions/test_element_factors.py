"""The posterior of factors against the normal equations solved at once."""

import numpy as np
import pytest
from scipy import sparse

from model.training.interactions import element_factors
from model.training.interactions.element_factors import ElementFactors

E, D, V = 9, 2, 4
COMPONENT = np.array([0, 1, 0, 1, 1, 0, 0, 1, 1])


@pytest.fixture
def evidence():
    rng = np.random.default_rng(5)
    roots = rng.normal(size=(E, D, 4))
    return roots @ roots.transpose(0, 2, 1), rng.normal(size=(E, D))


@pytest.fixture
def fixed_variances(monkeypatch):
    monkeypatch.setattr(element_factors, '_shrunk', lambda squares, count: 1.0)


def test_own_factors_are_the_exact_posterior(evidence, fixed_variances):
    information, pull = evidence
    factors = ElementFactors(COMPONENT, 2, D, None)
    for j, rows in enumerate(factors.of_component):
        factors.update(j, information[rows], pull[rows])
    for e in range(E):
        covariance = np.linalg.inv(information[e] + np.eye(D))
        np.testing.assert_allclose(factors.mean[e], covariance @ pull[e])
        np.testing.assert_allclose(factors.covariance[e], covariance)
    assert not factors.mean[E].any() and not factors.covariance[E].any()


def test_factors_of_attributes_are_the_joint_mode(evidence, fixed_variances):
    information, pull = evidence
    matrix = (np.random.default_rng(6).random((E, V)) < 0.5) * 0.7
    matrix[COMPONENT == 0, :2] = matrix[COMPONENT == 1, 2:] = 0
    factors = ElementFactors(COMPONENT, 2, D, sparse.csr_matrix(matrix))
    for _ in range(200):
        for j, rows in enumerate(factors.of_component):
            factors.update(j, information[rows], pull[rows])
    design = np.kron(np.hstack([np.eye(E), matrix]), np.eye(D))
    whole = np.zeros((E * D, E * D))
    for e in range(E):
        whole[e * D : (e + 1) * D, e * D : (e + 1) * D] = information[e]
    hessian = design.T @ whole @ design + np.eye(design.shape[1])
    mode = np.linalg.solve(hessian, design.T @ pull.ravel()).reshape(-1, D)
    np.testing.assert_allclose(factors.own[:-1], mode[:E], atol=1e-5)
    np.testing.assert_allclose(factors.terms, mode[E:], atol=1e-5)
    np.testing.assert_allclose(factors.mean[:-1], mode[:E] + matrix @ mode[E:], atol=1e-5)


def test_scaling_keeps_the_ratios_and_makes_the_mean_square_one(evidence):
    information, pull = evidence
    factors = ElementFactors(COMPONENT, 2, D, None)
    for j, rows in enumerate(factors.of_component):
        factors.update(j, information[rows], pull[rows])
    before = factors.mean.copy()
    scale = factors.rescale()
    np.testing.assert_allclose(factors.mean * scale, before)
    squares = np.square(factors.mean[:-1]).sum() + np.trace(factors.covariance[:-1].sum(0))
    assert squares / (E * D) == pytest.approx(1)


def test_variances_grow_with_the_factors(evidence):
    information, pull = evidence
    small, large = (ElementFactors(COMPONENT, 2, D, None) for _ in range(2))
    for _ in range(20):
        for j, rows in enumerate(small.of_component):
            small.update(j, 10 * information[rows], pull[rows])
            large.update(j, 10 * information[rows], 100 * pull[rows])
    assert np.abs(large.own).mean() > 90 * np.abs(small.own).mean()
