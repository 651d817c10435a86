"""Beam: joins a table of choices to the rows of the log by request."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow as tf
from apache_beam.pvalue import AsSingleton, PCollection, TaggedOutput

from components.sctr_evaluator.beam.sum_by_cluster import Summed
from components.sctr_evaluator.config import EvaluationConfig
from components.sctr_evaluator.policies import CHOICE_POLICIES
from components.sctr_evaluator.rows.choice_file import ChoiceFile, ShownIds
from components.sctr_evaluator.rows.choice_rows import ChoiceTable, LoggedRows
from components.sctr_evaluator.rows.scored_rows import ScoredRows
from components.sctr_evaluator.sums.choice_sums import ChoiceSums, ChoiceTotals, join
from components.sctr_evaluator.sums.estimator_sums import Sums
from creative_logs.errors import InputError

_ROWS, _CHOICES, _TOTALS = 'rows', 'choices', 'totals'


class JoinChoices(beam.PTransform):
    """(shard, LoggedRows) -> one ChoiceSums; a shard holds 1/256 of the requests.

    Args:
        file: of the choices.
        config: of the evaluation.
    """

    def __init__(self, file: ChoiceFile, config: EvaluationConfig):
        super().__init__()
        self._file, self._config = file, config

    def expand(self, rows: PCollection) -> PCollection:
        tables = rows.pipeline | 'File' >> beam.Create([self._file]) | 'Choices' >> beam.FlatMap(_read)
        joined = (
            {_ROWS: rows, _CHOICES: tables}
            | 'ByRequest' >> beam.CoGroupByKey()
            | 'Join'
            >> beam.FlatMap(_join, self._file, self._config.min_candidates).with_outputs(
                _TOTALS, main='clusters'
            )
        )
        sums = joined['clusters'] | 'Clusters' >> Summed(
            Sums, CHOICE_POLICIES, self._config.bootstrap_replicates
        )
        totals = joined[_TOTALS] | 'Totals' >> beam.CombineGlobally(ChoiceTotals.merged).without_defaults()
        return totals | 'ChoiceSums' >> beam.Map(partial(_found, self._file), AsSingleton(sums, None))


class RowsToJoin:
    """What the join needs of scored rows.

    Args:
        file: of the choices.
    """

    def __init__(self, file: ChoiceFile):
        self._file, self._ids = file, ShownIds(file)

    def __call__(
        self, rows: tf.Tensor, request: np.ndarray, keys: np.ndarray, scored: ScoredRows
    ) -> LoggedRows:
        """Of serialized rows, string [R].

        Args:
            rows: serialized.
            request, keys: int64 [R], hashes of the request id and of the cluster.
            scored: what `score_examples` returns for them.
        """
        places = self._file.places(scored.component_names)
        name, shown = self._ids(rows, scored.shown[:, places])
        of_file = (values[:, places] for values in (scored.candidate_count, scored.shown_propensity))
        return LoggedRows(request, name, keys, scored.click, scored.weight, shown, *of_file)


def _read(file: ChoiceFile) -> Iterator[tuple[int, ChoiceTable]]:
    for table in file.read():
        yield from table.shards()


def _join(shard: tuple[int, Mapping[str, list]], file: ChoiceFile, min_candidates: int) -> Iterator[Any]:
    sides = shard[1]
    rows, tables = list(sides[_ROWS]), list(sides[_CHOICES])
    table, totals = join(rows, tables, len(file.components), min_candidates)
    if totals.repeated:
        raise InputError(
            f'{file.path}: {totals.repeated} or more rows repeat the request id of another; keep one of each'
        )
    if table is not None:
        yield from table.shards()
    yield TaggedOutput(_TOTALS, totals)


def _found(file: ChoiceFile, totals: ChoiceTotals, sums: Sums | None) -> ChoiceSums:
    return ChoiceSums(file.path, file.components, totals, sums)
