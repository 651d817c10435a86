"""Beam: scores rows with exported models, one file at a time, and sums them up without keeping them."""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import apache_beam as beam
import tensorflow as tf
from apache_beam.pvalue import AsList, AsSingleton, PCollection, TaggedOutput
from apache_beam.utils.shared import Shared

from components.sctr_evaluator.beam.join_choices import JoinChoices, rows_to_join
from components.sctr_evaluator.beam.shard_buffers import RowBuffer, Tables
from components.sctr_evaluator.beam.sum_by_cluster import Summed
from components.sctr_evaluator.beam.train_test_skew import Skew
from components.sctr_evaluator.config import EvaluationConfig
from components.sctr_evaluator.estimators.cluster_sums import ClusterSums
from components.sctr_evaluator.estimators.propensity_check import Uniformity
from components.sctr_evaluator.policies import POLICIES, SERVING_START
from components.sctr_evaluator.results.evaluation import Found, evaluate
from components.sctr_evaluator.results.schema import to_json
from components.sctr_evaluator.results.slice_results import SliceSums
from components.sctr_evaluator.rows.choice_file import ChoiceFile
from components.sctr_evaluator.rows.exported_model import ExportedModel
from components.sctr_evaluator.rows.parsed_rows import ParsedRows, RowParser
from components.sctr_evaluator.rows.scored_rows import ScoredRows
from components.sctr_evaluator.sums.batch_sums import measure, slice_columns
from components.sctr_evaluator.sums.estimator_sums import Sums
from components.sctr_evaluator.sums.row_totals import Totals
from components.sctr_evaluator.sums.slice_sums import Slicer, Value
from creative_logs.schema import LogSchema

Read = Callable[[Any], Iterator[tf.Tensor]]
In = TypeVar('In')
Out = TypeVar('Out')

_TOTALS, _ADS, _SLICES, _ROWS = 'totals', 'ads', 'slices', 'rows'
# Batches are scored while the next ones are read. TensorFlow does not keep all cores busy with one batch. On
# two cores, two threads scored 27,900 rows/s, one thread 24,300 to 27,000, and three 25,700 to 27,900.
_THREADS = 2
_progress = logging.getLogger('genco.progress')


class Evaluate(beam.PTransform):
    """Sources of rows -> one mapping, the content of `evaluation.json`; no output if there are no rows.

    Memory is bounded by a batch of rows and the clusters of one of 64 shards.

    Args:
        read: Yields the rows of a source in batches of serialized raw tf.Examples, string [R].
        sources: The number of sources, for reporting progress.
        model: The folder of the exported model.
        serving: The folder of the model that serves now, or None.
        schema: The log schema.
        config: The configuration of the evaluation.
        train: The sources of the days that the model was trained on, with which the test rows are compared.
    """

    def __init__(
        self,
        read: Read,
        sources: int,
        model: str,
        serving: str | None,
        schema: LogSchema,
        config: EvaluationConfig,
        train: Sequence[Any] = (),
    ):
        super().__init__()
        models = [model] + ([serving] if serving else [])
        self._choices = ChoiceFile.open(config.choices) if config.choices else None
        self._score = Score(read, sources, models, schema, config, self._choices)
        self._config = config
        self._policies = SERVING_START + (len(POLICIES) if serving else 0)
        self._slice_columns = slice_columns(config, bool(serving))
        compared = bool(train) and config.skew_rows > 0
        self._skew = Skew(read, schema, train, sources, config.skew_rows) if compared else None

    def expand(self, sources: PCollection) -> PCollection:
        scored = (
            sources
            | 'Spread' >> beam.Reshuffle()
            | 'Score' >> beam.ParDo(self._score).with_outputs(_TOTALS, _ADS, _SLICES, _ROWS, main='clusters')
        )
        replicates = self._config.bootstrap_replicates
        sums = scored['clusters'] | 'Clusters' >> Summed(Sums, self._policies, replicates)
        uniformity = scored[_ADS] | 'Ads' >> Summed(Uniformity)
        slices = (
            scored[_SLICES]
            | 'SumBySlice' >> beam.CombinePerKey(ClusterSums.merged)
            | 'SliceSums' >> beam.MapTuple(partial(_slice_sums, len(self._slice_columns)))
        )
        sides = {
            'sums': AsSingleton(sums, None),
            'uniformity': AsSingleton(uniformity, None),
            'slices': AsList(slices),
        }
        if self._choices:
            joined = scored[_ROWS] | 'Choices' >> JoinChoices(self._choices, self._config)
            sides['choices'] = AsSingleton(joined)
        if self._skew:
            sides['skew'] = AsSingleton(sources | 'Skew' >> self._skew, None)
        return (
            scored[_TOTALS]
            | 'Totals' >> beam.CombineGlobally(Totals.merged).without_defaults()
            | 'Found' >> beam.Map(Found, **sides)
            | 'Figures' >> beam.Map(evaluate, self._config)
        )


def _slice_sums(columns: int, name: tuple[Value, Value], table: ClusterSums):
    return name, SliceSums.of(table, columns)


class WriteJson(beam.PTransform):
    """Validates the one evaluation of a collection and writes it as a JSON file, completely or not at all."""

    def __init__(self, path: str):
        super().__init__()
        self._path = path

    def expand(self, results: PCollection) -> PCollection:
        return (
            results
            | 'ToJson' >> beam.Map(to_json)
            | 'Write' >> beam.io.WriteToText(self._path, shard_name_template='', skip_if_empty=True)
        )


class Score(beam.DoFn):
    """A source of rows -> (shard, ClusterSums), and further outputs under tags.

    The tags are 'ads' for (shard, ClusterSums) of the propensity check, 'slices' for
    ((slicing, value), ClusterSums), 'totals' for Totals and, where choices are to be joined, 'rows' for
    (shard, LoggedRows).
    """

    def __init__(
        self,
        read: Read,
        sources: int,
        models: list[str],
        schema: LogSchema,
        config: EvaluationConfig,
        choices: ChoiceFile | None,
    ):
        self._read, self._sources, self._config, self._choices = read, sources, config, choices
        self._schema = schema
        self._paths, self._shared = models, [Shared() for _ in models]
        self._done = 0

    def setup(self) -> None:
        self._models = [
            shared.acquire(partial(ExportedModel, path)) for path, shared in zip(self._paths, self._shared)
        ]
        by_id = self._choices.components_by_id if self._choices else ()
        self._parse = RowParser(self._schema, self._config.cluster, self._config.sliced_features(), by_id)

    def process(self, source: Any) -> Iterator[Any]:
        clusters, ads, totals = Tables(), Tables(), None
        slicer, rows = Slicer(self._config), RowBuffer()
        # This thread does everything but the scoring, while the next batches are scored on other threads.
        for parsed, scored, serving in in_parallel(self._scored, map(self._parsed, self._read(source))):
            measured = measure(scored, serving, parsed.keys, parsed.labels, self._config)
            totals = Totals.merged([totals, measured.totals]) if totals else measured.totals
            slicer.add(measured.slices)
            yield from clusters.add(measured.clusters)
            yield from _tagged(_ADS, ads.add(measured.ads))
            yield from _tagged(_SLICES, slicer.flush())
            if self._choices:
                to_join = rows_to_join(self._choices, parsed, scored)
                yield from _tagged(_ROWS, rows.add(to_join.take(measured.sound)))
        yield from clusters.flush()
        yield from _tagged(_ADS, ads.flush())
        yield from _tagged(_SLICES, slicer.flush(everything=True))
        yield from _tagged(_ROWS, rows.flush())
        if totals:
            yield TaggedOutput(_TOTALS, replace(totals, slices=slicer.counts()))
        self._done += 1
        _progress.info('%d of %d', self._done, self._sources)

    def _parsed(self, rows: tf.Tensor) -> tuple[tf.Tensor, ParsedRows]:
        return rows, self._parse(rows)

    def _scored(self, rows: tuple[tf.Tensor, ParsedRows]) -> tuple[ParsedRows, ScoredRows, ScoredRows | None]:
        serialized, parsed = rows
        seeds = tf.constant(parsed.seeds)
        scored, *serving = [model.score(serialized, seeds) for model in self._models]
        return parsed, scored, next(iter(serving), None)


def _tagged(tag: str, elements: Iterable[Any]) -> Iterator[TaggedOutput]:
    return (TaggedOutput(tag, element) for element in elements)


def in_parallel(function: Callable[[In], Out], items: Iterable[In]) -> Iterator[Out]:
    """Like `map`, but makes a few calls at the same time; results keep their order, and memory is bounded."""
    with ThreadPoolExecutor(_THREADS) as pool:
        pending: deque[Future[Out]] = deque()
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) > _THREADS:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
