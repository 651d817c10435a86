"""Ratios of sums with intervals that allow for dependence within clusters; mergeable, pure numpy.

Calibrated sCTR is a ratio of sums over rows, and a lift compares two such ratios on the same rows. Clusters
(ads, for example) are independent, but the rows within a cluster are not. Rows are therefore first summed per
cluster (`cluster_sums.ClusterSums`), and then the first and second moments of these sums are added up over
clusters (`Moments`). The estimates and their delta-method variances need nothing else.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache, reduce
from typing import Self

import numpy as np
from scipy.special import stdtrit
from threadpoolctl import ThreadpoolController

from components.sctr_evaluator.estimators.cluster_sums import ClusterSums

NUMERATOR, DENOMINATOR = 0, 1
_ONE_CLUSTER = 1 + 1e-9
_ROUNDING = 1e-13
# An interval from a thousandth of the estimate to a thousand times the estimate says nothing.
_WIDEST = math.log(1000)


def product(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The matrix product on one thread: several threads wait for each other when the cores are busy."""
    with _blas().limit(limits=1):
        return left @ right


@cache
def _blas() -> ThreadpoolController:
    return ThreadpoolController().select(user_api='blas')


@dataclass(frozen=True)
class Moments:
    """Moments over clusters of the numerators and denominators of P policies at L levels.

    A level is a component, or all components pooled.

    Attributes:
        first: The sums over clusters, float64 [L, P, 2]; the last axis holds the numerator and the
            denominator.
        second: The sums over clusters of the outer products, float64 [L, 2P, 2P].
        clusters: The number of clusters with a positive denominator, int64 [L, P].
    """

    first: np.ndarray
    second: np.ndarray
    clusters: np.ndarray

    @classmethod
    def of(cls, table: ClusterSums) -> Self:
        """The moments of a table of whole clusters, whose sums are float64 [C, L, P, 2]."""
        sums = table.sums
        flat = sums.reshape(*sums.shape[:2], -1)
        return cls(
            first=sums.sum(0),
            second=product(flat.transpose(1, 2, 0), flat.transpose(1, 0, 2)),
            clusters=(sums[..., DENOMINATOR] > 0).sum(0),
        )

    @classmethod
    def merged(cls, parts: Iterable[Self]) -> Self:
        """The moments of one or more groups of clusters; no cluster may be in two groups."""
        parts = list(parts)
        return cls(
            reduce(np.add, [part.first for part in parts]),
            reduce(np.add, [part.second for part in parts]),
            reduce(np.add, [part.clusters for part in parts]),
        )

    def effective_clusters(self, level: int, columns: Sequence[int]) -> float:
        """The number of clusters of equal size that would be as informative, D^2 / sum of D_c^2.

        It is the number of clusters with a match if these are of equal size, and less otherwise. For several
        columns it is the smallest of their numbers.
        """
        diagonal = np.diagonal(self.second[level])[1::2]
        return min(float(self.first[level, c, DENOMINATOR] ** 2 / diagonal[c]) for c in columns)


@dataclass(frozen=True)
class Estimate:
    """A figure with its interval.

    Attributes:
        value: The figure; None where it is not known.
        low, high: The ends of the interval; None where it is not known.
        problem: Why something is not known; None where everything is.
        error: The standard error of the value; None where the interval is not known.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None
    problem: str | None = None
    error: float | None = None


def rate(moments: Moments, level: int, column: int, confidence: float, signed: bool = False) -> Estimate:
    """An estimate N / D with its interval, such as the calibrated sCTR of a policy.

    By the delta method the variance of N / D is (C / (C - 1)) sum over clusters c of
    ((N_c - (N / D) D_c) / D)^2, with C the effective number of clusters (`effective_clusters`). If the
    variance of a cluster grows with its size, the sum of squares alone is too small by exactly the factor
    (C - 1) / C. The interval uses Student's t with C - 1 degrees of freedom. It is symmetric in log(N / D),
    or in N / D where terms may be negative.

    Args:
        moments: The moments of all clusters.
        level, column: The indices of the estimate on the axes L and P of the moments.
        confidence: The two-sided confidence level of the interval.
        signed: Whether terms of N may be negative (`importance_weights.SIGNED`).
    """
    numerator, denominator = moments.first[level, column]
    problem = _problem(numerator, denominator, 'the policy')
    if problem:
        return Estimate(0.0 if denominator > 0 else None, problem=problem)
    gradient = np.zeros_like(moments.first[level])
    gradient[column] = _gradient(numerator, denominator)
    return _estimate(numerator / denominator, moments, level, gradient, [column], confidence, signed)


def lift(
    moments: Moments, level: int, column: int, reference: int, confidence: float, signed: bool = False
) -> Estimate:
    """The lift over another policy on the same rows, (N/D) / (N'/D') - 1.

    The interval is computed as in `rate`. The relative error that a cluster adds to the ratio is
    N_c / N - D_c / D - N'_c / N' + D'_c / D', in which whatever the two policies have in common cancels.

    Args:
        moments: The moments of all clusters.
        level: The index of the level.
        column, reference: The indices of the policy and of the policy that it is compared with.
        confidence: The two-sided confidence level of the interval.
        signed: Whether terms of N or N' may be negative.
    """
    (numerator, denominator), (numerator_ref, denominator_ref) = moments.first[level, [column, reference]]
    problem = _problem(numerator_ref, denominator_ref, 'the policy compared with')
    if not problem and numerator_ref < 0:
        problem = 'the rate of the policy compared with is below zero'
    if problem:
        return Estimate(problem=problem)
    problem = _problem(numerator, denominator, 'the policy')
    if problem:
        return Estimate(-1.0 if denominator > 0 else None, problem=problem)
    reference_rate = numerator_ref / denominator_ref
    ratio = numerator / denominator / reference_rate
    gradient = np.zeros_like(moments.first[level])
    gradient[column] += _gradient(numerator, denominator) / reference_rate
    gradient[reference] -= _gradient(numerator_ref, denominator_ref) * ratio / reference_rate
    found = _estimate(ratio, moments, level, gradient, [column, reference], confidence, signed)
    return replace(found, value=_less_one(found.value), low=_less_one(found.low), high=_less_one(found.high))


def _problem(numerator: float, denominator: float, who: str) -> str | None:
    """Why a rate or its interval is not known; None where both are."""
    if not (math.isfinite(numerator) and math.isfinite(denominator)):
        return f'the sums of {who} are not finite'
    if denominator <= 0:
        return f'{who} never chose what was shown'
    return f'no click where {who} chose what was shown' if numerator == 0 else None


def _gradient(numerator: float, denominator: float) -> np.ndarray:
    """The gradient of N / D with respect to N and D."""
    return np.array([1 / denominator, -numerator / denominator**2])


def _estimate(
    ratio: float,
    moments: Moments,
    level: int,
    gradient: np.ndarray,
    columns: list[int],
    confidence: float,
    signed: bool,
) -> Estimate:
    ratio = float(ratio)
    clusters = moments.effective_clusters(level, columns)
    if clusters <= _ONE_CLUSTER:
        return Estimate(ratio, problem='all matches are in one cluster')
    error = math.sqrt(_quadratic(gradient.ravel(), moments.second[level]) * clusters / (clusters - 1))
    if error == 0 and math.isclose(ratio, 1) and len(columns) == 1:
        return Estimate(ratio, problem='nothing but clicks where the policy chose what was shown')
    reach = float(stdtrit(clusters - 1, (1 + confidence) / 2)) * error
    if not reach < (math.inf if signed else ratio * _WIDEST):
        return Estimate(ratio, problem='too few clusters for an interval')
    if signed:
        return Estimate(ratio, ratio - reach, ratio + reach, error=error)
    low, high = ratio * np.exp(np.array([-reach, reach]) / ratio)
    return Estimate(ratio, float(low), float(high), error=error)


def _quadratic(vector: np.ndarray, matrix: np.ndarray) -> float:
    """vector' matrix vector, for a positive semidefinite matrix; 0.0 where it is only rounding error."""
    value = vector @ matrix @ vector
    scale = np.abs(vector) @ np.abs(matrix) @ np.abs(vector)
    return float(value) if value > _ROUNDING * scale else 0.0


def _less_one(value: float | None) -> float | None:
    return None if value is None else value - 1
