"""Ratios of sums with intervals that allow for dependence within clusters; mergeable, pure numpy.

Calibrated sCTR is a ratio of sums over rows, and a lift is a ratio of two of them on the same rows. Rows
of one cluster (an ad, say) are not independent, clusters are. So rows are first summed per cluster
(`ClusterSums`), then clusters are summed up to first and second moments (`Moments`), which is all that
estimates and their delta-method variances need.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.special import stdtrit

NUMERATOR, DENOMINATOR = 0, 1
_KEY_BITS = 62
_SHARD_BITS = 6


@dataclass(frozen=True)
class ClusterSums:
    """Sums over the rows of each cluster.

    Attributes:
        keys: int64 [C], hashes of the clusters below 2^62, ascending, each once.
        sums: float64 [C, ...].
    """

    keys: np.ndarray
    sums: np.ndarray

    @classmethod
    def of(cls, keys: np.ndarray, values: np.ndarray) -> Self:
        """Sums `values` [R, ...] over rows with equal `keys` [R]."""
        order = np.argsort(keys, kind='stable')
        ordered = keys[order]
        starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]][: len(ordered)])
        return cls(ordered[starts], np.add.reduceat(values[order], starts, axis=0))

    @classmethod
    def merged(cls, parts: Iterable[Self]) -> Self:
        """One table of all clusters of one or more tables."""
        parts = list(parts)
        if len(parts) == 1:
            return parts[0]
        return cls.of(np.concatenate([p.keys for p in parts]), np.concatenate([p.sums for p in parts]))

    def shards(self) -> Iterator[tuple[int, Self]]:
        """Splits by the leading bits of the key, so that shards can be merged apart from each other."""
        shard = self.keys >> (_KEY_BITS - _SHARD_BITS)
        for number in np.unique(shard):
            chosen = slice(*np.searchsorted(shard, [number, number + 1]))
            yield int(number), type(self)(self.keys[chosen], self.sums[chosen])


@dataclass(frozen=True)
class Moments:
    """Moments of the cluster sums of numerators and denominators of P policies at L levels.

    A level is a component, or all components pooled.

    Attributes:
        first: float64 [L, P, 2], sums over clusters; the last axis is numerator, denominator.
        second: float64 [L, 2P, 2P], sums over clusters of the outer products.
        clusters: int64 [L, P], clusters with a positive denominator.
    """

    first: np.ndarray
    second: np.ndarray
    clusters: np.ndarray

    @classmethod
    def of(cls, table: ClusterSums) -> Self:
        """Moments of whole clusters, sums float64 [C, L, P, 2]."""
        sums = table.sums
        flat = sums.reshape(*sums.shape[:2], -1)
        return cls(
            first=sums.sum(0),
            second=flat.transpose(1, 2, 0) @ flat.transpose(1, 0, 2),
            clusters=(sums[..., DENOMINATOR] > 0).sum(0),
        )

    @classmethod
    def merged(cls, parts: Iterable[Self]) -> Self:
        """Moments of one or more groups of clusters, none of which is in two groups."""
        parts = list(parts)
        return cls(
            sum(part.first for part in parts),
            sum(part.second for part in parts),
            sum(part.clusters for part in parts),
        )


@dataclass(frozen=True)
class Estimate:
    """A figure with its interval.

    Attributes:
        value, low, high: None where they are not known.
        problem: why not; None where all are known.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None
    problem: str | None = None


def sctr(moments: Moments, level: int, policy: int, confidence: float) -> Estimate:
    """Calibrated sCTR of a policy, N / D, with its interval.

    N = sum(w m y), D = sum(w m); w is a row's weight over its propensity, m the match or, in the
    expectation form, the policy's probability of what was shown; y the click (GenCO, Algorithm 1,
    where w = n). The interval is symmetric in log(N / D), whose variance by the delta method is
    sum over clusters c of (N_c / N - D_c / D)^2, and uses Student's t with one degree of freedom
    less than there are clusters with a match.

    Args:
        moments: of all clusters.
        level, policy: indices of its axes.
        confidence: of the interval, two-sided.
    """
    numerator, denominator = moments.first[level, policy]
    if denominator == 0:
        return Estimate(problem='the policy never chose what was shown')
    if numerator == 0:
        return Estimate(0.0, problem='no click where the policy chose what was shown')
    gradient = np.zeros_like(moments.first[level])
    gradient[policy] = _log_ratio_gradient(numerator, denominator)
    return _estimate(numerator / denominator, moments, level, gradient, [policy], confidence)


def lift(moments: Moments, level: int, policy: int, reference: int, confidence: float) -> Estimate:
    """Lift of a policy's sCTR over that of another on the same rows, (N/D) / (N'/D') - 1.

    As in `sctr`, with the influence N_c / N - D_c / D - N'_c / N' + D'_c / D' of a cluster: what both
    policies have in common cancels.

    Args:
        moments: of all clusters.
        level, policy, reference: indices of its axes.
        confidence: of the interval, two-sided.
    """
    (numerator, denominator), (numerator_ref, denominator_ref) = moments.first[level, [policy, reference]]
    if denominator == 0 or denominator_ref == 0:
        return Estimate(problem='one of the policies never chose what was shown')
    if numerator_ref == 0:
        return Estimate(problem='no click where the policy compared with chose what was shown')
    if numerator == 0:
        return Estimate(-1.0, problem='no click where the policy chose what was shown')
    ratio = (numerator / denominator) / (numerator_ref / denominator_ref)
    gradient = np.zeros_like(moments.first[level])
    gradient[policy] += _log_ratio_gradient(numerator, denominator)
    gradient[reference] -= _log_ratio_gradient(numerator_ref, denominator_ref)
    found = _estimate(ratio, moments, level, gradient, [policy, reference], confidence)
    return Estimate(found.value - 1, *(_less_one(bound) for bound in (found.low, found.high)), found.problem)


def _log_ratio_gradient(numerator: float, denominator: float) -> np.ndarray:
    return np.array([1 / numerator, -1 / denominator])


def _estimate(
    ratio: float, moments: Moments, level: int, gradient: np.ndarray, policies: list[int], confidence: float
) -> Estimate:
    clusters = int(moments.clusters[level, policies].min())
    if clusters < 2:
        return Estimate(float(ratio), problem='all matches are in one cluster')
    flat = gradient.ravel()
    # The influences of all clusters sum to zero, so their sum of squares is clusters x variance.
    variance = max(flat @ moments.second[level] @ flat, 0.0) * clusters / (clusters - 1)
    reach = stdtrit(clusters - 1, (1 + confidence) / 2) * math.sqrt(variance)
    with np.errstate(over='ignore'):
        low, high = ratio * np.exp(-reach), ratio * np.exp(reach)
    if not math.isfinite(high):
        return Estimate(float(ratio), problem='too few clusters for an interval')
    return Estimate(float(ratio), float(low), float(high))


def _less_one(value: float | None) -> float | None:
    return None if value is None else value - 1
