"""The simulated world: ads, users, queries and elements, and the true probability of a click."""

from dataclasses import dataclass

import numpy as np

from creative_logs.counter_rng import Draws
from creative_logs.simulator.config import SimulatorConfig

THEMES = 8  # Classes of elements; the taste of a user segment depends on the class.
STYLES = 3  # Classes of elements on which synergy depends; the oracle enumerates their combinations.
ABSENT = STYLES  # The style of a component that an ad does not have; its synergy is 0.
AGE_RANGE = (18, 70)
_AGE_BOUNDS = (30, 40, 50)
GENDERS = ('f', 'm')
SEGMENTS = len(GENDERS) * (len(_AGE_BOUNDS) + 1)


@dataclass(frozen=True)
class Context:
    """The context of R rows: category and user segment, int64[R], and the offset of the logit, float64[R]."""

    category: np.ndarray
    segment: np.ndarray
    offset: np.ndarray


@dataclass(frozen=True)
class Elements:
    """E elements of one component: quality float64[E] (standard normal), theme and style int64[E]."""

    quality: np.ndarray
    theme: np.ndarray
    style: np.ndarray

    def take(self, index: np.ndarray) -> 'Elements':
        return Elements(self.quality[index], self.theme[index], self.style[index])


@dataclass(frozen=True)
class Slots:
    """The candidates of A ads in one component, packed into T slots.

    Attributes:
        offsets: Ad i has the slots offsets[i] ... offsets[i + 1] - 1, int64[A + 1].
        pool: The number of the element in each slot within the pool of the component, int64[T].
        generation: The generation of that element, which counts how often it was replaced, int64[T].
    """

    offsets: np.ndarray
    pool: np.ndarray
    generation: np.ndarray

    @property
    def position(self) -> np.ndarray:
        """The index of each slot in its ad's list of candidates, int64[T]."""
        return np.arange(len(self.pool)) - np.repeat(self.offsets[:-1], np.diff(self.offsets))


class World:
    """The properties of ads, users, queries and elements as functions of their numbers.

    The log-odds of a click on the combination c shown to user u for query q in ad a of category g are

        intercept + appeal_a + bias_u + bias_q
          + sum over components j of importance[g, j] (quality[c_j] + taste[segment_u, j, theme[c_j]])
          + sum over pairs j < l of synergy[j, l, style[c_j], style[c_l]].

    Args:
        config: The sizes and standard deviations of the world.
        intercept: The log-odds to which all effects are added.
    """

    def __init__(self, config: SimulatorConfig, intercept: float = 0.0):
        self.config = config
        self.intercept = intercept
        self.categories = tuple(config.importance)
        self._draws = Draws(config.seed)
        weights = np.array([config.importance[category] for category in self.categories], np.float64)
        self.importance = weights / np.sqrt((weights**2).mean(axis=1, keepdims=True))
        self._lengths = [_shifted_poisson_cdf(c.candidates, config.max_candidates) for c in config.components]
        self._taste = config.taste_std * self._table('taste', SEGMENTS, len(config.components), THEMES)
        self.synergy = self._synergy_tables()

    def ad_category(self, ads: np.ndarray) -> np.ndarray:
        return self._draws.integers(len(self.categories), 'ad category', ads)

    def ad_appeal(self, ads: np.ndarray) -> np.ndarray:
        return self.config.appeal_std * self._draws.normal('ad appeal', ads)

    def ad_traffic(self) -> np.ndarray:
        """The relative traffic of every ad, correlated with its appeal, float64[ads]."""
        ads = np.arange(self.config.ads)
        rho = self.config.appeal_traffic_correlation
        appeal, other = self._draws.normal('ad appeal', ads), self._draws.normal('traffic', ads)
        return np.exp(self.config.traffic_std * (rho * appeal + np.sqrt(1 - rho**2) * other))

    def user_age(self, users: np.ndarray) -> np.ndarray:
        return AGE_RANGE[0] + self._draws.integers(AGE_RANGE[1] - AGE_RANGE[0], 'age', users)

    def user_gender(self, users: np.ndarray) -> np.ndarray:
        """The index of each user's gender into GENDERS, int64."""
        return self._draws.integers(len(GENDERS), 'gender', users)

    def user_segment(self, users: np.ndarray) -> np.ndarray:
        bracket = np.searchsorted(_AGE_BOUNDS, self.user_age(users), side='right')
        return self.user_gender(users) * (len(_AGE_BOUNDS) + 1) + bracket

    def context(self, ads: np.ndarray, users: np.ndarray, queries: np.ndarray) -> Context:
        """The context of R rows, given the numbers of their ads, users and queries, int64[R] each."""
        offset = self.intercept + self.ad_appeal(ads)
        offset = offset + self.config.user_std * self._draws.normal('user', users)
        offset = offset + self.config.query_std * self._draws.normal('query', queries)
        return Context(self.ad_category(ads), self.user_segment(users), offset)

    def pool_size(self, component: int) -> int:
        """The number of elements of the component that exist on any one day."""
        shape = self.config.components[component]
        slots = self.config.ads * shape.coverage * shape.candidates
        return max(round(slots / shape.ads_per_element), self.config.max_candidates)

    def slots(self, component: int, ads: np.ndarray, day: int) -> Slots:
        """The candidates of A ads, int64[A], in a component on a day."""
        draw, pool_size = self._draws, self.pool_size(component)
        covered = draw.uniform('coverage', component, ads) < self.config.components[component].coverage
        lengths = 1 + np.searchsorted(self._lengths[component], draw.uniform('candidates', component, ads))
        lengths = np.where(covered, lengths, 0)
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        start = draw.integers(pool_size, 'start', component, ads)
        stride = 1 + draw.integers(pool_size // self.config.max_candidates, 'stride', component, ads)
        position = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths)
        pool = (np.repeat(start, lengths) + position * np.repeat(stride, lengths)) % pool_size
        return Slots(offsets, pool, self.generation(component, pool, day))

    def generation(self, component: int, pool: np.ndarray, day: int) -> np.ndarray:
        """The generation of each element of the pool, int64[E], on a day; it never decreases."""
        if self.config.new_elements_per_day == 0:
            return np.zeros_like(pool)
        age = self._draws.uniform('age of element', component, pool)
        return np.floor(age + day * self.config.new_elements_per_day).astype(np.int64)

    def elements(self, component: int, pool: np.ndarray, generation: np.ndarray) -> Elements:
        """The parameters of E elements, given by pool number and generation, int64[E] each."""
        return Elements(
            self._draws.normal('quality', component, pool, generation),
            self._draws.integers(THEMES, 'theme', component, pool, generation),
            self._draws.integers(STYLES, 'style', component, pool, generation),
        )

    def belief(
        self, component: int, pool: np.ndarray, generation: np.ndarray, quality: np.ndarray
    ) -> np.ndarray:
        """The production policy's estimate of elements' quality, in standard deviations, float64[E]."""
        accuracy = self.config.policy_accuracy
        noise = self._draws.normal('belief', component, pool, generation)
        return accuracy * quality + np.sqrt(1 - accuracy**2) * noise

    def element_effect(
        self, component: int, elements: Elements, category: np.ndarray, segment: np.ndarray
    ) -> np.ndarray:
        """The effect of E elements without synergy, each for its category and user segment, float64[E]."""
        main = self.config.element_effect_std * elements.quality
        return self.importance[category, component] * (main + self._taste[segment, component, elements.theme])

    def logit(self, context: Context, elements: list[Elements], picks: np.ndarray) -> np.ndarray:
        """The log-odds of a click on one combination per row.

        Args:
            context: The context of R rows.
            elements: The parameters of the elements, one entry per component.
            picks: The index of the shown element into these, -1 if there is none, int64[R, M].

        Returns:
            The log-odds, float64[R].
        """
        total = context.offset.copy()
        styles = np.full(picks.shape, ABSENT)
        for j, table in enumerate(elements):
            rows = np.flatnonzero(picks[:, j] >= 0)
            shown = table.take(picks[rows, j])
            total[rows] += self.element_effect(j, shown, context.category[rows], context.segment[rows])
            styles[rows, j] = shown.style
        return total + self.synergy_effect(styles)

    def synergy_effect(self, styles: np.ndarray) -> np.ndarray:
        """The synergy summed over pairs of components, float64[...], given styles, int64[..., M]."""
        total = np.zeros(styles.shape[:-1])
        for (j, k), table in self.synergy.items():
            total += table[styles[..., j], styles[..., k]]
        return total

    def _synergy_tables(self) -> dict[tuple[int, int], np.ndarray]:
        """One table per pair j < k, [STYLES + 1, STYLES + 1], without main effects and 0 for ABSENT."""
        tables = {}
        for k in range(len(self.config.components)):
            for j in range(k):
                table = self._table(f'synergy {j} {k}', STYLES, STYLES)
                table = table - table.mean(axis=0) - table.mean(axis=1, keepdims=True) + table.mean()
                spread = table.std() or 1.0
                tables[j, k] = np.pad(self.config.synergy_std * table / spread, (0, 1))  # ABSENT
        return tables

    def _table(self, purpose: str, *shape: int) -> np.ndarray:
        return self._draws.normal(purpose, np.arange(np.prod(shape))).reshape(shape)


def _shifted_poisson_cdf(mean: float, longest: int) -> np.ndarray:
    """P(1 + Poisson(mean - 1) <= n) for n = 1 ... longest - 1; the remaining mass is on `longest`."""
    rate = mean - 1
    terms = [np.exp(-rate)]
    for n in range(1, longest - 1):
        terms.append(terms[-1] * rate / n)
    return np.cumsum(terms[: longest - 1])
