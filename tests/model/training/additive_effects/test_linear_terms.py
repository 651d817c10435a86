"""Design matrices against dense ones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from model.training.additive_effects.linear_terms import SparseTerms, VectorTerms

ELEMENTS, SIZE = 7, 3


def vectors(rng: np.random.Generator) -> tuple[VectorTerms, np.ndarray]:
    """Terms of vectors of some elements, and the design matrix that they stand for."""
    rows = np.flatnonzero(rng.random(ELEMENTS) < 0.7)
    given_vectors = rng.normal(2, 3, (len(rows), SIZE)).astype(np.float32)
    dense = np.zeros((ELEMENTS, SIZE))
    if len(rows):
        centred = given_vectors - given_vectors.mean(0)
        length = np.sqrt(np.square(centred).sum(1).mean())
        dense[rows] = centred / (length if length > 1e-6 else 1)
    return VectorTerms(ELEMENTS, rows, given_vectors), dense


def words(rng: np.random.Generator) -> tuple[SparseTerms, np.ndarray]:
    dense = rng.random((ELEMENTS, SIZE)) * (rng.random((ELEMENTS, SIZE)) < 0.5)
    return SparseTerms(sparse.csr_matrix(dense)), dense


@pytest.mark.parametrize('terms', [vectors, words])
@given(seed=st.integers(0, 1000))
def test_products_are_those_of_the_dense_matrix(terms, seed):
    rng = np.random.default_rng(seed)
    found, dense = terms(rng)
    weights, per_element = rng.normal(size=SIZE), rng.normal(size=ELEMENTS)
    np.testing.assert_allclose(found.effect(weights), dense @ weights, atol=2e-5)
    np.testing.assert_allclose(found.sums(per_element), dense.T @ per_element, atol=2e-5)
    np.testing.assert_allclose(found.sums_of_squares(per_element), (dense**2).T @ per_element, atol=2e-5)


def test_means_of_groups_leave_out_elements_without_a_vector():
    rows, given_vectors = np.array([0, 2]), np.array([[1, 2], [3, 6]], np.float32)
    weights = sparse.csr_matrix([[1.0, 5.0, 3.0], [0.0, 4.0, 0.0], [2.0, 0.0, 0.0]])
    found = VectorTerms(3, rows, given_vectors).averaged(weights)
    means = np.array([[2.5, 5], [1, 2]])  # of the first and the third group; the second has no vector
    expected = VectorTerms(3, np.array([0, 2]), means.astype(np.float32))
    np.testing.assert_allclose(found.mean, expected.mean)
    np.testing.assert_allclose(found.effect(np.ones(2)), expected.effect(np.ones(2)), atol=1e-6)
    assert found.effect(np.ones(2))[1] == 0


def test_means_of_groups_leave_out_elements_without_terms():
    terms = SparseTerms(sparse.csr_matrix([[1.0, 0.0], [0.0, 0.0], [0.5, 0.5]]))
    found = terms.averaged(sparse.csr_matrix([[1.0, 5.0, 3.0], [0.0, 4.0, 0.0]]))
    np.testing.assert_allclose(found.effect(np.array([1.0, 0.0])), [(1 + 1.5) / 4, 0])
    np.testing.assert_allclose(found.effect(np.array([0.0, 1.0])), [1.5 / 4, 0])
