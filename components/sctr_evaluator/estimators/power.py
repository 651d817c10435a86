"""How much a log can tell: its effective sample size, and the number of rows needed to detect a lift."""

import math

from scipy.special import ndtri

from components.sctr_evaluator.estimators.ratio_estimates import Estimate


def effective_sample_size(total: float, squares: float) -> float:
    """The number of impressions of equal weight that would be as informative (Kish 1965).

    It is (sum v w)^2 / sum(v w^2), with v the weight of a row and w its importance weight.

    Args:
        total: The sum over rows of v w.
        squares: The sum over rows of v w^2.

    Returns:
        The effective sample size; 0.0 where no row has a weight.
    """
    return total**2 / squares if squares > 0 else 0.0


def rows_needed(
    estimate: Estimate, rows: float, lift: float, confidence: float, power: float
) -> float | None:
    """The number of rows of the same kind that are needed to detect a true lift.

    A lift d is detected when its interval lies above zero (below zero if d < 0). This has the probability
    `power` when |log(1 + d)| = (z_(1 + confidence) / 2 + z_power) s sqrt(rows / needed), with s the standard
    error of log(1 + lift) on the rows at hand. So

        needed = rows ((z_(1 + confidence) / 2 + z_power) s / log(1 + d))^2.

    Args:
        estimate: A lift measured on `rows` rows.
        rows: The number of rows, of impressions or of days; the answer is in the same unit.
        lift: The true lift d, above -1 and not 0; 0.01 is 1 %.
        confidence: The two-sided confidence level of the interval, for example 0.95.
        power: The probability of detecting the lift, for example 0.8.

    Returns:
        The number, not rounded; None where the estimate has no standard error.
    """
    if estimate.error is None or estimate.value is None or estimate.value <= -1:
        return None
    log_error = estimate.error / (1 + estimate.value)
    reach = ndtri((1 + confidence) / 2) + ndtri(power)
    return float(rows * (reach * log_error / math.log1p(lift)) ** 2)
