"""Poisson bootstrap of ratios of sums, resampled by cluster; mergeable, pure numpy."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, reduce
from typing import Self

import numpy as np
from scipy.special import ndtr, pdtr, stdtrit

from components.sctr_evaluator.estimators.cluster_sums import ClusterSums
from components.sctr_evaluator.estimators.ratio_estimates import DENOMINATOR, NUMERATOR, Estimate, product
from creative_logs.counter_rng import Draws

_SEED = 20_110_922
_BITS = 16
_PER_HASH = 64 // _BITS
# Bounds the memory of the weights, float64 [replicates, clusters].
_CHUNK = 4096


@dataclass(frozen=True)
class Replicates:
    """Sums over clusters, in which each replicate takes each cluster Poisson(1) times.

    How often a replicate takes a cluster is a pure function of the cluster's key and the replicate's number.
    The merged sums are therefore the same for every partition of the rows, even one that splits clusters.

    Attributes:
        sums: B replicates of a sum over clusters, float64 [B, ...]; for ratios the last axis holds the
            numerator and the denominator.
    """

    sums: np.ndarray

    @classmethod
    def of(cls, table: ClusterSums, replicates: int) -> Self:
        """Sums a table of clusters, float64 [C, ...], as the matrix product [B, C] x [C, ...]."""
        flat = table.sums.reshape(len(table.keys), -1)
        total = np.zeros((replicates, flat.shape[1]))
        for start in range(0, len(flat), _CHUNK):
            chunk = slice(start, start + _CHUNK)
            total += product(poisson_weights(table.keys[chunk], replicates), flat[chunk])
        return cls(total.reshape(replicates, *table.sums.shape[1:]))

    @classmethod
    def merged(cls, parts: Iterable[Self]) -> Self:
        """The sums of one or more parts together."""
        return cls(reduce(np.add, [part.sums for part in parts]))

    def ratios(self, level: int, column: int) -> np.ndarray:
        """The ratio N / D of each replicate, float64 [B]; NaN where D is not above zero."""
        chosen = self.sums[:, level, column]
        numerator, denominator = chosen[:, NUMERATOR], chosen[:, DENOMINATOR]
        return np.divide(numerator, denominator, np.full(len(self.sums), np.nan), where=denominator > 0)


def bootstrap_rate(
    replicates: Replicates, estimate: Estimate, level: int, column: int, clusters: float, confidence: float
) -> Estimate:
    """A rate with the bootstrap interval from its replicates.

    Args:
        replicates: The replicates of the sums that the estimate comes from.
        estimate: The rate by `ratio_estimates.rate`; its value is kept.
        level, column: The indices of the rate on the axes of the sums.
        clusters: The effective number of clusters, see `ratio_estimates.Moments.effective_clusters`.
        confidence: The two-sided confidence level of the interval.
    """
    return _with_interval(estimate, replicates.ratios(level, column), clusters, confidence)


def bootstrap_lift(
    replicates: Replicates,
    estimate: Estimate,
    level: int,
    column: int,
    reference: int,
    clusters: float,
    confidence: float,
) -> Estimate:
    """A lift with the bootstrap interval from its replicates, in which both policies share the draws.

    Args:
        replicates: The replicates of the sums that the estimate comes from.
        estimate: The lift by `ratio_estimates.lift`; its value is kept.
        level, column, reference: The indices of the two policies on the axes of the sums.
        clusters, confidence: As in `bootstrap_rate`.
    """
    of_reference = replicates.ratios(level, reference)
    known = np.where(of_reference > 0, of_reference, np.nan)
    return _with_interval(estimate, replicates.ratios(level, column) / known - 1, clusters, confidence)


def poisson_weights(keys: np.ndarray, replicates: int) -> np.ndarray:
    """How often each replicate takes each cluster, float64 [B, C], a pure function of key and replicate.

    Args:
        keys: The hashes of the clusters, int64 [C].
        replicates: The number of replicates, B.
    """
    hashes = -(-replicates // _PER_HASH)
    bits = Draws(_SEED).bits('bootstrap', keys[:, None], np.arange(hashes))
    parts = np.ascontiguousarray(bits).view(np.uint16)[:, :replicates]
    return _poisson_table()[parts].T


@cache
def _poisson_table() -> np.ndarray:
    """The inverse of the Poisson(1) distribution function at 2^16 equally spaced probabilities, float64."""
    probability = (np.arange(1 << _BITS) + 0.5) / (1 << _BITS)
    return np.searchsorted(pdtr(np.arange(12), 1.0), probability).astype(np.float64)


def _with_interval(estimate: Estimate, drawn: np.ndarray, clusters: float, confidence: float) -> Estimate:
    """The expanded percentile interval, whose quantiles allow for a small number of clusters C.

    With few clusters the plain percentile interval is too narrow, by the factor sqrt((C - 1) / C) and because
    it corresponds to a normal quantile where Student's t is due (Hesterberg 2015, "What teachers should know
    about the bootstrap").
    """
    if estimate.problem is not None:
        return Estimate(estimate.value, problem=estimate.problem)
    undefined = int(np.isnan(drawn).sum())
    if undefined:
        return Estimate(
            estimate.value, problem=f'not defined in {undefined} of {len(drawn)} bootstrap replicates'
        )
    reach = stdtrit(clusters - 1, (1 + confidence) / 2) * np.sqrt(clusters / (clusters - 1))
    tail = float(ndtr(-reach))
    if tail * (len(drawn) + 1) < 1:
        return Estimate(estimate.value, problem='too few bootstrap replicates for so few clusters')
    low, high = np.quantile(drawn, [tail, 1 - tail], method='weibull')
    return Estimate(estimate.value, float(low), float(high), error=float(drawn.std(ddof=1)))
