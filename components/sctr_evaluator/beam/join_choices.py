"""Beam: joins a table of choices to the rows of the log by request."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam.pvalue import AsSingleton, PCollection, TaggedOutput

from components.sctr_evaluator.beam.sum_by_cluster import Summed
from components.sctr_evaluator.config import EvaluationConfig
from components.sctr_evaluator.policies import CHOICE_POLICIES
from components.sctr_evaluator.rows.choice_file import ChoiceFile
from components.sctr_evaluator.rows.choice_rows import ChoiceTable, LoggedRows
from components.sctr_evaluator.rows.parsed_rows import ParsedRows
from components.sctr_evaluator.rows.scored_rows import ScoredRows
from components.sctr_evaluator.sums.choice_sums import ChoiceSums, ChoiceTotals, join
from components.sctr_evaluator.sums.estimator_sums import Sums
from creative_logs.errors import InputError

_ROWS, _CHOICES, _TOTALS = 'rows', 'choices', 'totals'


class JoinChoices(beam.PTransform):
    """(shard, LoggedRows) -> one ChoiceSums; a shard holds 1/256 of the requests.

    Args:
        file: The file of the choices.
        config: The configuration of the evaluation.
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


def rows_to_join(file: ChoiceFile, rows: ParsedRows, scored: ScoredRows) -> LoggedRows:
    """The fields of R scored rows that the join with a file of choices needs.

    Args:
        file: The file of the choices.
        rows: The parsed rows, with the candidate ids of the components whose elements are chosen by id.
        scored: The scores of the same rows.

    Raises:
        InputError: The file names a component that the model does not have.
    """
    places = file.places(scored.component_names)
    shown = scored.shown[:, places].astype(np.int64)
    for column, name in enumerate(file.components):
        if name in rows.candidate_ids:
            shown[:, column] = rows.candidate_ids[name].hash_at(scored.shown[:, places[column]])
    return LoggedRows(
        request=rows.seeds,
        name=rows.request_ids,
        keys=rows.keys,
        click=scored.click,
        weight=scored.weight,
        shown=shown,
        candidate_count=scored.candidate_count[:, places],
        propensity=scored.shown_propensity[:, places],
    )


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
