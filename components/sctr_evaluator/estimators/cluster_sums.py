"""Sums over the rows of each cluster; mergeable, pure numpy."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy import sparse

from components.sctr_evaluator.hash_shards import shards_of

_SHARD_BITS = 6


@dataclass(frozen=True)
class ClusterSums:
    """Sums over the rows of each cluster.

    Attributes:
        keys: The hashes of the clusters, below 2^62, ascending and without repeats, int64 [C].
        sums: The sums of each cluster, float64 [C, ...].
    """

    keys: np.ndarray
    sums: np.ndarray

    @classmethod
    def of(cls, keys: np.ndarray, values: np.ndarray) -> Self:
        """Sums `values` [R, ...] over rows with equal `keys` [R]."""
        order = np.argsort(keys, kind='stable')
        ordered = keys[order]
        starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]][: len(ordered)])
        return cls(ordered[starts], sums_of_runs(values, order, starts))

    @classmethod
    def merged(cls, parts: Iterable[Self]) -> Self:
        """One table with all clusters of one or more tables."""
        parts = list(parts)
        if len(parts) == 1:
            return parts[0]
        return cls.of(np.concatenate([p.keys for p in parts]), np.concatenate([p.sums for p in parts]))

    def shards(self) -> Iterator[tuple[int, Self]]:
        """Splits the table by the leading bits of the key, so that each shard can be merged on its own."""
        for number, rows in shards_of(self.keys, _SHARD_BITS):
            yield number, type(self)(self.keys[rows], self.sums[rows])


def sums_of_runs(values: np.ndarray, order: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """The sums of values[order] from each start to the next, float64 [C, ...].

    It reads the rows once without copying them, several times faster than `np.add.reduceat` on a sorted copy.

    Args:
        values: The values of the rows, [R, ...].
        order: The indices of the rows, each exactly once, int64 [R].
        starts: The position in `order` at which each sum starts, ascending from 0, int64 [C]; empty if there
            are no rows.
    """
    shape = (len(starts), len(order))
    member = sparse.csr_array((np.ones(len(order)), order, np.append(starts, len(order))), shape)
    columns = values.reshape(len(values), math.prod(values.shape[1:]))
    return (member @ columns).reshape(len(starts), *values.shape[1:])
