"""Fits the synergies: products of factors of two elements that are shown together."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from model.training.interactions.element_factors import ElementFactors
from model.training.interactions.moments import outer_sums, sums
from model.training.interactions.pair_sums import PairSums, leading, standardised
from model.training.interactions.residuals import Residuals


class Synergies:
    """The effects z_e' Q_jl z_f, summed over the pairs of shown elements e and f of components j < l.

    The entries of the matrices Q_jl have a normal prior with mean zero.

    Args:
        shown: The shown elements of R impressions, int [R, M]; E where there is none.
        factors: The factors of the elements.
        prior_std: The prior standard deviation of the entries of Q_jl, in logits.
    """

    def __init__(self, shown: np.ndarray, factors: ElementFactors, prior_std: float):
        self.factors = factors
        self._shown, self._prior_std = shown, prior_std
        self._pairs = list(combinations(range(shown.shape[1]), 2))
        size = len(factors.mean)
        self._sums = {(j, k): PairSums.of(shown[:, j], shown[:, k], (size, size)) for j, k in self._pairs}
        self._matrices = {pair: np.zeros((factors.dimensions, factors.dimensions)) for pair in self._pairs}

    @property
    def _components(self) -> int:
        return self._shown.shape[1]

    @property
    def matrix(self) -> np.ndarray:
        """Q, float64 [M D, M D], with Q_jl in block row j and block column l."""
        components, size = self._components, self.factors.dimensions
        whole = np.zeros((components * size, components * size))
        for (j, k), matrix in self._matrices.items():
            whole[j * size : (j + 1) * size, k * size : (k + 1) * size] = matrix
        return whole

    def start(self, residuals: Residuals) -> None:
        """Sets the factors of each component to the leading singular vectors of the residuals by pair of elements."""
        design = self.factors.design
        by_pair = [
            {pair: by.matrix(values)[:-1, :-1] for pair, by in self._sums.items()}
            for values in (residuals.value, residuals.information)
        ]
        for j, rows in enumerate(self.factors.of_component):
            value, information = (
                sum(found[j, k] if j < k else found[k, j].T for k in range(self._components) if k != j)[rows]
                for found in by_pair
            )
            own, _ = self.factors.terms_of(j)
            if design.shape[1]:
                value = own.T @ value @ design
                information = own.power(2).T @ information @ design.power(2)
            left, _, _ = leading(standardised(value, information), self.factors.dimensions)
            if left.shape[1] == self.factors.dimensions:
                left = left * len(left) ** 0.5
                if design.shape[1]:
                    self.factors.start(j, terms=left)
                else:
                    self.factors.start(j, own=left)
        self._update_matrices(residuals)
        residuals.linearise()

    def sweep(self, residuals: Residuals) -> None:
        """Updates the factors of the elements of each component, then the matrices."""
        factors, size = self.factors, len(self.factors.mean)
        informations = {pair: by.matrix(residuals.information) for pair, by in self._sums.items()}
        for j, rows in enumerate(factors.of_component):
            shown = self._shown[:, j]
            partners = sum((factors.mean @ matrix.T)[self._shown[:, k]] for k, matrix in self._partners(j))
            before = np.einsum('rd,rd->r', factors.mean[shown], partners)
            pull = sums(shown, residuals.value + residuals.information * before, partners, size)[rows]
            information = outer_sums(shown, residuals.information, partners, size)
            for k, matrix in self._partners(j):
                # The covariance of Q z is Q cov(z) Q', row by row.
                uncertain = factors.covariance.reshape(size, -1) @ np.kron(matrix, matrix).T
                shown_with = informations[j, k] if j < k else informations[k, j].T
                information += (shown_with @ uncertain).reshape(information.shape)
            factors.update(j, information[rows], pull)
            residuals.add(np.einsum('rd,rd->r', factors.mean[shown], partners) - before)
        self._update_matrices(residuals)
        residuals.linearise()

    def _update_matrices(self, residuals: Residuals) -> None:
        """Updates the matrices one by one, from sums by pair of elements."""
        mean, covariance = self.factors.mean, self.factors.covariance
        second = mean[:, :, None] * mean[:, None, :] + covariance
        prior = np.eye(self.factors.dimensions**2) / self._prior_std**2
        for pair, by_pair in self._sums.items():
            pair_of_elements = one, other = by_pair.pairs
            products = (mean[one][:, :, None] * mean[other][:, None, :]).reshape(len(one), -1)
            weight = by_pair.totals(residuals.information)
            before = products @ self._matrices[pair].ravel()
            pull = products.T @ (by_pair.totals(residuals.value) + weight * before)
            # The sum of E[z z'] of one element times that of the other, as a matrix of products of their factors.
            of_one, of_other = (second[which].reshape(len(which), -1) for which in pair_of_elements)
            outer = (of_one * weight[:, None]).T @ of_other
            outer = outer.reshape([self.factors.dimensions] * 4).transpose(0, 2, 1, 3).reshape(prior.shape)
            after = np.linalg.solve(outer + prior, pull)
            self._matrices[pair] = after.reshape(self._matrices[pair].shape)
            residuals.add(by_pair.spread(products @ after - before))

    def _partners(self, component: int) -> Iterator[tuple[int, np.ndarray]]:
        """Yields every other component with Q from the view of the given one, [D, D]."""
        for (j, k), matrix in self._matrices.items():
            if j == component:
                yield k, matrix
            elif k == component:
                yield j, matrix.T
