"""Whether a log was drawn with the propensities it claims: a sample-ratio test per ad and component.

Every off-policy figure depends on it. If rows of a production policy get into the test split, the elements
that it prefers are shown more often than their propensities say, and all figures are wrong without any other
sign.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from scipy.special import chdtrc

from components.sctr_evaluator.estimators.cluster_sums import ClusterSums

# The share of sound logs that are called suspicious nevertheless.
SIGNIFICANCE = 0.001
# The number of columns after the residuals.
_EXTRA = 4
_ROUNDING = 1e-5


def residuals(
    shown: np.ndarray, candidate_count: np.ndarray, propensity: np.ndarray, weight: np.ndarray, places: int
) -> np.ndarray:
    """The terms that rows add to the test, which `cluster_sums.ClusterSums.of` sums per ad.

    For a row with n candidates and the propensity p of what was shown, candidate k has the residual
    r_k = [k shown] / (n p) - 1 / n, whose mean is zero if p is right. In a uniform log n p = 1. Where the
    candidate lists of an ad differ from row to row, k is the position in the list.

    Args:
        shown: The index of the shown element, int64 [R, M]; negative where the component is absent.
        candidate_count: The number of candidates, int64 [R, M].
        propensity: The propensity of the shown element, above 0, float64 [R, M].
        weight: The weight of the row, float64 [R]; a row of weight v counts as v impressions.
        places: The largest number of candidates, N; a component with more is left out in that row.

    Returns:
        float64 [R, M, N + 4]: v r_k for each k; v x sum over k of r_k^2; v (n - 1) / n, to which the previous
        column is equal in a uniform log; v (n - 1); v. All are zero for a component with fewer than two
        candidates, which leave no choice.
    """
    counts = (candidate_count >= 2) & (candidate_count <= places) & (shown >= 0)
    n = np.maximum(candidate_count, 1)
    place = np.arange(places)
    inverse = 1.0 / (n * propensity)
    observed = np.where(place == shown[..., None], inverse[..., None], 0.0)
    residual = observed - (place < n[..., None]) / n[..., None]
    square = np.square(residual).sum(2)
    extra = np.stack([square, 1.0 - 1.0 / n, n - 1.0, np.ones_like(square)], 2)
    rows = np.concatenate([residual, extra], 2)
    return rows * np.where(counts, weight[:, None], 0.0)[..., None]


class ComponentCheck(NamedTuple):
    """The test of one component.

    Attributes:
        p_value: The probability of a deviation at least this large in a log with the claimed propensities;
            None where no ad with a choice was shown twice.
        deviation: The root mean square over candidates of (how often shown) / (how often claimed) - 1, less
            what chance explains; 0.1 means that elements were shown a tenth more or less often than claimed.
            None where the p-value is None.
        ads: The number of ads with at least two impressions that count.
    """

    p_value: float | None
    deviation: float | None
    ads: int


@dataclass(frozen=True)
class Uniformity:
    """Sums of the chi-square statistics of ads, [M] each, mergeable over ads.

    The statistic of an ad is X^2 = f sum over k of S_k^2 / E. S_k is the sum of r_k over its R impressions, E
    the sum of (n - 1) / n, and f the mean of n - 1. In a uniform log with a constant number of candidates
    this is Pearson's statistic, the sum of (observed - expected)^2 / expected. Its mean is f Q / E for any
    propensities and any R, with Q the sum of r_k^2; in a uniform log it is f.

    Attributes:
        statistic: The sum over ads of X^2.
        mean: The sum over ads of f Q / E.
        spread: Half the variance of the statistic: the sum of f (1 - 1/R) over ads with uniform propensities,
            and of (X^2 - f Q / E)^2 / 2 over the other ads, whose variance is not known.
        impressions: The sum of R.
        ads: The number of ads with at least two impressions.
    """

    statistic: np.ndarray
    mean: np.ndarray
    spread: np.ndarray
    impressions: np.ndarray
    ads: np.ndarray

    @classmethod
    def of(cls, table: ClusterSums) -> Self:
        """The statistics of whole ads, from the sums of `residuals` per ad, float64 [C, M, N + 4]."""
        square, expected, freedom, weight = np.moveaxis(table.sums[..., -_EXTRA:], -1, 0)
        counts = weight > 1
        r, e = np.where(counts, weight, 1.0), np.where(counts, expected, 1.0)
        f = np.where(counts, freedom / r, 0.0)
        statistic = f * np.square(table.sums[..., :-_EXTRA]).sum(2) / e
        mean = f * square / e
        uniform = np.abs(square - expected) < _ROUNDING * expected
        spread = np.where(uniform, f * (1 - 1 / r), np.square(statistic - mean) / 2)
        parts = (statistic, mean, spread, np.where(counts, weight, 0.0), counts)
        return cls(*(part.sum(0) for part in parts))

    @classmethod
    def merged(cls, parts: Iterable[Self]) -> Self:
        """The sums of one or more groups of ads; no ad may be in two groups."""
        parts = list(parts)
        names = ('statistic', 'mean', 'spread', 'impressions', 'ads')
        return cls(*(sum(getattr(part, name) for part in parts) for name in names))

    def checks(self) -> list[ComponentCheck]:
        """The tests of the M components.

        The statistics of the ads are added up, since a sum of independent chi-square variables is again a
        chi-square variable. The scale and the degrees of freedom are chosen to match the mean and the
        variance of the sum (Satterthwaite 1946), which differ from those of a chi-square variable where ads
        have few impressions or propensities are not uniform.
        """
        return [self._check(j) for j in range(len(self.ads))]

    def verdict(self, components: Iterable[str]) -> str:
        """A sentence that says whether the log is what it claims.

        Args:
            components: The names of the components, in the order of the axis M.
        """
        checks = self.checks()
        p_values = [check.p_value for check in checks if check.p_value is not None]
        if not p_values:
            return 'whether the log is what it claims cannot be told: no ad was shown twice with a choice'
        suspicious = self.suspicious()
        if not suspicious:
            return (
                'no sign that elements were shown more or less often than their propensities say (smallest p '
                f'{min(p_values):.2g} of {len(p_values)} components)'
            )
        names = list(components)
        deviations = [(names[j], checks[j].deviation or 0.0) for j in suspicious]
        shares = ', '.join(f'{name} by {deviation * 100:.1f} %' for name, deviation in deviations)
        return (
            'THE LOG IS NOT WHAT IT CLAIMS: elements were shown more or less often than their propensities '
            f'say ({shares}, root mean square); no figure that rests on it can be trusted'
        )

    def suspicious(self) -> list[int]:
        """The components whose test fails at `SIGNIFICANCE` for all of them together (Bonferroni)."""
        p_values = [check.p_value for check in self.checks()]
        known = sum(p_value is not None for p_value in p_values)
        return [j for j, p in enumerate(p_values) if p is not None and p < SIGNIFICANCE / known]

    def _check(self, j: int) -> ComponentCheck:
        if self.spread[j] <= 0:
            return ComponentCheck(None, None, int(self.ads[j]))
        scale = self.spread[j] / self.mean[j]
        p_value = chdtrc(self.mean[j] / scale, self.statistic[j] / scale)
        excess = max(self.statistic[j] - self.mean[j], 0.0) / self.impressions[j]
        return ComponentCheck(float(p_value), float(np.sqrt(excess)), int(self.ads[j]))
