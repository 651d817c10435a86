"""The posterior of the factors of elements, whose products with other factors are effects."""

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import LinearOperator, cg

from model.training.additive_effects.linear_terms import SparseTerms

_STEPS = 8  # of conjugate gradients; each sweep goes on where the last one stopped
_PRIOR_PARAMETERS = 3.0  # the factors that the first guess of a variance counts for


class ElementFactors:
    """The normal posterior of the factors z of E elements, by mean-field variational Bayes.

    The factors of an element of component C are z = own + the sum over its n attributes of t / sqrt(n), where

        own ~ N(0, v_C I),   t ~ N(0, s_C I),

    and the variances v_C and s_C are learned.

    Args:
        component: The component of each element, int [E].
        components: The number of components M.
        dimensions: The number of factors D of an element.
        design: 1 / sqrt(n) for each of the n attributes of an element, [E, V]; None without a catalogue.

    Attributes:
        of_component: The elements of each component, M arrays int64.
        mean, own: The posterior means of z and of own, float64 [E + 1, D]; the last row, which stands for an absent
            element, is zero.
        covariance: The posterior covariances of z, float64 [E + 1, D, D].
        terms: The posterior means of t, float64 [V, D].
    """

    def __init__(
        self, component: np.ndarray, components: int, dimensions: int, design: sparse.csr_matrix | None
    ):
        elements = len(component)
        self.dimensions = dimensions
        self.of_component = [np.flatnonzero(component == j) for j in range(components)]
        self.mean, self.own = np.zeros((2, elements + 1, dimensions))
        self.covariance = np.zeros((elements + 1, dimensions, dimensions))
        self._own_variance, self._term_variance = np.ones((2, components))
        self.design = sparse.csr_matrix((elements, 0)) if design is None else design
        self.terms = np.zeros((self.design.shape[1], dimensions))
        self._uncertainty = np.zeros_like(self.terms)
        self._designs = [self.design[rows] for rows in self.of_component]
        self._columns = [np.unique(part.indices) for part in self._designs]
        self._designs = [part[:, used] for part, used in zip(self._designs, self._columns)]
        self._squares = [part.power(2) for part in self._designs]
        self._sparse_terms = [SparseTerms(part) for part in self._designs]

    def start(self, component: int, own: np.ndarray | None = None, terms: np.ndarray | None = None) -> None:
        """Sets first values for a component: of its elements, [rows, D], or of the attributes that they have."""
        rows = self.of_component[component]
        if terms is not None:
            self.terms[self._columns[component]] = terms
            self.mean[rows] = self._designs[component] @ terms
        if own is not None:
            self.own[rows] = self.mean[rows] = own

    def terms_of(self, component: int) -> tuple[sparse.csr_matrix, np.ndarray]:
        """The design of the elements of a component, [rows, used], and the attributes used, int64 [used]."""
        return self._designs[component], self._columns[component]

    def update(self, component: int, information: np.ndarray, pull: np.ndarray) -> None:
        """Moves the posterior of the elements of a component to its optimum given all others.

        Args:
            component: The component.
            information: The expected information of the clicks about z of each element, [rows, D, D].
            pull: The gradient of the log likelihood by z at z = 0, float64 [rows, D].
        """
        rows, dimensions = self.of_component[component], range(self.dimensions)
        from_terms = self._update_terms(component, information, pull)
        precision = information + np.eye(self.dimensions) / self._own_variance[component]
        covariance = np.linalg.inv(precision)
        self.own[rows] = _times(covariance, pull - _times(information, from_terms))
        told = information[:, dimensions, dimensions].any(1)
        squares = np.square(self.own[rows][told]).sum() + np.trace(covariance[told].sum(0))
        self._own_variance[component] = _shrunk(squares, told.sum() * self.dimensions)
        self.mean[rows] = self.own[rows] + from_terms
        uncertain = self._squares[component] @ self._uncertainty[self._columns[component]]
        covariance[:, dimensions, dimensions] += uncertain
        self.covariance[rows] = covariance

    def rescale(self) -> float:
        """Scales z so that its mean square is 1, and returns the divisor."""
        rows = np.concatenate(self.of_component)
        squares = (
            np.square(self.mean[rows]).mean() + np.trace(self.covariance[rows].mean(0)) / self.dimensions
        )
        scale = max(squares**0.5, np.finfo(float).tiny)
        for values in (self.mean, self.own, self.terms):
            values /= scale
        for values in (self.covariance, self._uncertainty, self._own_variance, self._term_variance):
            values /= scale**2
        return float(scale)

    def _update_terms(self, component: int, information: np.ndarray, pull: np.ndarray) -> np.ndarray:
        """Updates t; returns the sums of the attributes of each element of the component, [rows, D]."""
        terms, used = self._sparse_terms[component], self._columns[component]
        if not len(used):
            return np.zeros_like(pull)
        shape, prior = (len(used), self.dimensions), 1 / self._term_variance[component]
        diagonal = information[:, range(self.dimensions), range(self.dimensions)]
        diagonal = terms.sums_of_squares(diagonal) + prior

        def product(flat: np.ndarray) -> np.ndarray:
            values = flat.reshape(shape)
            return (terms.sums(_times(information, terms.effect(values))) + prior * values).ravel()

        own = self.own[self.of_component[component]]
        size = terms.size * self.dimensions
        found, _ = cg(
            LinearOperator((size, size), product),
            terms.sums(pull - _times(information, own)).ravel(),
            self.terms[used].ravel(),
            maxiter=_STEPS,
            M=LinearOperator((size, size), lambda flat: flat.ravel() / diagonal.ravel()),
        )
        self.terms[used], self._uncertainty[used] = found.reshape(shape), 1 / diagonal
        squares = np.square(found).sum() + self._uncertainty[used].sum()
        self._term_variance[component] = _shrunk(squares, size)
        return terms.effect(self.terms[used])


def _shrunk(squares: float, count: int) -> float:
    """The mean square of `count` values, joined with a guess of 1 that counts for a few of them."""
    return (squares + _PRIOR_PARAMETERS) / (count + _PRIOR_PARAMETERS)


def _times(matrices: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """The product of each matrix, [R, D, D], with its vector, [R, D]."""
    return np.einsum('rij,rj->ri', matrices, vectors)
