"""The choices of another policy, and the rows of the log to which they are joined; pure numpy."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Self

import numpy as np

from components.sctr_evaluator.hash_shards import shards_of

# In a table of choices: the policy chose nothing for the component.
NOT_CHOSEN = -2
_SHARD_BITS = 8


class ChoiceTable(NamedTuple):
    """Choices for Q requests, components in the order of the file.

    Attributes:
        request: int64 [Q], hashes of request ids below 2^62.
        choice: int64 [Q, M], what is compared with `LoggedRows.shown`; `NOT_CHOSEN` where there is none.
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
        return cls(*(np.concatenate(values) for values in zip(*parts)))

    def take(self, rows: np.ndarray) -> Self:
        """Some of the rows."""
        return type(self)(*(values[rows] for values in self))

    def shards(self) -> Iterator[tuple[int, Self]]:
        """Parts by the leading bits of the request's hash."""
        for number, rows in shards_of(self.request, _SHARD_BITS):
            yield number, self.take(rows)
