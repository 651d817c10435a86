"""Small click logs of ads whose true CTRs are known exactly, drawn directly in numpy."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

_ADS = 400
_COMPONENTS = 3
_MOST_CANDIDATES = 4
_MEAN_IMPRESSIONS = 20.0
# The effect of the best element relative to a mean one, as a fraction of the CTR.
_EFFECT = 0.14

# The policies under test, in the order of the axis P. The uniform policy is the reference of lifts.
POLICIES = ('uniform', 'greedy', 'sampled', 'sampled_expectation')
_SAMPLED = POLICIES.index('sampled')


@dataclass(frozen=True)
class Scenario:
    """The properties of a world.

    Attributes:
        name: The name of the scenario in tables.
        ctr: The approximate CTR of the uniform policy.
        logged_propensities: Whether the logging policy is not uniform, so that the log has its propensities.
        right_model: Whether the model's CTRs are the true ones.
        interactions: Whether elements interact, so that their effects do not add up.
    """

    name: str
    ctr: float = 0.24
    logged_propensities: bool = False
    right_model: bool = False
    interactions: bool = False


class Log(NamedTuple):
    """R impressions of one log; M components, P policies.

    Attributes:
        key: The key of the ad, int64 [R].
        click: 0 or 1, float64 [R].
        propensity: The propensity of the shown element, float64 [R, M].
        match: The policy's probability of the shown element, or whether it chose that element, float64
            [R, M, P].
        element_expected: The model's mean CTR of the element that the policy shows, [R, M, P].
        element_predicted: The model's CTR of the shown element, [R, M].
        expected: The model's mean CTR of the combination that the policy shows, [R, P].
        predicted: The model's CTR of the shown combination, [R].
    """

    key: np.ndarray
    click: np.ndarray
    propensity: np.ndarray
    match: np.ndarray
    element_expected: np.ndarray
    element_predicted: np.ndarray
    expected: np.ndarray
    predicted: np.ndarray


class World:
    """A population of ads from which logs draw ads, each with a random number of impressions.

    For A ads, the CTRs of combinations are tables [A, N, N, N], the probabilities of elements [A, M, N].

    Args:
        scenario: The properties of the world.
        seed: The seed of the population.

    Attributes:
        component_truth: The CTR of each policy where it chooses one component and the others are drawn as
            logged, float64 [M + 1, P]; the last row is the mean over components.
        combination_truth: The CTR of each policy's whole combinations, float64 [P].
    """

    def __init__(self, scenario: Scenario, seed: int):
        rng = np.random.default_rng(seed)
        shape = (_ADS, _COMPONENTS, _MOST_CANDIDATES)
        exists = np.arange(_MOST_CANDIDATES) < rng.integers(2, _MOST_CANDIDATES + 1, shape[:2])[..., None]
        base, effect = scenario.ctr * rng.uniform(0.6, 1.4, _ADS), rng.uniform(-1, 1, shape)
        self._ctr = _added_up(base, _EFFECT * scenario.ctr * effect)
        if scenario.interactions:
            # Good elements reinforce each other, so choosing them gains more than their effects add up to.
            self._ctr += _EFFECT * scenario.ctr * effect[:, 0, :, None, None] * effect[:, 1, None, :, None]
        wrong = _added_up(0.9 * base, _EFFECT * scenario.ctr * effect * rng.normal(0.7, 0.5, shape))
        self._model = self._ctr if scenario.right_model else wrong
        # As on a real platform, ads with higher CTRs get more impressions.
        self._size = np.maximum(_MEAN_IMPRESSIONS * rng.gamma(2.0, 0.5, _ADS) * base / base.mean(), 1.0)
        self._policies = _policies(exists, effect + rng.normal(0, 0.5, shape))
        tilt = np.exp(rng.normal(0, 0.5, shape)) if scenario.logged_propensities else 1.0
        self._logging = _normalised(exists * tilt)
        by_component = self._truth(self._by_component(self._ctr))
        self.component_truth = np.concatenate([by_component, by_component.mean(0, keepdims=True)])
        self.combination_truth = self._truth(self._by_combination(self._ctr))
        self._element_model = _element_ctr(self._model, self._logging)
        self._component_expected = self._by_component(self._model)
        self._combination_expected = self._by_combination(self._model)

    def draw(self, rng: np.random.Generator, ads: int) -> Log:
        """Draws a log with the given number of clusters; an ad that is drawn twice makes two clusters."""
        chosen = rng.integers(_ADS, size=ads)
        rows = 1 + rng.poisson(self._size[chosen] - 1)
        ad = np.repeat(chosen, rows)
        shown = _drawn(rng, self._logging[ad])
        match = np.take_along_axis(self._policies[ad], shown[:, :, None, None], 3)[..., 0]
        match[..., _SAMPLED] = _drawn(rng, self._policies[ad, :, _SAMPLED]) == shown
        return Log(
            key=np.repeat(rng.integers(1 << 62, size=ads), rows),
            click=(rng.random(len(ad)) < self._ctr[(ad, *shown.T)]).astype(float),
            propensity=_taken(self._logging[ad], shown),
            match=match,
            element_expected=self._component_expected[ad],
            element_predicted=_taken(self._element_model[ad], shown),
            expected=self._combination_expected[ad],
            predicted=self._model[(ad, *shown.T)],
        )

    def _by_component(self, ctr: np.ndarray) -> np.ndarray:
        """The mean CTR where a policy chooses one component, float64 [A, M, P]."""
        return np.einsum('amn,ampn->amp', _element_ctr(ctr, self._logging), self._policies)

    def _by_combination(self, ctr: np.ndarray) -> np.ndarray:
        """The mean CTR of a policy's combinations, float64 [A, P]."""
        return np.einsum('aijk,api,apj,apk->ap', ctr, *np.moveaxis(self._policies, 1, 0))

    def _truth(self, mean: np.ndarray) -> np.ndarray:
        return np.average(mean, axis=0, weights=self._size)


def _policies(exists: np.ndarray, score: np.ndarray) -> np.ndarray:
    """The policies' probabilities of elements, float64 [A, M, P, N]."""
    score = np.where(exists, score, -np.inf)
    greedy = (score == score.max(2, keepdims=True)).astype(float)
    soft = _normalised(np.exp(score))
    return np.stack([_normalised(exists.astype(float)), greedy, soft, soft], 2)


def _added_up(base: np.ndarray, effect: np.ndarray) -> np.ndarray:
    first, second, third = np.moveaxis(effect, 1, 0)
    return (
        base[:, None, None, None]
        + first[:, :, None, None]
        + second[:, None, :, None]
        + third[:, None, None, :]
    )


def _element_ctr(ctr: np.ndarray, logging: np.ndarray) -> np.ndarray:
    """The CTR of each element where the other components are drawn as logged, float64 [A, M, N]."""
    first, second, third = np.moveaxis(logging, 1, 0)
    return np.stack(
        [
            np.einsum('aijk,aj,ak->ai', ctr, second, third),
            np.einsum('aijk,ai,ak->aj', ctr, first, third),
            np.einsum('aijk,ai,aj->ak', ctr, first, second),
        ],
        1,
    )


def _normalised(weights: np.ndarray) -> np.ndarray:
    return weights / weights.sum(2, keepdims=True)


def _drawn(rng: np.random.Generator, probability: np.ndarray) -> np.ndarray:
    """Draws one element per component, int64 [R, M], from probabilities [R, M, N]."""
    below = probability.cumsum(2)[..., :-1] <= rng.random(probability.shape[:2])[..., None]
    return below.sum(2)


def _taken(table: np.ndarray, shown: np.ndarray) -> np.ndarray:
    return np.take_along_axis(table, shown[..., None], 2)[..., 0]
