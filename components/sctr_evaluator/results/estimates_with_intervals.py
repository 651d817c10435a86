"""Estimates of rates and lifts, computed from moments and bootstrap replicates, ready for JSON."""

from collections.abc import Mapping
from dataclasses import asdict

from components.sctr_evaluator.estimators.bootstrap import Replicates, bootstrap_lift, bootstrap_rate
from components.sctr_evaluator.estimators.importance_weights import SIGNED
from components.sctr_evaluator.estimators.ratio_estimates import Estimate, Moments, lift, rate


class Figures:
    """Estimates by estimator, level and policy, each with its delta-method and its bootstrap interval.

    Args:
        moments: The {estimator: moments}.
        replicates: The {estimator: bootstrap replicates of the same sums}; empty if there is no bootstrap.
        confidence: The two-sided confidence level of the intervals.
    """

    def __init__(
        self, moments: Mapping[str, Moments], replicates: Mapping[str, Replicates], confidence: float
    ):
        self._moments, self._replicates, self._confidence = moments, replicates, confidence

    def rate(self, estimator: str, level: int, column: int) -> dict:
        """The rate of a policy: {value, low, high, problem, error, bootstrap}."""
        estimate = rate(self._moments[estimator], level, column, self._confidence, signed=estimator in SIGNED)
        return self._with_bootstrap(bootstrap_rate, estimate, estimator, level, column)

    def lift(self, estimator: str, level: int, column: int, reference: int | None) -> dict | None:
        """The lift of a policy over another; None if there is no other policy to compare with."""
        if reference is None or reference == column:
            return None
        estimate = self.lift_estimate(estimator, level, column, reference)
        return self._with_bootstrap(bootstrap_lift, estimate, estimator, level, column, reference)

    def lift_estimate(self, estimator: str, level: int, column: int, reference: int) -> Estimate:
        """The lift with its delta-method interval only."""
        signed = estimator in SIGNED
        return lift(self._moments[estimator], level, column, reference, self._confidence, signed)

    def rates(self, estimator: str, level: int, column: int, uniform: int, serving: int | None) -> dict:
        """The rate of a policy and its lifts over the uniform and the serving policy."""
        return {
            'rate': self.rate(estimator, level, column),
            'lift_over_uniform': self.lift(estimator, level, column, uniform),
            'lift_over_serving': self.lift(estimator, level, column, serving),
        }

    def _with_bootstrap(
        self, bootstrap, estimate: Estimate, estimator: str, level: int, *columns: int
    ) -> dict:
        return asdict(estimate) | {
            'bootstrap': self._bootstrap(bootstrap, estimate, estimator, level, *columns)
        }

    def _bootstrap(
        self, bootstrap, estimate: Estimate, estimator: str, level: int, *columns: int
    ) -> dict | None:
        if estimator not in self._replicates:
            return None
        drawn = estimate
        if estimate.problem is None:
            clusters = self._moments[estimator].effective_clusters(level, columns)
            replicates = self._replicates[estimator]
            drawn = bootstrap(replicates, estimate, level, *columns, clusters, self._confidence)
        return {name: getattr(drawn, name) for name in ('low', 'high', 'problem', 'error')}
