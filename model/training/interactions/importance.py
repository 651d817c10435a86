"""Fits the importance of components: how much the effects of their elements count in a context."""

import numpy as np

from model.training.additive_effects.effect_problem import ELEMENT, EffectProblem, Occurring
from model.training.additive_effects.posterior_mode import ITERATIONS_PER_ROUND, mode
from model.training.interactions.contexts import Contexts

_FIRST_STD = 0.2  # guess of the deviations of the log importance between the cells of a feature
_GUESS_COUNTS = 3.0  # the cells that the guess counts for
_ROUNDS_OF_TABLES = 4
_LARGEST_STEP = 0.5
_ROUNDS = 4
_PRIOR_ELEMENTS = 3.0  # elements that count for an importance of 1


class Importance:
    """The importance s = exp(level_j + the sum over category features of deviation_cell,j) of component j.

    It multiplies the effects of the elements of the component. The deviations have normal priors with mean
    zero, whose variance is learned by feature, so that a feature that does not matter fades.

    Args:
        contexts: The contexts of R impressions.
        row, component: The impression and the component of each of the S shown elements, int64 [S].
        components: The number of components M.

    Attributes:
        level: float64 [M].
        deviations: One array float64 [cells, M] per category feature.
    """

    def __init__(self, contexts: Contexts, row: np.ndarray, component: np.ndarray, components: int):
        self._contexts, self._components = contexts, components
        self._place = contexts.profile[row] * components + component
        self._indicators = [contexts.indicator(k).T.tocsr() for k in range(contexts.features)]
        self.level = np.zeros(components)
        self.deviations = [np.zeros((part.shape[0], components)) for part in self._indicators]
        self._variances = [_FIRST_STD**2] * len(self.deviations)

    @property
    def of_profiles(self) -> np.ndarray:
        """s by profile and component, float64 [profiles, M]."""
        return np.exp(self._logs())

    @property
    def of_shown(self) -> np.ndarray:
        """s of each shown element, float64 [S]."""
        return self.of_profiles.ravel()[self._place]

    def update(
        self,
        residual: np.ndarray,
        information: np.ndarray,
        effect: np.ndarray,
        variance: np.ndarray,
        spread: np.ndarray,
    ) -> None:
        """One step of the levels and one Newton step of the deviations, given the posterior of the effects of elements.

        The gradient is that of the expected log likelihood under this posterior. The variance in it keeps effects of
        which the clicks tell little from being taken for large ones. Where they tell much, s and the effects could
        trade factors for long; so the level takes over by how much the effects are larger than their prior says
        (parameter expansion; Liu et al. 1998).

        Args:
            residual: weight x (click - predicted CTR) of the impression of each shown element, float64 [S].
            information: weight x p (1 - p) of the impression of each shown element, float64 [S].
            effect, variance: The posterior mean and variance of its effect without s, float64 [S].
            spread: The variance of the effects of each component over that of their prior, float64 [M].
        """
        factor = np.sqrt(spread)
        self.level += np.log(factor)
        of_shown = factor[self._place % self._components]
        effect, variance = effect / of_shown, variance / of_shown**2
        logs = self._logs()
        scale = np.exp(logs).ravel()[self._place]
        shape = logs.shape
        gradient = scale * (residual * effect - information * scale * variance)
        gradient = np.bincount(self._place, gradient, logs.size).reshape(shape)
        curvature = information * scale**2 * (effect**2 + variance)
        curvature = np.bincount(self._place, curvature, logs.size).reshape(shape)
        for _ in range(_ROUNDS_OF_TABLES):
            for k, to_cells in enumerate(self._indicators):
                left = gradient - curvature * (self._logs() - logs)
                told = to_cells @ curvature + 1 / self._variances[k]
                step = (to_cells @ left - self.deviations[k] / self._variances[k]) / told
                seen = to_cells.getnnz(1) > 0
                self.deviations[k] += _bounded(step)
                mean = self.deviations[k][seen].mean(0)
                self.deviations[k][seen] -= mean
                self.level += mean
                squares = np.square(self.deviations[k][seen]) + 1 / told[seen]
                guess = _GUESS_COUNTS * _FIRST_STD**2
                self._variances[k] = (squares.sum() + guess) / (squares.size + _GUESS_COUNTS)

    def _logs(self) -> np.ndarray:
        found = np.tile(self.level, (self._contexts.profiles, 1))
        for deviations, cells in zip(self.deviations, self._contexts.cells):
            found += deviations[cells]
        return found


def learn_importance(
    importance: Importance,
    problem: EffectProblem,
    values: np.ndarray,
    there: Occurring,
    component: np.ndarray,
    prior_std: float,
) -> np.ndarray:
    """Learns the importance in turns with the additive effects; returns their new mode, float64 [P].

    Args:
        importance: The importance to be learned.
        problem: The posterior of the effects, which gets the learned importance.
        values: The mode of the effects, float64 [P].
        there: The impressions of the problem.
        component: The component of each element that occurs, int64 [elements].
        prior_std: The prior standard deviation of the elements' own effects.
    """
    row, element = there.row, there.element
    for _ in range(_ROUNDS):
        information = problem.information(values)
        own = problem.split(values)[ELEMENT] / prior_std
        variance = 1 / problem.split(problem.curvature(information))[ELEMENT]
        # MacKay's estimate, as in `learned_stds`.
        squares = np.bincount(component, own**2, len(importance.level))
        effective = np.bincount(component, 1 - variance / prior_std**2, len(importance.level))
        importance.update(
            problem.residual(values)[row],
            information[row],
            problem.of_elements(values)[element],
            variance[element],
            # Where clicks are few, the preference and the content explain effects, and their own seem too small.
            np.maximum((squares + _PRIOR_ELEMENTS) / (effective + _PRIOR_ELEMENTS), 1.0),
        )
        problem.set_importance(importance.of_shown)
        values = mode(problem, values, ITERATIONS_PER_ROUND)
    return values


def _bounded(step: np.ndarray) -> np.ndarray:
    return np.clip(step, -_LARGEST_STEP, _LARGEST_STEP)
