"""How much a log can tell: effective sample size, and the rows needed to resolve a lift."""

import math

from scipy.special import ndtri

from components.sctr_evaluator.estimators.ratio_estimates import Estimate


def effective_sample_size(total: float, squares: float) -> float:
    """Impressions of equal weight that would be as informative, (sum v w)^2 / sum(v w^2) (Kish 1965).

    Args:
        total: sum over rows of v w, weight times importance weight.
        squares: sum over rows of v w^2.

    Returns:
        The size; 0.0 where no row has a weight.
    """
    return total**2 / squares if squares > 0 else 0.0


def rows_needed(
    estimate: Estimate, rows: float, lift: float, confidence: float, power: float
) -> float | None:
    """Rows of the same kind from which a true lift would be found.

    A lift d is found with probability `power` where its interval lies above (below, if d < 0) zero:
    |log(1 + d)| = (z_(1 + confidence) / 2 + z_power) s sqrt(rows / needed), s being the standard error of
    log(1 + lift) on the present rows. So

        needed = rows ((z_(1 + confidence) / 2 + z_power) s / log(1 + d))^2.

    Args:
        estimate: a lift measured on `rows` rows.
        rows: number of them, or of impressions, or of days: the unit of the answer.
        lift: d, above -1, not 0; 0.01 is 1 %.
        confidence, power: 0.95 and 0.8, say.

    Returns:
        The number, not rounded; None where the estimate has no standard error.
    """
    if estimate.error is None or estimate.value is None or estimate.value <= -1:
        return None
    log_error = estimate.error / (1 + estimate.value)
    reach = ndtri((1 + confidence) / 2) + ndtri(power)
    return float(rows * (reach * log_error / math.log1p(lift)) ** 2)
