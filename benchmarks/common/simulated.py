"""Simulated worlds for the benchmarks: rows in memory, and the true CTR of a policy's choices."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import tensorflow as tf

from benchmarks.common.packed_logs import pack_logs, without_labels
from benchmarks.common.twins import twin_logs
from creative_logs.schema import CLICK, TEST, TRAIN, LogSchema
from creative_logs.simulator.config import SimulatorConfig
from creative_logs.simulator.content import catalogue_batches
from creative_logs.simulator.generate import Generator
from creative_logs.simulator.truth import Truth
from creative_logs.simulator.world import World
from creative_logs.simulator.write import calibrate
from model.baselines.policy import Policy
from model.content.element_contents import Catalogue
from model.features import packed_batch as keys
from model.features.feature_tables import FeatureTables
from model.features.packed_batch import Batch

# The number of draws per request over which the other components of a combination are averaged.
_SAMPLES = 16


class Requests:
    """Requests with known truth.

    Args:
        truth: The truth of the simulated world.
        log: The R rows of the requests.
        batches: The same rows, packed.

    Attributes:
        batches: The packed requests, without the shown elements, propensities and clicks.
        counts: The numbers of candidates, int32 [R, M].
    """

    def __init__(self, truth: Truth, log: pa.RecordBatch, batches: list[Batch]):
        self.batches = without_labels(batches)
        self.log = log
        self.truth = truth
        self.counts = np.concatenate([batch[keys.COUNTS].numpy() for batch in batches])
        self._logged = batches

    @cached_property
    def uniform_ctr(self) -> np.ndarray:
        """The true CTR under uniform choice, float64 [R]."""
        return self.truth.uniform_ctr(self.log)

    @cached_property
    def best(self) -> tuple[np.ndarray, np.ndarray]:
        """The best combinations, int64 [R, M], and their true CTR, float64 [R]."""
        return self.truth.best(self.log)

    def choice_of(self, policy: Policy) -> np.ndarray:
        """The choices of a policy, int64 [R, M]."""
        return np.concatenate([policy.choose(batch) for batch in self.batches])

    def ctr(self, choice: np.ndarray) -> np.ndarray:
        """The true CTR, float64 [R], of combinations, int64 [R, M]."""
        return self.truth.ctr(self.log, choice)

    def drawn(self, random: np.random.Generator) -> np.ndarray:
        """Uniformly drawn combinations, int64 [R, M]."""
        drawn = (random.random(self.counts.shape) * self.counts).astype(np.int64)
        return np.where(self.counts > 0, drawn, -1)

    def served(self, shown: np.ndarray, propensity: np.ndarray, click: np.ndarray) -> list[Batch]:
        """Returns the packed log of the requests as answered by a GenCO policy.

        Args:
            shown: The shown elements, int64 [R, M].
            propensity: Their propensities, float [R, M].
            click: Whether each impression was clicked, bool [R].
        """
        columns = (shown, propensity.astype(np.float32), click.astype(np.float32))
        parts = zip(self._logged, *map(self.by_batch, columns))
        return [
            batch
            | {keys.SHOWN: tf.constant(s), keys.PROPENSITY: tf.constant(p), CLICK: tf.constant(c)}
            | {keys.CHOSEN_BY_GENCO: tf.ones_like(batch[keys.CHOSEN_BY_GENCO])}
            for batch, s, p, c in parts
        ]

    def by_batch(self, values: np.ndarray) -> list[np.ndarray]:
        """Splits values, [R, ...], into those of each batch."""
        ends = np.cumsum([len(batch[keys.COUNTS]) for batch in self.batches])[:-1]
        return np.split(values, ends)

    def figures(self, choice: np.ndarray) -> dict[str, float]:
        """Evaluates a choice, int64 [R, M], on average over the requests.

        Returns:
            `ctr`, the true CTR; `lift`, its ratio to that of uniform choice minus 1; `oracle_share`, the
            share of the lift of the best combinations; `regret`, the CTR of the best combinations minus
            that of the choice.
        """
        ctr, uniform, best = (float(v.mean()) for v in (self.ctr(choice), self.uniform_ctr, self.best[1]))
        return {
            'lift': ctr / uniform - 1,
            'oracle_share': (ctr - uniform) / (best - uniform),
            'regret': best - ctr,
            'ctr': ctr,
        }

    def component_ctr(self, choice: np.ndarray, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """The true CTR if one component is chosen and the others are uniformly random.

        This is the quantity that the component-level sCTR estimates.

        Returns:
            The CTR with each component chosen, float64 [R, M], and with none chosen, float64 [R], both over
            the same draws of the other components.
        """
        random = np.random.default_rng(seed)
        chosen, none = np.zeros(choice.shape), np.zeros(len(choice))
        for _ in range(_SAMPLES):
            drawn = self.drawn(random)
            none += self.ctr(drawn)
            for j in range(choice.shape[1]):
                mixed = drawn.copy()
                mixed[:, j] = choice[:, j]
                chosen[:, j] += self.ctr(mixed)
        return chosen / _SAMPLES, none / _SAMPLES


class Twins(NamedTuple):
    """Twin requests (see `benchmarks.common.twins`).

    Attributes:
        shown: The requests whose candidates were shown 25 to 100 times in training.
        new: The same requests with candidates that were never shown.
        impressions: The mean number of training impressions of the candidates in `shown`.
    """

    shown: Requests
    new: Requests
    impressions: float


@dataclass(frozen=True)
class NextDay:
    """Training data and the requests of the day after it.

    Attributes:
        tables: The feature tables of the batches.
        train: The packed batches of the production traffic.
        requests: The uniform policy's requests of the next day.
        catalogue: The content of the elements, or None.
        twins: Twins of the requests, or None.
    """

    tables: FeatureTables
    train: list[Batch]
    requests: Requests
    catalogue: Catalogue | None = None
    twins: Twins | None = None

    def without_catalogue(self) -> 'NextDay':
        """The same day for models that read no catalogue."""
        return replace(self, tables=replace(self.tables, content={}), catalogue=None)


def next_day(
    config: SimulatorConfig, requests: int, batch_size: int, content: bool = False, twins: bool = False
) -> NextDay:
    """Draws all days but the last for training, and the last day's requests, with its new elements.

    Args:
        config: The configuration of the world; `rows` is the number of impressions per day.
        requests: The number of requests R.
        batch_size: The batch size B.
        content: Whether there is a catalogue; the batches then hold the keys of the elements.
        twins: Whether to make twins of the requests, where there can be any.
    """
    world = World(config, calibrate(config))
    train = [day_log(world, day, TRAIN) for day in range(config.days - 1)]
    wanted = config.model_copy(update={'rows': 2 * requests, 'test_share': 0.5})
    asked = day_log(World(wanted, world.intercept), config.days - 1, TEST)
    pair = twin_logs(world, train, asked) if twins else None
    schema = config.log_schema(content)
    further = [pair.shown, pair.new] if pair else []
    tables, packed = pack_logs([*train, asked, *further], schema, batch_size)
    truth, days = Truth(world), len(train)
    requests_of = [
        Requests(truth, log, part) for log, part in zip([asked, *further], packed[days:], strict=True)
    ]
    return NextDay(
        tables,
        [batch for day in packed[:days] for batch in day],
        requests_of[0],
        catalogue_of(world, schema, [pair.day] if pair else []) if content else None,
        Twins(requests_of[1], requests_of[2], pair.impressions) if pair else None,
    )


def catalogue_of(world: World, schema: LogSchema, further_days: Sequence[int] = ()) -> Catalogue:
    """The catalogue, in memory, of all elements of a world on its days and on some further ones."""
    batches = list(catalogue_batches(world, [*range(world.config.days), *further_days]))
    return Catalogue(lambda: iter(batches), schema)


def day_log(world: World, day: int, split: str) -> pa.RecordBatch:
    """All rows in a split of a day, ordered by time."""
    generator = Generator(world)
    chunks = [generator.chunk(day, split, index) for index in range(generator.chunks(split))]
    return pa.Table.from_batches(chunks).combine_chunks().to_batches()[0]
