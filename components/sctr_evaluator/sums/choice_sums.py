"""Joins a table of another policy's choices to the log by request, and sums what they add; pure numpy."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np

from components.sctr_evaluator.estimators.cluster_sums import ClusterSums
from components.sctr_evaluator.rows.choice_rows import NOT_CHOSEN, ChoiceTable, LoggedRows
from components.sctr_evaluator.rows.policy_predictions import PolicyRows
from components.sctr_evaluator.sums.estimator_sums import Sums, row_terms

_EXAMPLES = 3


@dataclass(frozen=True)
class ChoiceTotals:
    """Sums over rows that need no clusters; L = M + 1 levels (the last pools all components), P = 2 policies.

    Attributes:
        matched, unmatched: The numbers of rows of the log with and without a row of choices.
        unused: The number of rows of choices whose request is not in the log.
        repeated: The number of rows of choices beyond the first one of a request.
        examples: A few request ids of unmatched rows.
        counted, squares: The same sums as `Totals.counted` and `Totals.matched`, over the matched rows.
    """

    matched: int
    unmatched: int
    unused: int
    repeated: int
    examples: tuple[str, ...]
    counted: np.ndarray
    squares: np.ndarray

    @classmethod
    def merged(cls, parts: Iterable[Self]) -> Self:
        """Totals of one or more parts, none of which shares a request with another."""
        parts = list(parts)
        names = sorted({name for part in parts for name in part.examples})
        sums = ('matched', 'unmatched', 'unused', 'repeated', 'counted', 'squares')
        return cls(
            examples=tuple(names[:_EXAMPLES]),
            **{name: sum(getattr(part, name) for part in parts) for name in sums},
        )


class ChoiceSums(NamedTuple):
    """All sums of a table of choices.

    Attributes:
        file: The path of the table.
        components: The names of the components, in the order of the table.
        totals: The sums over all rows.
        sums: The sums over all clusters, in which the axis P holds the uniform policy and the choices; None
            where no row is matched.
    """

    file: str
    components: tuple[str, ...]
    totals: ChoiceTotals
    sums: Sums | None


def join(
    rows: Sequence[LoggedRows], tables: Sequence[ChoiceTable], components: int, min_candidates: int
) -> tuple[ClusterSums | None, ChoiceTotals]:
    """Sums what the rows of some requests add under the choices for these requests.

    A component without a choice is taken as it was logged, and does not count at its own level.

    Args:
        rows: Rows of the log.
        tables: The choices for the same requests.
        components: The number of components, M.
        min_candidates: The number of candidates that a component needs to count in a row.

    Returns:
        The sums of `estimator_sums.row_terms` by cluster, in which the axis P holds the uniform policy and
        the choices, or None where no row is matched; and the totals.
    """
    log = LoggedRows.joined(rows) if rows else _no_rows(components)
    table = (
        ChoiceTable.joined(tables)
        if tables
        else ChoiceTable(np.zeros(0, np.int64), np.zeros((0, components), int))
    )
    requests, first = np.unique(table.request, return_index=True)
    choice = table.choice[first]
    place = np.minimum(np.searchsorted(requests, log.request), max(len(requests) - 1, 0))
    found = requests[place] == log.request if len(requests) else np.zeros(len(log.request), bool)
    matched = log.take(found)
    match, propensity, present, is_counted = _judged(matched, choice[place[found]], min_candidates)
    weight = matched.weight.astype(np.float64)
    totals = ChoiceTotals(
        matched=int(found.sum()),
        unmatched=int((~found).sum()),
        unused=len(requests) - len(np.unique(matched.request)),
        repeated=len(table.request) - len(requests),
        examples=tuple(sorted({name.decode('utf-8', 'replace') for name in log.name[~found]})[:_EXAMPLES]),
        **_totals(match, propensity, is_counted, weight),
    )
    if not found.any():
        return None, totals
    nothing = np.zeros_like(match)
    policies = PolicyRows(match, nothing, nothing, nothing[:, 0], nothing[:, 0])
    terms = row_terms(policies, matched.click.astype(np.float64), weight, propensity, present, is_counted)
    return ClusterSums.of(matched.keys, terms), totals


def _judged(rows: LoggedRows, choice: np.ndarray, min_candidates: int):
    propensity = rows.propensity.astype(np.float64)
    present = rows.shown != -1
    chosen = choice != NOT_CHOSEN
    agrees = np.where(chosen, choice == rows.shown, propensity)
    uniform = np.where(chosen, 1.0 / np.maximum(rows.candidate_count, 1), propensity)
    is_counted = present & chosen & (rows.candidate_count >= min_candidates)
    return np.stack([uniform, agrees], 2).astype(np.float64), propensity, present, is_counted


def _totals(
    match: np.ndarray, propensity: np.ndarray, is_counted: np.ndarray, weight: np.ndarray
) -> dict[str, np.ndarray]:
    v = np.where(is_counted, weight[:, None], 0.0)
    matched = [np.einsum('rm,rmp->mp', v, m) for m in (match, np.square(match / propensity[..., None]))]
    sums = np.stack([is_counted.sum(0), v.sum(0)], 1), np.stack(matched, 2)
    counted, squares = (np.concatenate([s, s.sum(0, keepdims=True)]) for s in sums)
    return {'counted': counted, 'squares': squares}


def _no_rows(components: int) -> LoggedRows:
    none, ints = np.zeros((0, components)), np.zeros(0, np.int64)
    wide = none.astype(np.int64)
    return LoggedRows(ints, np.zeros(0, 'S1'), ints, none[:, 0], none[:, 0], wide, wide, none)
