"""Intervals over repeated measurements and over samples of clusters."""

from typing import NamedTuple

import numpy as np
from scipy.special import stdtr, stdtrit

CONFIDENCE = 0.95
_REPLICATES = 2000


class Interval(NamedTuple):
    """A figure with the bounds of its two-sided interval; unknown values are NaN."""

    value: float
    low: float
    high: float


class Difference(NamedTuple):
    """A mean difference with its interval, and the two-sided p-value of no difference."""

    value: float
    low: float
    high: float
    p: float


def mean_interval(values: np.ndarray) -> Interval:
    """Mean of R independent repetitions, float64 [R], with Student's t interval; bounds are NaN if R is 1."""
    mean, error = _mean_and_error(values)
    reach = stdtrit(len(values) - 1, (1 + CONFIDENCE) / 2) * error
    return Interval(mean, float(mean - reach), float(mean + reach))


def paired_difference(values: np.ndarray, reference: np.ndarray) -> Difference:
    """Mean of `values - reference` over repetitions, float64 [R] each, with the paired t test.

    The interval and p refer to further repetitions of the same kind. If splits of one log are repeated, they
    refer to other splits of this log, not to other ads.
    """
    differences = np.asarray(values) - np.asarray(reference)
    interval = mean_interval(differences)
    mean, error = _mean_and_error(differences)
    if error == 0:
        return Difference(*interval, p=float(mean == 0))
    return Difference(*interval, p=float(2 * stdtr(len(differences) - 1, -abs(mean / error))))


def bootstrap_lifts(numerators: np.ndarray, denominator: np.ndarray, seed: int = 1) -> np.ndarray:
    """Lifts sum(numerator) / sum(denominator) - 1 over resampled clusters, such as tests or ads.

    The same clusters are drawn for every policy, so that differences between rows are paired.

    Args:
        numerators: The numerators of P policies in C clusters, float64 [P, C].
        denominator: The denominators, float64 [C].
        seed: The seed of the draws.

    Returns:
        The lifts of each policy in 2,000 replicates, float64 [P, 2000].
    """
    clusters = len(denominator)
    rng = np.random.default_rng(seed)
    lifts = np.empty([len(numerators), _REPLICATES])
    for replicate in range(_REPLICATES):
        drawn = np.bincount(rng.integers(clusters, size=clusters), minlength=clusters)
        lifts[:, replicate] = numerators @ drawn / (denominator @ drawn) - 1
    return lifts


def percentile_interval(value: float, replicates: np.ndarray) -> Interval:
    """A figure with the percentile interval of its bootstrap replicates."""
    low, high = np.quantile(replicates, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Interval(float(value), float(low), float(high))


def _mean_and_error(values: np.ndarray) -> tuple[float, float]:
    error = np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    return float(np.mean(values)), float(error)
