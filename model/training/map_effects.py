"""Fits the additive part of GenCO to all impressions at once: the posterior mode under normal priors."""

from dataclasses import dataclass

import numpy as np
from scipy import optimize, sparse
from scipy.special import expit
from threadpoolctl import threadpool_limits

from model.training.training_impressions import TrainingImpressions

_PRIOR_EXPOSURE = 3.0  # impressions; keeps the preference for rarely shown elements near zero
_MOST_ITERATIONS = 150
_TOLERANCE = 1e-9  # relative change of the loss from one iteration to the next
_NO_SPREAD = 1e-4


@dataclass(frozen=True)
class Priors:
    """The prior standard deviations, in logits, of effects whose prior mean is zero.

    Attributes:
        ad, element, subword: The standard deviation of the effect of an ad, of an element and of a subword.
        combination: The standard deviation of the joint effect of the elements of a combination beyond the
            sum of their effects.
        preference: The largest standard deviation that may be learned for the weights of the logging
            policy's preference, of which each component has one.
    """

    ad: float
    element: float
    subword: float
    combination: float
    preference: float


@dataclass(frozen=True)
class Effects:
    """The fitted effects, in logits.

    Attributes:
        intercept: The logit that all impressions share.
        ad: The effects of ads, float64 [ads].
        ad_precision: The precisions (1 / variance) of the effects of ads, float64 [ads].
        element: The effects of elements, float64 [rows], including the preference but not the subwords.
        element_precision: The precisions of the effects of elements, float64 [rows].
        subword: The effects of subwords, float64 [subwords].
        combination: The effects of combinations, float64 [combination rows].
        preference: The weights of the logging policy's preference, float64 [M].
    """

    intercept: float
    ad: np.ndarray
    ad_precision: np.ndarray
    element: np.ndarray
    element_precision: np.ndarray
    subword: np.ndarray
    combination: np.ndarray
    preference: np.ndarray


def fit_effects(
    evidence: TrainingImpressions, intercept: float, ads: int, combinations: int, priors: Priors
) -> Effects:
    """Fits the effects of ads, elements, subwords and whole combinations to the clicks.

    The log-odds of a click on an impression are

        offset + intercept + ad + combination + sum over shown elements e of (
            element_e + preference_C(e) q_e + sum over its n subwords of subword / sqrt(n)),
        q_e = log((exposure_e + 3) / (chance_e + 3)).

    Here chance_e is the exposure that a uniform policy would have given the element, so q_e is the log of how
    much more often the logging policy showed it; impressions chosen by GenCO models do not count. An informed
    policy shows good elements more often. The weight of this preference is learned in two fits: the spread of
    the weights in the first fit, less the part that noise explains, is their prior in the second (DerSimonian
    and Laird 1986). The preference of an uninformed policy is therefore left out. The precisions are those of
    Laplace's approximation, without the correlations.

    Args:
        evidence: The impressions seen in training, at least one.
        intercept: The initial value of the intercept, which has no prior.
        ads, combinations: The numbers of rows of the ads and of the combinations.
        priors: The prior standard deviations of the effects.
    """
    problem = _Problem(evidence, priors)
    start = np.zeros(problem.size)
    start[0] = intercept
    first = _mode(problem, start)
    problem.set_preference_prior(_learned_spread(problem, first, priors))
    values = _mode(problem, first)
    (intercept,), ad, element, subword, combination, preference = problem.split(values)
    _, ad_precision, element_precision, *_ = problem.split(problem.curvature(values))
    rows, subwords = problem.all_subwords.shape
    return Effects(
        intercept=float(intercept),
        ad=_spread(ad, problem.ads, np.zeros(ads)),
        ad_precision=_spread(ad_precision, problem.ads, np.full(ads, priors.ad**-2)),
        element=_spread(element, problem.elements, np.zeros(rows)) + problem.all_preferences @ preference,
        element_precision=_spread(element_precision, problem.elements, np.full(rows, priors.element**-2)),
        subword=_spread(subword, problem.subwords, np.zeros(subwords)),
        combination=_spread(combination, problem.combinations, np.zeros(combinations)),
        preference=preference,
    )


def _mode(problem: '_Problem', start: np.ndarray) -> np.ndarray:
    scale = 1 / np.sqrt(problem.curvature(start))
    # On a busy machine, BLAS threads spend more time waiting for each other than computing.
    with threadpool_limits(1, 'blas'):
        found = optimize.minimize(
            lambda x: problem.loss(x * scale, scale),
            start / scale,
            jac=True,
            method='L-BFGS-B',
            options={'maxiter': _MOST_ITERATIONS, 'ftol': _TOLERANCE},
        )
    return found.x * scale


def _learned_spread(problem: '_Problem', values: np.ndarray, priors: Priors) -> float:
    """Returns the standard deviation of the preference weights beyond noise, at most that in `priors`.

    The clicks of element e carry the information H_e about its effect, whose prior standard deviation is
    `priors.element`. They thus carry q_e^2 H_e / (1 + priors.element^2 H_e) about the weight of q.
    """
    *_, weights = problem.split(values)
    _, _, element_precision, *_ = problem.split(problem.curvature(values))
    said = np.maximum(element_precision - priors.element**-2, 0)
    information = problem.preferences.power(2).T @ (said / (1 + priors.element**2 * said))
    if not information.any():
        return _NO_SPREAD
    variance = (information @ weights**2 - np.count_nonzero(information)) / information.sum()
    return min(max(variance, _NO_SPREAD**2) ** 0.5, priors.preference)


class _Problem:
    """The negative log posterior of (intercept, ad, element, subword, combination, preference), concatenated.

    It covers only ads, elements, subwords and combinations that occur; all others stay at their prior mean.
    """

    def __init__(self, evidence: TrainingImpressions, priors: Priors):
        self._data = data = evidence.impressions()
        self.all_subwords, self.all_preferences = evidence.subwords(), _preferences(evidence)
        self._row, component = np.nonzero(data.shown >= 0)
        self.ads, self._ad = np.unique(data.ad, return_inverse=True)
        self.elements, self._shown = np.unique(data.shown[self._row, component], return_inverse=True)
        subwords = self.all_subwords[self.elements]
        self.subwords = np.unique(subwords.indices)
        self._subwords = subwords[:, self.subwords]
        self.combinations, self._combination = np.unique(data.combination, return_inverse=True)
        self.preferences = self.all_preferences[self.elements]
        sizes = (1, len(self.ads), *self._subwords.shape, len(self.combinations), self.preferences.shape[1])
        self._cuts = np.cumsum(sizes)[:-1]
        self.size = sum(sizes)
        stds = (np.inf, priors.ad, priors.element, priors.subword, priors.combination, priors.preference)
        self._precision = np.repeat([std**-2.0 for std in stds], sizes)

    def set_preference_prior(self, std: float) -> None:
        self._precision[self._cuts[-1] :] = std**-2.0

    def split(self, values: np.ndarray) -> list[np.ndarray]:
        return np.split(values, self._cuts)

    def loss(self, values: np.ndarray, scale: np.ndarray) -> tuple[float, np.ndarray]:
        """Returns the loss and its gradient with respect to values / scale."""
        logit, data = self._logit(values), self._data
        loss = data.weight @ (np.logaddexp(0, logit) - data.click * logit)
        pull = self._precision * values
        residual = data.weight * (expit(logit) - data.click)
        gradient = self._sums(residual, self._subwords, self.preferences) + pull
        return loss + 0.5 * pull @ values, scale * gradient

    def curvature(self, values: np.ndarray) -> np.ndarray:
        """Returns the diagonal of the Hessian."""
        ctr = expit(self._logit(values))
        information = self._data.weight * ctr * (1 - ctr)
        return self._sums(information, self._subwords.power(2), self.preferences.power(2)) + self._precision

    def _logit(self, values: np.ndarray) -> np.ndarray:
        intercept, ad, element, subword, combination, preference = self.split(values)
        effect = element + self._subwords @ subword + self.preferences @ preference
        of_elements = np.bincount(self._row, effect[self._shown], len(self._ad))
        return self._data.offset + intercept + ad[self._ad] + combination[self._combination] + of_elements

    def _sums(self, per_impression: np.ndarray, subwords, preferences) -> np.ndarray:
        """Sums over the impressions of each value of the problem; subwords and preferences have weights."""
        ad = np.bincount(self._ad, per_impression, len(self.ads))
        element = np.bincount(self._shown, per_impression[self._row], len(self.elements))
        combination = np.bincount(self._combination, per_impression, len(self.combinations))
        parts = ([ad.sum()], ad, element, subwords.T @ element, combination, preferences.T @ element)
        return np.concatenate(parts)


def _spread(values: np.ndarray, rows: np.ndarray, table: np.ndarray) -> np.ndarray:
    table[rows] = values
    return table


def _preferences(evidence: TrainingImpressions) -> sparse.csr_matrix:
    """Returns q_e in the column of the component of each element, float64 [rows, M]."""
    rows = np.flatnonzero(evidence.component >= 0)
    quotient = (evidence.exposure[rows] + _PRIOR_EXPOSURE) / (evidence.chance[rows] + _PRIOR_EXPOSURE)
    shape = (len(evidence.component), len(evidence.tables.components))
    return sparse.csr_matrix((np.log(quotient), (rows, evidence.component[rows])), shape)
