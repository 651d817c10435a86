"""Another policy's choices, given as a table: joined to the log by request, and what they add; pure numpy."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np

from components.sctr_evaluator.estimators.ratio_estimates import ClusterSums
from components.sctr_evaluator.rows.policy_predictions import PolicyRows
from components.sctr_evaluator.sums.estimator_sums import row_terms

# Of the axis P.
UNIFORM, CHOSEN = 0, 1
NOT_CHOSEN = -2
_KEY_BITS = 62
_SHARD_BITS = 8
_EXAMPLES = 3


class ChoiceTable(NamedTuple):
    """Choices for Q requests, components in the order of the file.

    Attributes:
        request: int64 [Q], hashes of request ids below 2^62.
        choice: int64 [Q, M], what is compared with `LoggedRows.shown`; `NOT_CHOSEN` where there is none.
    """

    request: np.ndarray
    choice: np.ndarray

    def shards(self) -> Iterator[tuple[int, Self]]:
        """Parts by the leading bits of the request's hash."""
        return _shards(self)


class LoggedRows(NamedTuple):
    """R rows of the log, the file's components only.

    Attributes:
        request: int64 [R], hash of the request id.
        name: bytes [R], the request id.
        keys: int64 [R], hash of the cluster.
        click, weight: float32 [R].
        shown: int64 [R, M], index of the shown element, or the hash of its id, as the file has it; -1 where
            the component is absent.
        candidate_count: int64 [R, M].
        propensity: float32 [R, M].
    """

    request: np.ndarray
    name: np.ndarray
    keys: np.ndarray
    click: np.ndarray
    weight: np.ndarray
    shown: np.ndarray
    candidate_count: np.ndarray
    propensity: np.ndarray

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """One or more parts, one after the other."""
        return _joined(parts)

    def take(self, rows: np.ndarray) -> Self:
        """Some of the rows."""
        return type(self)(*(values[rows] for values in self))

    def shards(self) -> Iterator[tuple[int, Self]]:
        """Parts by the leading bits of the request's hash."""
        return _shards(self)


@dataclass(frozen=True)
class ChoiceTotals:
    """Sums over rows that need no clusters; L = M + 1 levels (the last pools all), P = 2 policies.

    Attributes:
        matched, unmatched: rows with and without a row of choices.
        unused: rows of choices that no row of the log asked for.
        examples: a few request ids of rows that are not matched.
        repeated: rows of choices beyond the first of a request.
        counted, squares: as `Totals.counted` and `Totals.matched`, of the matched rows.
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


def join(
    rows: Sequence[LoggedRows], tables: Sequence[ChoiceTable], components: int, min_candidates: int
) -> tuple[ClusterSums | None, ChoiceTotals]:
    """What the rows of some requests add under the choices for them.

    A component without a choice stays as it was logged, and does not count at its own level.

    Args:
        rows: of the log.
        tables: choices for the same requests.
        components: M.
        min_candidates: a component counts where it has at least so many candidates.

    Returns:
        Sums of `sums.row_terms` by cluster, P being uniform and the choices, None where no row is matched;
        and the totals.
    """
    log = _joined(rows) if rows else _no_rows(components)
    table = _joined(tables) if tables else ChoiceTable(np.zeros(0, np.int64), np.zeros((0, components), int))
    requests, first = np.unique(table.request, return_index=True)
    choice = table.choice[first]
    place = np.minimum(np.searchsorted(requests, log.request), max(len(requests) - 1, 0))
    found = requests[place] == log.request if len(requests) else np.zeros(len(log.request), bool)
    matched = log.take(found)
    match, propensity, present, counts = _judged(matched, choice[place[found]], min_candidates)
    weight = matched.weight.astype(np.float64)
    totals = ChoiceTotals(
        matched=int(found.sum()),
        unmatched=int((~found).sum()),
        unused=len(requests) - len(np.unique(matched.request)),
        repeated=len(table.request) - len(requests),
        examples=tuple(sorted({name.decode('utf-8', 'replace') for name in log.name[~found]})[:_EXAMPLES]),
        **_totals(match, propensity, counts, weight),
    )
    if not found.any():
        return None, totals
    nothing = np.zeros_like(match)
    policies = PolicyRows(match, nothing, nothing, nothing[:, 0], nothing[:, 0])
    terms = row_terms(policies, matched.click.astype(np.float64), weight, propensity, present, counts)
    return ClusterSums.of(matched.keys, terms), totals


def _judged(rows: LoggedRows, choice: np.ndarray, min_candidates: int):
    propensity = rows.propensity.astype(np.float64)
    present = rows.shown != -1
    chosen = choice != NOT_CHOSEN
    agrees = np.where(chosen, choice == rows.shown, propensity)
    uniform = np.where(chosen, 1.0 / np.maximum(rows.candidate_count, 1), propensity)
    counts = present & chosen & (rows.candidate_count >= min_candidates)
    return np.stack([uniform, agrees], 2).astype(np.float64), propensity, present, counts


def _totals(
    match: np.ndarray, propensity: np.ndarray, counts: np.ndarray, weight: np.ndarray
) -> dict[str, np.ndarray]:
    v = np.where(counts, weight[:, None], 0.0)
    squares = [np.einsum('rm,rmp->mp', v, m) for m in (match, np.square(match / propensity[..., None]))]
    sums = np.stack([counts.sum(0), v.sum(0)], 1), np.stack(squares, 2)
    counted, squares = (np.concatenate([s, s.sum(0, keepdims=True)]) for s in sums)
    return {'counted': counted, 'squares': squares}


def _joined(parts: Sequence) -> NamedTuple:
    return type(parts[0])(*(np.concatenate(values) for values in zip(*parts)))


def _no_rows(components: int) -> LoggedRows:
    none, ints = np.zeros((0, components)), np.zeros(0, np.int64)
    wide = none.astype(np.int64)
    return LoggedRows(ints, np.zeros(0, 'S1'), ints, none[:, 0], none[:, 0], wide, wide, none)


def _shards(rows: NamedTuple) -> Iterator[tuple[int, NamedTuple]]:
    shard = rows.request >> (_KEY_BITS - _SHARD_BITS)
    order = np.argsort(shard, kind='stable')
    ordered = shard[order]
    for number in np.unique(shard):
        chosen = order[slice(*np.searchsorted(ordered, [number, number + 1]))]
        yield int(number), type(rows)(*(values[chosen] for values in rows))
