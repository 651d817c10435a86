"""Estimates of rates and lifts from moments and replicates, ready for JSON."""

from collections.abc import Mapping
from dataclasses import asdict

from components.sctr_evaluator.estimators.bootstrap import Replicates, bootstrap_lift, bootstrap_rate
from components.sctr_evaluator.estimators.importance_weights import SIGNED
from components.sctr_evaluator.estimators.ratio_estimates import Estimate, Moments, lift, rate


class Figures:
    """Estimates by estimator, level and policy, each with the interval of the bootstrap beside its own.

    Args:
        moments: {estimator: moments}.
        replicates: {estimator: replicates of the same sums}; empty where there is no bootstrap.
        confidence: of the intervals, two-sided.
    """

    def __init__(
        self, moments: Mapping[str, Moments], replicates: Mapping[str, Replicates], confidence: float
    ):
        self._moments, self._replicates, self._confidence = moments, replicates, confidence

    def rate(self, estimator: str, level: int, column: int) -> dict:
        """A policy's rate, {value, low, high, problem, error, bootstrap}."""
        estimate = rate(self._moments[estimator], level, column, self._confidence, signed=estimator in SIGNED)
        return self._with_bootstrap(bootstrap_rate, estimate, estimator, level, column)

    def lift(self, estimator: str, level: int, column: int, reference: int | None) -> dict | None:
        """A policy's lift over another; None where there is none to compare with."""
        if reference is None or reference == column:
            return None
        estimate = self.lift_estimate(estimator, level, column, reference)
        return self._with_bootstrap(bootstrap_lift, estimate, estimator, level, column, reference)

    def lift_estimate(self, estimator: str, level: int, column: int, reference: int) -> Estimate:
        """The lift with the interval of the delta method alone."""
        signed = estimator in SIGNED
        return lift(self._moments[estimator], level, column, reference, self._confidence, signed)

    def rates(self, estimator: str, level: int, column: int, uniform: int, serving: int | None) -> dict:
        """The rate and the lifts over the uniform and over the serving policy."""
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
