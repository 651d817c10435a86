"""Draws the rows of the simulated logs, one chunk at a time."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from creative_logs.counter_rng import Draws
from creative_logs.schema import CLICK, POLICY, REQUEST_ID, TEST, TIMESTAMP
from creative_logs.simulator.config import SimulatorConfig
from creative_logs.simulator.policy import choose, production_propensities, uniform_propensities
from creative_logs.simulator.world import GENDERS, Elements, World

CHUNK_ROWS = 100_000
_MS_PER_DAY = 86_400_000
_WORDS = ('new', 'cheap', 'best', 'original', 'small', 'large', 'gift', 'sale', 'light', 'strong')
_WORDS_PER_QUERY = 2


@dataclass(frozen=True)
class Requests:
    """The numbers of the ad, the user and the query of R rows, int64[R] each."""

    ads: np.ndarray
    users: np.ndarray
    queries: np.ndarray

    @cached_property
    def unique_ads(self) -> tuple[np.ndarray, np.ndarray]:
        """The A distinct ads, int64[A], and the index of each row's ad into them, int64[R]."""
        return np.unique(self.ads, return_inverse=True)


@dataclass(frozen=True)
class Drawn:
    """The choices in one component for R rows, among the candidates of their A ads.

    Attributes:
        candidates: The list of candidate ids of each ad, [A].
        shown: The index of the shown candidate, -1 if there is none, int64[R].
        propensity: The probability with which it was chosen, NaN if there is none, float64[R].
        elements: The parameters of the elements, as for `World.logit`.
        picks: The index of the shown element into `elements`, -1 if there is none, int64[R].
    """

    candidates: pa.Array
    shown: np.ndarray
    propensity: np.ndarray
    elements: Elements
    picks: np.ndarray


class Generator:
    """Draws rows of a simulated world; a chunk does not depend on the order or the process of drawing.

    Args:
        world: The simulated world.
    """

    def __init__(self, world: World):
        self._world = world
        self.config = world.config
        self._schema = world.config.log_schema()

    def chunks(self, split: str) -> int:
        """The number of chunks of the split per day."""
        return -(-self.config.rows_of(split) // CHUNK_ROWS)

    def logits(self, day: int, split: str, rows: int) -> np.ndarray:
        """The true log-odds of `rows` rows drawn like those of the split, float64[rows]."""
        random = self._random(day, split, self.chunks(split))
        return self._draw_all(day, split, rows, random)[2]

    def chunk(self, day: int, split: str, index: int) -> pa.RecordBatch:
        """The rows of one chunk, ordered by time."""
        total = self.config.rows_of(split)
        first = index * CHUNK_ROWS
        rows = min(CHUNK_ROWS, total - first)
        random = self._random(day, split, index)
        requests, drawn, logit = self._draw_all(day, split, rows, random)
        probability = 1 / (1 + np.exp(-logit))

        name = self.config.day_name(day)
        start = int(np.datetime64(name, 'ms').astype(np.int64))
        begin, end = (start + _MS_PER_DAY * edge // total for edge in (first, first + rows))
        columns = {
            REQUEST_ID: _ids(f'{name}-{split}-', np.arange(first, first + rows)),
            TIMESTAMP: pa.array(np.sort(random.integers(begin, end, size=rows))),
            **self._context_columns(requests),
            **self._component_columns(drawn, requests),
            CLICK: pa.array((random.random(rows) < probability).astype(np.int64)),
            POLICY: pa.repeat('uniform' if split == TEST else 'production', rows),
        }
        return pa.RecordBatch.from_pydict(columns)

    @cached_property
    def _traffic(self) -> np.ndarray:
        cumulative = np.cumsum(self._world.ad_traffic())
        return cumulative / cumulative[-1]

    @cached_property
    def _query_terms(self) -> pa.Array:
        queries = np.arange(len(self._world.categories) * self.config.queries_per_category)
        draws = Draws(self.config.seed)
        words = [draws.integers(len(_WORDS), 'query word', queries, n) for n in range(_WORDS_PER_QUERY)]
        category = [self._world.categories[i] for i in queries // self.config.queries_per_category]
        terms = [[c, *dict.fromkeys(_WORDS[w] for w in row)] for c, row in zip(category, np.transpose(words))]
        return pa.array(terms, pa.list_(pa.string()))

    def _random(self, day: int, split: str, index: int) -> np.random.Generator:
        seed = np.random.SeedSequence([self.config.seed, day, split == TEST, index])
        return np.random.Generator(np.random.Philox(seed))

    def _draw_all(
        self, day: int, split: str, rows: int, random: np.random.Generator
    ) -> tuple[Requests, list[Drawn], np.ndarray]:
        """The requests, the choices in each component, and the true log-odds of a click, float64[rows]."""
        requests = self._requests(random, rows)
        components = range(len(self.config.components))
        drawn = [self._draw(j, day, split, requests, random) for j in components]
        picks = np.stack([d.picks for d in drawn], axis=1)
        context = self._world.context(requests.ads, requests.users, requests.queries)
        return requests, drawn, self._world.logit(context, [d.elements for d in drawn], picks)

    def _requests(self, random: np.random.Generator, rows: int) -> Requests:
        """Draws requests; each query belongs to the category of its ad."""
        ads = np.searchsorted(self._traffic, random.random(rows), side='right')
        users = (self.config.users * random.random(rows) ** 2).astype(np.int64)  # Some users come more often.
        per_category = self.config.queries_per_category
        queries = self._world.ad_category(ads) * per_category + random.integers(per_category, size=rows)
        return Requests(ads, users, queries)

    def _draw(
        self, component: int, day: int, split: str, requests: Requests, random: np.random.Generator
    ) -> Drawn:
        unique_ads, ad_of_row = requests.unique_ads
        slots = self._world.slots(component, unique_ads, day)
        key = slots.generation * self._world.pool_size(component) + slots.pool
        _, slot, element_of_slot = np.unique(key, return_index=True, return_inverse=True)
        pool, generation = slots.pool[slot], slots.generation[slot]
        elements = self._world.elements(component, pool, generation)
        if split == TEST:
            propensities = uniform_propensities(slots)
        else:
            belief = self._world.belief(component, pool, generation, elements.quality)
            propensities = production_propensities(slots, belief[element_of_slot], self.config)
        chosen = choose(slots, propensities, ad_of_row, random.random(len(ad_of_row)))
        none = chosen < 0
        ids = element_ids(self.config, component, pool, generation)
        dictionary = pa.DictionaryArray.from_arrays(pa.array(element_of_slot, pa.int32()), ids)
        return Drawn(
            candidates=pa.ListArray.from_arrays(pa.array(slots.offsets, pa.int32()), dictionary),
            shown=np.where(none, -1, chosen - slots.offsets[ad_of_row]),
            propensity=np.where(none, np.nan, np.append(propensities, np.nan)[chosen]),
            elements=elements,
            picks=np.where(none, -1, np.append(element_of_slot, -1)[chosen]),
        )

    def _context_columns(self, requests: Requests) -> dict[str, pa.Array]:
        ads, users, queries = requests.ads, requests.users, requests.queries
        return {
            'user_id': _ids('user_', users),
            'age': pa.array(self._world.user_age(users)),
            'gender': pa.array(GENDERS).take(pa.array(self._world.user_gender(users))),
            'query_id': _ids('query_', queries),
            'query_terms': self._query_terms.take(pa.array(queries)),
            'ad_id': _ids('ad_', ads),
            'category': pa.array(self._world.categories).take(pa.array(self._world.ad_category(ads))),
        }

    def _component_columns(self, drawn: list[Drawn], requests: Requests) -> dict[str, pa.Array]:
        ad_of_row = requests.unique_ads[1]
        columns = {}
        for component, d in zip(self._schema.components, drawn):
            columns[component.candidates] = d.candidates.take(pa.array(ad_of_row))
            columns[component.shown] = pa.array(d.shown)
            columns[component.propensity] = pa.array(d.propensity.astype(np.float32), from_pandas=True)
        return columns


def element_ids(
    config: SimulatorConfig, component: int, pool: np.ndarray, generation: np.ndarray
) -> pa.Array:
    """The ids of E elements, given by pool number and generation, int64[E] each."""
    return _ids(f'{config.components[component].name}_', pool, generation)


def _ids(prefix: str, *numbers: np.ndarray) -> pa.Array:
    """Ids made of the prefix and the numbers, which are joined by '_'."""
    texts = [pc.cast(pa.array(n), pa.string()) for n in numbers]
    joined = pc.binary_join_element_wise(*texts, '_') if len(texts) > 1 else texts[0]
    return pc.binary_join_element_wise(pa.scalar(prefix), joined, '')
