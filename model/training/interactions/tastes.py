"""Fits the tastes: products of factors of the user's context and of elements."""

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from model.training.interactions.contexts import Contexts
from model.training.interactions.element_factors import ElementFactors
from model.training.interactions.moments import outer_sums, sums
from model.training.interactions.pair_sums import PairSums, leading, standardised
from model.training.interactions.residuals import Residuals

_FIRST_STD = 0.04  # of the factors of a cell, in logits
_ROUNDS_OF_TABLES = 3
_PRIOR_INFORMATION = 2.0  # keeps the mean of an ad in a rare profile near zero
_MOST_ALIKE = 0.5


class Tastes:
    """The effects s <u, z_e>, summed over the shown elements e, of the user's context u.

    s is the importance of the component of e in the context.

    u is the sum of the factors of the cells of the context: of the value of each category feature and of each pair of them.
    Each factor of each table of cells has a prior variance of its own, which is learned (automatic relevance
    determination; MacKay 1992), so that a table that tells nothing of tastes fades. Impressions of equal categories have
    the same u and form a profile.

    Args:
        shown: The shown elements of R impressions, int [R, M]; E where there is none.
        contexts: The contexts of the impressions.
        importance: s by profile and component, float64 [profiles, M].
        factors: The factors of the elements.

    Attributes:
        context: The posterior means of the factors of cells, float64 [cells, D].
    """

    def __init__(
        self,
        shown: np.ndarray,
        contexts: Contexts,
        importance: np.ndarray,
        factors: ElementFactors,
    ):
        self.factors = factors
        self._shown, self._profile, self._importance = shown, contexts.profile, importance
        tables, self._profiles, self._cells = contexts.tables, contexts.profiles, contexts.cells
        self._indicators = [contexts.indicator(k) for k in range(len(tables))]
        self._seen = [np.unique(of) for of in self._cells]
        self._places = [PairSums.of(shown[:, j], self._profile, self._shape) for j in range(shown.shape[1])]
        dimensions = factors.dimensions
        self._means = [np.zeros((table.size, dimensions)) for table in tables]
        self._covariances = [np.zeros((table.size, dimensions, dimensions)) for table in tables]
        self._variances = [np.full(dimensions, _FIRST_STD**2) for _ in tables]

    @property
    def context(self) -> np.ndarray:
        return np.concatenate(self._means)

    def start(self, residuals: Residuals, ad: np.ndarray) -> None:
        """Sets the factors of cells to the most telling singular vectors of the residuals.

        A singular vector of the residuals by element, or by attribute with a catalogue, and by cell of a table
        tells the more, the further its singular value is above what noise alone has. No two directions are
        taken that tell nearly the same of elements.

        Args:
            residuals: The residuals without tastes.
            ad: The place of the ad of each impression among the ads, int64 [R].
        """
        design = self.factors.design
        value, information = self._by_profile(residuals, ad)
        if design.shape[1]:
            value, information = design.T @ value, design.power(2).T @ information
        found = []
        for k, to_cells in enumerate(self._indicators):
            seen = np.asarray((information @ to_cells).sum(0)).ravel()
            scaled = standardised(value @ to_cells, information @ to_cells)
            left, values, right = leading(scaled, self.factors.dimensions)
            noise = np.count_nonzero(np.diff(scaled.indptr)) ** 0.5 + np.count_nonzero(seen) ** 0.5
            weights = right / np.sqrt(np.maximum(seen, 1.0))[:, None]
            found += [(size / noise, k, left[:, i], weights[:, i]) for i, size in enumerate(values)]
        taken: list[np.ndarray] = []
        for _, k, left, weights in sorted(found, key=lambda each: -each[0]):
            if all(abs(left @ other) < _MOST_ALIKE for other in taken):
                spread = np.square(weights).mean() ** 0.5
                self._means[k][:, len(taken)] = weights / max(spread, np.finfo(float).tiny) * _FIRST_STD
                taken.append(left)
                if len(taken) == self.factors.dimensions:
                    break

    def sweep(self, residuals: Residuals) -> None:
        """Updates the factors of the elements of each component, then those of the cells."""
        of_profile, factors = self._of_profiles(self._means), self.factors
        dimensions = factors.dimensions
        second = of_profile[:, :, None] * of_profile[:, None, :] + self._of_profiles(self._covariances)
        informations = [place.matrix(residuals.information) for place in self._places]
        for j, (rows, place) in enumerate(zip(factors.of_component, self._places)):
            importance = self._importance[:, j, None]
            before = self._of_component(j, of_profile)
            told = residuals.value + residuals.information * before
            pull = (place.matrix(told) @ (importance * of_profile))[rows]
            information = (
                informations[j][rows] @ (importance**2 * second.reshape(self._profiles, -1))
            ).reshape(-1, dimensions, dimensions)
            factors.update(j, information, pull)
            residuals.add(self._of_component(j, of_profile) - before)
        self._update_cells(residuals, informations, of_profile)
        scale = factors.rescale()
        for k in range(len(self._means)):
            self._means[k] *= scale
            self._covariances[k] *= scale**2
            self._variances[k] *= scale**2

    def _update_cells(
        self, residuals: Residuals, informations: Sequence[sparse.csr_matrix], of_profile: np.ndarray
    ) -> None:
        shown, size, dimensions = self._sum_of_elements(), self._profiles, self.factors.dimensions
        information = outer_sums(self._profile, residuals.information, shown, size)
        flat = self.factors.covariance.reshape(len(self.factors.covariance), -1)
        for j, part in enumerate(informations):
            uncertain = self._importance[:, j, None] ** 2 * (part.T @ flat)
            information += uncertain.reshape(information.shape)
        before = np.einsum('rd,rd->r', shown, of_profile[self._profile])
        pull = sums(self._profile, residuals.value + residuals.information * before, shown, size)
        for _ in range(_ROUNDS_OF_TABLES):
            for k, cells in enumerate(self._cells):
                others = self._of_profiles(self._means) - self._means[k][cells]
                left = pull - np.einsum('pij,pj->pi', information, others)
                to_cells = self._indicators[k].T
                told = (to_cells @ information.reshape(size, -1)).reshape(-1, dimensions, dimensions)
                covariance = np.linalg.inv(told + np.diag(1 / self._variances[k]))
                self._means[k] = np.einsum('cij,cj->ci', covariance, to_cells @ left)
                self._covariances[k] = covariance
                seen = self._seen[k]
                squares = np.square(self._means[k][seen]) + np.einsum('cii->ci', covariance[seen])
                self._variances[k] = np.maximum(squares.mean(0), np.finfo(float).eps)
        after = self._of_profiles(self._means)
        residuals.add(np.einsum('rd,rd->r', shown, after[self._profile]) - before)
        residuals.linearise()

    def _by_profile(
        self, residuals: Residuals, ad: np.ndarray
    ) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
        """The sums of the residuals and their information by element and profile, [E, profiles] each.

        What an ad earns in a profile shows in all of its elements at once, and is no taste for elements: it is left out.
        """
        value, information = residuals.value, residuals.information
        group = PairSums.of(ad, self._profile, (ad.max() + 1, self._profiles))
        excess = group.totals(value) / (group.totals(information) + _PRIOR_INFORMATION)
        value = value - information * group.spread(excess)
        by_element = [sum(place.matrix(v) for place in self._places)[:-1] for v in (value, information)]
        return by_element[0], by_element[1]

    @property
    def _shape(self) -> tuple[int, int]:
        return len(self.factors.mean), self._profiles

    def _of_profiles(self, tables: Sequence[np.ndarray]) -> np.ndarray:
        """The sums over the cells of each profile of values by cell, [profiles, ...]."""
        return sum(values[cells] for values, cells in zip(tables, self._cells))

    def _sum_of_elements(self) -> np.ndarray:
        scale = self._importance[self._profile]
        parts = (scale[:, j, None] * self.factors.mean[self._shown[:, j]] for j in range(scale.shape[1]))
        return sum(parts)

    def _of_component(self, component: int, of_profile: np.ndarray) -> np.ndarray:
        factors = self.factors.mean[self._shown[:, component]]
        scaled = self._importance[:, component, None] * of_profile
        return np.einsum('rd,rd->r', factors, scaled[self._profile])
