"""Beam: scores rows with exported models, a file at a time, and sums them up without keeping them."""

import json
import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Literal, TypeVar

import apache_beam as beam
import tensorflow as tf
from apache_beam.pvalue import AsSingleton, PCollection, TaggedOutput
from apache_beam.utils.shared import Shared

from components.sctr_evaluator.config import EvaluationConfig
from components.sctr_evaluator.estimators import ClusterSums, Moments
from components.sctr_evaluator.exported import ExportedModel
from components.sctr_evaluator.identity import RowIdentity
from components.sctr_evaluator.measurement import Totals, measure
from components.sctr_evaluator.results import evaluate

Read = Callable[[Any], Iterator[tf.Tensor]]
In, Out = TypeVar('In'), TypeVar('Out')

_TOTALS = 'totals'
_MOST_CLUSTERS = 1 << 15
# One batch is scored while the next is read. TensorFlow spreads a batch over all cores by itself; with two
# batches at a time its threads stood in each other's way (16,800 and 17,600 rows/s, not 18,600 and 21,400).
_THREADS = 1
_progress = logging.getLogger('genco.progress')


class Evaluate(beam.PTransform):
    """Sources of rows -> one mapping, the content of `evaluation.json`; nothing where there are no rows.

    Memory is bounded by a batch of rows plus the clusters of one of 64 shards.

    Args:
        read: gives the rows of a source in batches, string [R], serialized raw tf.Examples.
        sources: number of sources, to tell progress.
        model: folder of the exported model.
        serving: folder of the model that serves now, or None.
        config: of the evaluation.
    """

    def __init__(self, read: Read, sources: int, model: str, serving: str | None, config: EvaluationConfig):
        super().__init__()
        self._score = Score(read, sources, [model] + ([serving] if serving else []), config)
        self._config = config

    def expand(self, sources: PCollection) -> PCollection:
        scored = (
            sources
            | 'Spread' >> beam.Reshuffle()
            | 'Score' >> beam.ParDo(self._score).with_outputs(_TOTALS, main='clusters')
        )
        totals = scored[_TOTALS] | 'Totals' >> beam.CombineGlobally(Totals.merged).without_defaults()
        return (
            scored['clusters']
            | 'SumByCluster' >> beam.CombinePerKey(ClusterSums.merged)
            | 'DropShards' >> beam.Values()
            | 'Moments' >> beam.Map(Moments.of)
            | 'SumMoments' >> beam.CombineGlobally(Moments.merged).without_defaults()
            | 'Figures' >> beam.Map(evaluate, AsSingleton(totals), self._config)
        )


class WriteJson(beam.PTransform):
    """Writes the one element of a collection as a JSON file, whole or not at all."""

    def __init__(self, path: str):
        super().__init__()
        self._path = path

    def expand(self, results: PCollection) -> PCollection:
        return (
            results
            | 'ToJson' >> beam.Map(json.dumps, indent=2, allow_nan=False)
            | 'Write' >> beam.io.WriteToText(self._path, shard_name_template='', skip_if_empty=True)
        )


class Score(beam.DoFn):
    """A source of rows -> (shard, ClusterSums), and Totals under the tag 'totals'."""

    def __init__(self, read: Read, sources: int, models: list[str], config: EvaluationConfig):
        self._read, self._sources, self._config = read, sources, config
        self._paths, self._shared = models, [Shared() for _ in models]
        self._done = 0

    def setup(self) -> None:
        self._models = [
            shared.acquire(partial(ExportedModel, path)) for path, shared in zip(self._paths, self._shared)
        ]
        self._identity = RowIdentity(self._config.cluster)

    def process(
        self, source: Any
    ) -> Iterator[tuple[int, ClusterSums] | TaggedOutput[Literal['totals'], Totals]]:
        tables, totals = [], []
        for table, total in in_parallel(self._measure, self._read(source)):
            tables.append(table)
            totals.append(total)
            if sum(len(table.keys) for table in tables) > _MOST_CLUSTERS:
                yield from ClusterSums.merged(tables).shards()
                tables = []
        if tables:
            yield from ClusterSums.merged(tables).shards()
        if totals:
            yield TaggedOutput(_TOTALS, Totals.merged(totals))
        self._done += 1
        _progress.info('%d of %d', self._done, self._sources)

    def _measure(self, rows: tf.Tensor) -> tuple[ClusterSums, Totals]:
        seeds, keys = self._identity(rows)
        scored = [model.score(rows, seeds) for model in self._models]
        return measure(
            scored[0], scored[1] if len(scored) > 1 else None, keys.numpy(), self._config.min_candidates
        )


def in_parallel(function: Callable[[In], Out], items: Iterable[In]) -> Iterator[Out]:
    """Like `map`, with a few calls at a time and few items in memory; results keep their order."""
    with ThreadPoolExecutor(_THREADS) as pool:
        pending = deque()
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) > _THREADS:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
