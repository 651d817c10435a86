"""The choices of another policy, and the rows of the log that they are joined to; pure numpy."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Self

import numpy as np

from components.sctr_evaluator.hash_shards import shards_of

# Marks in a table of choices that the policy chose nothing for the component.
NOT_CHOSEN = -2
_SHARD_BITS = 8


class ChoiceTable(NamedTuple):
    """The choices for Q requests and M components, in the order of the file.

    Attributes:
        request: The hashes of the request ids, below 2^62, int64 [Q].
        choice: What is compared with `LoggedRows.shown`, int64 [Q, M]; `NOT_CHOSEN` where the policy chose
            nothing.
    """

    request: np.ndarray
    choice: np.ndarray

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """One or more parts, one after the other."""
        return cls(*(np.concatenate(values) for values in zip(*parts)))

    def take(self, rows: np.ndarray) -> Self:
        """Some of the rows."""
        return type(self)(*(values[rows] for values in self))

    def shards(self) -> Iterator[tuple[int, Self]]:
        """Parts by the leading bits of the request's hash."""
        for number, rows in shards_of(self.request, _SHARD_BITS):
            yield number, self.take(rows)


class LoggedRows(NamedTuple):
    """R rows of the log, with the M components of the file only.

    Attributes:
        request: The hash of the request id, int64 [R].
        name: The request id, bytes [R].
        keys: The hash of the cluster, int64 [R].
        click: 0 or 1, float32 [R].
        weight: The number of impressions that the row stands for, float32 [R].
        shown: The index of the shown element, or the hash of its id where the file chooses by id; -1 where
            the component is absent. int64 [R, M].
        candidate_count: The number of candidates, int64 [R, M].
        propensity: The propensity of the shown element, float32 [R, M].
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
        return cls(*(np.concatenate(values) for values in zip(*parts)))

    def take(self, rows: np.ndarray) -> Self:
        """Some of the rows."""
        return type(self)(*(values[rows] for values in self))

    def shards(self) -> Iterator[tuple[int, Self]]:
        """Parts by the leading bits of the request's hash."""
        for number, rows in shards_of(self.request, _SHARD_BITS):
            yield number, self.take(rows)
