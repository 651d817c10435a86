"""Sums per slice: rows grouped by the values of one feature or of two crossed features, in bounded memory."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np

from components.sctr_evaluator.config import CANDIDATES, DAY, EvaluationConfig
from components.sctr_evaluator.estimators.cluster_sums import ClusterSums, sums_of_runs

Value = tuple[str, ...]

BRACKETS = ('few', 'medium', 'many')
MISSING = '(missing)'
_MIDDLE = (3, 5)
# The limits of one slicing, in one source or in all; they bound the memory however many values there are.
_MOST_VALUES = 1000
_MOST_PAIRS = 1 << 15


class SliceRows(NamedTuple):
    """R rows to be grouped.

    Attributes:
        keys: The hashes of the clusters of the rows, int64 [R].
        labels: The values of the features to slice by, {feature: R texts}; None where a row has no value.
        timestamp: The time of the row, ms since epoch, int64 [R].
        bracket: The index into `BRACKETS`, int [R, M]; -1 where the component does not count.
        sums: The terms to be summed, float64 [R, M, K].
    """

    keys: np.ndarray
    labels: Mapping[str, list[str | None]]
    timestamp: np.ndarray
    bracket: np.ndarray
    sums: np.ndarray


@dataclass(frozen=True)
class SliceCounts:
    """The number of rows of each value of one slicing.

    The number of a listed value is complete, however the rows were split into parts.

    Attributes:
        rows: {value: number of rows}, at most 1,000 values.
        rest_values: A lower bound of the number of values that are not listed.
        rest_rows: The number of rows whose values are not listed.
        full: Whether there were too many values to list all of them.
    """

    rows: dict[Value, int]
    rest_values: int = 0
    rest_rows: int = 0
    full: bool = False

    @classmethod
    def merged(cls, parts: Iterable[Self]) -> Self:
        """The counts of one or more parts together.

        A value that a full part does not list may be in the rest of that part. The number of its rows is then
        not known, so it goes to the rest of the merged counts.
        """
        parts = list(parts)
        total: dict[Value, int] = {}
        for part in parts:
            for value, rows in part.rows.items():
                total[value] = total.get(value, 0) + rows
        certain = [v for v in total if all(v in part.rows for part in parts if part.full)]
        return cls._largest(
            total,
            certain,
            max(part.rest_values for part in parts),
            sum(part.rest_rows for part in parts),
            any(part.full for part in parts),
        )

    @classmethod
    def _largest(cls, total: dict[Value, int], certain: list[Value], values: int, rows: int, full: bool):
        kept = sorted(certain, key=lambda value: (-total[value], value))[:_MOST_VALUES]
        listed = {value: total[value] for value in kept}
        left = len(total) - len(listed)
        return cls(listed, values + left, rows + sum(total.values()) - sum(listed.values()), full or left > 0)

    def largest(self, number: int) -> list[Value]:
        """The values with the most rows."""
        return sorted(self.rows, key=lambda value: (-self.rows[value], value))[:number]


class Slicer:
    """Groups the rows of one source by every slicing of the configuration.

    Args:
        config: The configuration of the evaluation, which names the slicings.
    """

    def __init__(self, config: EvaluationConfig):
        self._slicings = {names: _Slicing() for names in config.slices}

    def add(self, rows: SliceRows) -> None:
        """Adds a batch of rows."""
        for names, slicing in self._slicings.items():
            for values, mask in _grouped(names, rows):
                slicing.add(values, mask, rows)

    def flush(self, everything: bool = False) -> Iterator[tuple[tuple[Value, Value], ClusterSums]]:
        """Gives out the sums of slicings that have grown too large, or of all slicings.

        Yields:
            ((slicing, value), sums by cluster), where the sums are float64 [C, M x K + 1] and the last column
            is the number of rows.
        """
        for names, slicing in self._slicings.items():
            if everything or slicing.too_large():
                for value, table in slicing.taken():
                    yield (names, value), table

    def counts(self) -> dict[Value, SliceCounts]:
        """The number of rows per slicing and value so far."""
        return {names: slicing.counts() for names, slicing in self._slicings.items()}


class _Slicing:
    """The values of one slicing in the order of their first row, and the sums by value and cluster."""

    def __init__(self):
        self._index: dict[Value, int] = {}
        self._rows: list[int] = []
        self._rest_values, self._rest_rows = 0, 0
        self._tables: list[tuple[np.ndarray, ClusterSums]] = []
        self._pairs = 0

    def add(self, values: tuple[np.ndarray, list[Value]], mask: np.ndarray | None, rows: SliceRows) -> None:
        code, names = values
        chosen = np.ones(len(code), bool) if mask is None else mask.any(1)
        rows_of = np.bincount(code[chosen], minlength=len(names))
        admitted = np.array([self._admit(name, int(n)) for name, n in zip(names, rows_of)], np.int64)
        index = np.where(chosen, admitted[code], -1)
        kept = np.flatnonzero(index >= 0)
        if not len(kept):
            return
        sums = rows.sums[kept] if mask is None else rows.sums[kept] * mask[kept, :, None]
        flat = np.concatenate([sums.reshape(len(kept), -1), np.ones((len(kept), 1))], 1)
        self._append(_by_pair(index[kept], rows.keys[kept], flat))

    def too_large(self) -> bool:
        """Whether there are too many pairs of value and cluster even after equal pairs are merged."""
        if self._pairs > _MOST_PAIRS:
            tables, self._tables, self._pairs = self._tables, [], 0
            index = np.concatenate([index for index, _ in tables])
            keys = np.concatenate([table.keys for _, table in tables])
            self._append(_by_pair(index, keys, np.concatenate([table.sums for _, table in tables])))
        return self._pairs > _MOST_PAIRS // 2

    def taken(self) -> Iterator[tuple[Value, ClusterSums]]:
        """Takes out all sums, and keeps the values."""
        tables, self._tables, self._pairs = self._tables, [], 0
        names = list(self._index)
        parts: dict[int, list[ClusterSums]] = {}
        for index, table in tables:
            for number in np.unique(index):
                chosen = slice(*np.searchsorted(index, [number, number + 1]))
                parts.setdefault(int(number), []).append(ClusterSums(table.keys[chosen], table.sums[chosen]))
        for number, found in parts.items():
            yield names[number], ClusterSums.merged(found)

    def counts(self) -> SliceCounts:
        rows = dict(zip(self._index, self._rows))
        return SliceCounts(rows, self._rest_values, self._rest_rows, self._rest_rows > 0)

    def _append(self, table: tuple[np.ndarray, ClusterSums]) -> None:
        self._tables.append(table)
        self._pairs += len(table[0])

    def _admit(self, value: Value, rows: int) -> int:
        """The number of the value, or -1 if it has no rows or came after too many other values."""
        if not rows:
            return -1
        number = self._index.get(value)
        if number is None:
            if len(self._index) == _MOST_VALUES:
                self._rest_values = max(self._rest_values, 1)
                self._rest_rows += rows
                return -1
            number = self._index[value] = len(self._index)
            self._rows.append(0)
        self._rows[number] += rows
        return number


def brackets(candidate_count: np.ndarray, middle: np.ndarray) -> np.ndarray:
    """The indices into `BRACKETS`, int64 [R, M].

    Args:
        candidate_count: The number of candidates, int [R, M].
        middle: The smallest and the largest number of candidates in the middle bracket, int [M, 2].
    """
    return (candidate_count >= middle[:, 0]).astype(np.int64) + (candidate_count > middle[:, 1])


def middle_brackets(config: EvaluationConfig, components: Iterable[str]) -> np.ndarray:
    """The smallest and the largest number in the middle bracket of each component, int64 [M, 2]."""
    return np.array([config.candidate_brackets.get(name, _MIDDLE) for name in components], np.int64)


def bracket_names(config: EvaluationConfig, components: Iterable[str]) -> dict[str, dict[str, str]]:
    """The brackets in words: {component: {'few': 'below 3', 'medium': '3 to 5', 'many': 'above 5'}}."""
    components = list(components)
    return {
        name: {'few': f'below {low}', 'medium': f'{low} to {high}', 'many': f'above {high}'}
        for name, (low, high) in zip(components, middle_brackets(config, components).tolist())
    }


def _grouped(
    names: Value, rows: SliceRows
) -> Iterator[tuple[tuple[np.ndarray, list[Value]], np.ndarray | None]]:
    """Groups rows by the values of a slicing.

    Yields:
        The code of each row with the values that the codes stand for, and the components that they concern,
        bool [R, M], or None for all components.
    """
    plain = [_codes(name, rows) for name in names if name != CANDIDATES]
    if CANDIDATES not in names:
        yield _crossed(plain), None
        return
    for number, bracket in enumerate(BRACKETS):
        everywhere = (np.zeros(len(rows.keys), np.int64), [bracket])
        parts = iter(plain)
        ordered = [everywhere if name == CANDIDATES else next(parts) for name in names]
        yield _crossed(ordered), rows.bracket == number


def _codes(name: str, rows: SliceRows) -> tuple[np.ndarray, list[str]]:
    """A code per row, int64 [R], and the labels that the codes stand for."""
    if name == DAY:
        days, code = np.unique(rows.timestamp.astype('M8[ms]').astype('M8[D]'), return_inverse=True)
        return code, [str(day) for day in days]
    index: dict[str | None, int] = {}
    code = np.array([index.setdefault(label, len(index)) for label in rows.labels[name]], np.int64)
    return code, [MISSING if label is None else label for label in index]


def _crossed(parts: list[tuple[np.ndarray, list[str]]]) -> tuple[np.ndarray, list[Value]]:
    if len(parts) == 1:
        code, labels = parts[0]
        return code, [(label,) for label in labels]
    (left, left_labels), (right, right_labels) = parts
    pairs, code = np.unique(left * len(right_labels) + right, return_inverse=True)
    lefts, rights = np.divmod(pairs, len(right_labels))
    return code, [(left_labels[a], right_labels[b]) for a, b in zip(lefts, rights)]


def _by_pair(index: np.ndarray, keys: np.ndarray, sums: np.ndarray) -> tuple[np.ndarray, ClusterSums]:
    """Sums rows of equal value and cluster, in the order of the value and then of the cluster."""
    order = np.lexsort((keys, index))
    index, keys = index[order], keys[order]
    starts = np.flatnonzero(np.r_[True, (index[1:] != index[:-1]) | (keys[1:] != keys[:-1])])
    return index[starts], ClusterSums(keys[starts], sums_of_runs(sums, order, starts))
