"""How far the rows of the test days differ from those of the train days, feature by feature; pure numpy."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

BUCKETS = 1024


@dataclass(frozen=True)
class FeatureCounts:
    """How often values occur, by hash; memory depends on the number of features only.

    Attributes:
        buckets: {feature: counts of its values by hash, float64 [1024]}; every item of a list counts.
        rows: The number of rows.
    """

    buckets: Mapping[str, np.ndarray]
    rows: int

    @classmethod
    def of(cls, hashes: Mapping[str, np.ndarray], rows: int) -> Self:
        """Counts the hashes of the values in some rows, int64, below 1024."""
        counts = {
            name: np.bincount(found, minlength=BUCKETS).astype(np.float64) for name, found in hashes.items()
        }
        return cls(counts, rows)

    @classmethod
    def merged(cls, parts: Iterable[Self]) -> Self:
        """The counts of one or more parts together."""
        parts = list(parts)
        names = {name for part in parts for name in part.buckets}
        zero = np.zeros(BUCKETS)
        return cls(
            {name: sum((part.buckets.get(name, zero) for part in parts), zero) for name in names},
            sum(part.rows for part in parts),
        )


def skew(train: FeatureCounts, test: FeatureCounts) -> list[dict]:
    """The distance between the train and the test distribution of each feature, largest first.

    Returns:
        [{feature, distance, by_chance, train_rows, test_rows}]. `distance` is the Jensen-Shannon divergence
        in bits, from 0 (equal) to 1 (nothing in common). `by_chance` is its mean if both samples were drawn
        independently from one distribution, (K - 1) (1 / n + 1 / n') / (8 log 2) for K values and n and n'
        items. Since the rows of one ad or user resemble each other, chance alone can make the distance
        several times as large.
    """
    found = [
        _compared(name, train.buckets[name], test.buckets[name])
        | {'train_rows': train.rows, 'test_rows': test.rows}
        for name in train.buckets.keys() & test.buckets.keys()
        if train.buckets[name].any() and test.buckets[name].any()
    ]
    return sorted(found, key=lambda row: (-row['distance'], row['feature']))


def _compared(name: str, train: np.ndarray, test: np.ndarray) -> dict:
    values = int(((train + test) > 0).sum())
    chance = (values - 1) * (1 / train.sum() + 1 / test.sum()) / (8 * np.log(2))
    return {'feature': name, 'distance': _divergence(train, test), 'by_chance': float(min(chance, 1.0))}


def _divergence(train: np.ndarray, test: np.ndarray) -> float:
    p, q = train / train.sum(), test / test.sum()
    mean = (p + q) / 2
    return float(max((_relative_entropy(p, mean) + _relative_entropy(q, mean)) / 2, 0.0))


def _relative_entropy(p: np.ndarray, q: np.ndarray) -> float:
    there = p > 0
    return float(p[there] @ np.log2(p[there] / q[there]))
