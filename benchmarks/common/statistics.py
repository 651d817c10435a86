"""Intervals of what was measured several times, and of what rests on a sample of clusters."""

from typing import NamedTuple

import numpy as np
from scipy.special import stdtr, stdtrit

CONFIDENCE = 0.95
_REPLICATES = 2000


class Interval(NamedTuple):
    """A figure with the bounds of its two-sided interval; NaN where it is not known."""

    value: float
    low: float
    high: float


class Difference(NamedTuple):
    """A mean difference with its interval, and the two-sided p-value of there being none."""

    value: float
    low: float
    high: float
    p: float


def mean_interval(values: np.ndarray) -> Interval:
    """Mean of independent repetitions, float64 [R], with Student's t interval; no bounds where R is 1."""
    mean, error = _mean_and_error(values)
    reach = stdtrit(len(values) - 1, (1 + CONFIDENCE) / 2) * error
    return Interval(mean, float(mean - reach), float(mean + reach))


def paired_difference(values: np.ndarray, reference: np.ndarray) -> Difference:
    """Mean of `values - reference` over repetitions, float64 [R] each, by the paired t test.

    The interval and p speak of other repetitions of the same kind: of other splits of the same log
    where splits are repeated, not of other ads.
    """
    differences = np.asarray(values) - np.asarray(reference)
    interval = mean_interval(differences)
    mean, error = _mean_and_error(differences)
    if error == 0:
        return Difference(*interval, p=float(mean == 0))
    return Difference(*interval, p=float(2 * stdtr(len(differences) - 1, -abs(mean / error))))


def bootstrap_lifts(numerators: np.ndarray, denominator: np.ndarray, seed: int = 1) -> np.ndarray:
    """Lifts sum(numerator) / sum(denominator) - 1 of resampled clusters (tests, ads).

    The same clusters are drawn for every policy, so differences of rows are paired.

    Args:
        numerators: float64 [P, C], of P policies.
        denominator: float64 [C].
        seed: of the draws.

    Returns:
        float64 [P, 2000].
    """
    clusters = len(denominator)
    rng = np.random.default_rng(seed)
    lifts = np.empty([len(numerators), _REPLICATES])
    for replicate in range(_REPLICATES):
        drawn = np.bincount(rng.integers(clusters, size=clusters), minlength=clusters)
        lifts[:, replicate] = numerators @ drawn / (denominator @ drawn) - 1
    return lifts


def percentile_interval(value: float, replicates: np.ndarray) -> Interval:
    """A figure with the interval of its bootstrap replicates."""
    low, high = np.quantile(replicates, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Interval(float(value), float(low), float(high))


def _mean_and_error(values: np.ndarray) -> tuple[float, float]:
    error = np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    return float(np.mean(values)), float(error)
