"""Simulated worlds for the benchmarks: rows in memory, and the true CTR of what a policy chooses."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import tensorflow as tf

from benchmarks.common.packed_logs import pack_logs, without_labels
from creative_logs.schema import CLICK, TEST, TRAIN
from creative_logs.simulator.config import SimulatorConfig
from creative_logs.simulator.generate import Generator
from creative_logs.simulator.truth import Truth
from creative_logs.simulator.world import World
from creative_logs.simulator.write import calibrate
from model.baselines.policy import Policy
from model.features import packed_batch as keys
from model.features.feature_tables import Layout
from model.features.packed_batch import Batch

# Combinations per request over which the rest of a combination is averaged.
_SAMPLES = 16


class Requests:
    """Requests whose truth is known.

    Args:
        truth: of the world that they come from.
        log: R rows.
        batches: the same, packed.

    Attributes:
        batches: without what was shown and what came of it.
        counts: int32 [R, M], numbers of candidates.
    """

    def __init__(self, truth: Truth, log: pa.RecordBatch, batches: list[Batch]):
        self.batches = without_labels(batches)
        self.log = log
        self.truth = truth
        self.counts = np.concatenate([batch[keys.COUNTS].numpy() for batch in batches])
        self._logged = batches

    @cached_property
    def uniform_ctr(self) -> np.ndarray:
        """True CTR under uniform choice, float64 [R]."""
        return self.truth.uniform_ctr(self.log)

    @cached_property
    def best(self) -> tuple[np.ndarray, np.ndarray]:
        """The best combinations, int64 [R, M], and their true CTR, float64 [R]."""
        return self.truth.best(self.log)

    def choice_of(self, policy: Policy) -> np.ndarray:
        """What a policy shows, int64 [R, M]."""
        return np.concatenate([policy.choose(batch) for batch in self.batches])

    def ctr(self, choice: np.ndarray) -> np.ndarray:
        """True CTR of combinations, int64 [R, M]: float64 [R]."""
        return self.truth.ctr(self.log, choice)

    def drawn(self, random: np.random.Generator) -> np.ndarray:
        """Combinations drawn uniformly, int64 [R, M]."""
        drawn = (random.random(self.counts.shape) * self.counts).astype(np.int64)
        return np.where(self.counts > 0, drawn, -1)

    def served(self, shown: np.ndarray, propensity: np.ndarray, click: np.ndarray) -> list[Batch]:
        """The packed log of the requests after one of our own policies showed something.

        Args:
            shown: int64 [R, M]; propensity: float [R, M]; click: bool [R].
        """
        ends = np.cumsum([len(batch[CLICK]) for batch in self._logged])[:-1]
        columns = (shown, propensity.astype(np.float32), click.astype(np.float32))
        parts = zip(self._logged, *(np.split(column, ends) for column in columns))
        return [
            batch
            | {keys.SHOWN: tf.constant(s), keys.PROPENSITY: tf.constant(p), CLICK: tf.constant(c)}
            | {keys.OWN: tf.ones_like(batch[keys.OWN])}
            for batch, s, p, c in parts
        ]

    def figures(self, choice: np.ndarray) -> dict[str, float]:
        """Means over the requests.

        Returns:
            lift: true CTR over that of uniform choice, less 1; oracle_share: share of the best
            combinations' lift; regret: CTR below theirs; ctr.
        """
        ctr, uniform, best = (float(v.mean()) for v in (self.ctr(choice), self.uniform_ctr, self.best[1]))
        return {
            'lift': ctr / uniform - 1,
            'oracle_share': (ctr - uniform) / (best - uniform),
            'regret': best - ctr,
            'ctr': ctr,
        }

    def component_ctr(self, choice: np.ndarray, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """True CTR where one component is chosen and the others are uniformly random, as the component-level
        sCTR has it.

        Returns:
            The CTR with each component chosen, float64 [R, M], and with none, float64 [R]; both over the
            same draws of the others.
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


@dataclass(frozen=True)
class NextDay:
    """Packed batches of production traffic of some days, and the uniform policy's requests of the next."""

    layout: Layout
    train: list[Batch]
    requests: Requests


def next_day(config: SimulatorConfig, requests: int, batch_size: int) -> NextDay:
    """Draws all days but the last for training, and the last day's requests, new elements included.

    Args:
        config: the world; `rows` are impressions per day.
        requests: R.
        batch_size: B.
    """
    world = World(config, calibrate(config))
    logs = [day_log(world, day, TRAIN) for day in range(config.days - 1)]
    wanted = config.model_copy(update={'rows': 2 * requests, 'test_share': 0.5})
    logs.append(day_log(World(wanted, world.intercept), config.days - 1, TEST))
    layout, packed = pack_logs(logs, config.log_schema(), batch_size)
    train = [batch for day in packed[:-1] for batch in day]
    return NextDay(layout, train, Requests(Truth(world), logs[-1], packed[-1]))


def day_log(world: World, day: int, split: str) -> pa.RecordBatch:
    """All rows of a day's split, in the order of time."""
    generator = Generator(world)
    chunks = [generator.chunk(day, split, index) for index in range(generator.chunks(split))]
    return pa.Table.from_batches(chunks).combine_chunks().to_batches()[0]
