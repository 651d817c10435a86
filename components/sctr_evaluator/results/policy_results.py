"""The figures of policies for each component, for all components pooled, and for whole combinations."""

from collections.abc import Sequence

import numpy as np

from components.sctr_evaluator.config import EvaluationConfig
from components.sctr_evaluator.estimators.importance_weights import (
    COMBINATION_ESTIMATORS,
    COMPONENT_ESTIMATORS,
)
from components.sctr_evaluator.estimators.power import effective_sample_size, rows_needed
from components.sctr_evaluator.estimators.ratio_estimates import DENOMINATOR, Estimate
from components.sctr_evaluator.policies import OVERALL, UNIFORM_INDEX
from components.sctr_evaluator.results.estimates_with_intervals import Figures
from components.sctr_evaluator.sums.estimator_sums import Sums

_POWER = 0.8


class LevelFigures:
    """The figures of P policies at L levels; the first policy is the uniform one.

    Args:
        sums: The sums over all clusters.
        counted: The rows that counted and their weight, float64 [L, 2]; see `row_totals.Totals`.
        matched: The weights of the matches, float64 [L, P, 2]; see `row_totals.Totals`.
        components: The names of the M components; the L = M + 1 levels are these and 'overall'.
        config: The configuration of the evaluation.
        modelled: Whether the sums include a model's predictions; if not, there is no `dm` and no `dr`.
    """

    def __init__(
        self,
        sums: Sums,
        counted: np.ndarray,
        matched: np.ndarray,
        components: Sequence[str],
        config: EvaluationConfig,
        modelled: bool = True,
    ):
        self._counted, self._matched, self._config = counted, matched, config
        self._moments = sums.components['snips']
        self._components = Figures(sums.components, sums.component_replicates(), config.confidence)
        self._combinations = Figures(sums.combinations, sums.combination_replicates(), config.confidence)
        self._of_component = COMPONENT_ESTIMATORS[1:] if modelled else ('ips',)
        self._of_combination = COMBINATION_ESTIMATORS if modelled else ('replay', 'pi')
        self.levels = (*components, OVERALL)

    def of_policy(self, policy: int, serving: int | None = None) -> dict[str, dict]:
        """{level: figures} of a policy, compared with uniform and, if given, with the policy `serving`."""
        return {name: self._at(level, policy, serving) for level, name in enumerate(self.levels)}

    def of_combinations(self, policy: int, serving: int | None = None) -> dict[str, dict]:
        """{estimator: rates} of the whole combinations that a policy chooses."""
        return {
            estimator: self._combinations.rates(estimator, 0, policy, UNIFORM_INDEX, serving)
            for estimator in self._of_combination
        }

    def lifts(self, policy: int, reference: int) -> dict[str, Estimate]:
        """{level: lift of the sCTR} of `policy` over `reference`."""
        return {
            name: self._components.lift_estimate('snips', level, policy, reference)
            for level, name in enumerate(self.levels)
        }

    def effective_size(self, level: int, policy: int) -> float:
        """The effective sample size of the sCTR of a policy."""
        exposure = float(self._moments.first[level, policy, DENOMINATOR])
        return effective_sample_size(exposure, float(self._matched[level, policy, 1]))

    def _at(self, level: int, policy: int, serving: int | None) -> dict:
        rows, weight = self._counted[level].tolist()
        snips = self._components.rates('snips', level, policy, UNIFORM_INDEX, serving)
        return {
            'sctr': snips.pop('rate'),
            **snips,
            'estimators': {
                estimator: self._components.rates(estimator, level, policy, UNIFORM_INDEX, serving)
                for estimator in self._of_component
            },
            'rows': int(rows),
            'clusters': int(self._moments.clusters[level, policy]),
            'match_rate': float(self._matched[level, policy, 0]) / weight if weight else None,
            'effective_sample_size': self.effective_size(level, policy),
            'rows_needed': self._rows_needed(level, policy, weight),
        }

    def _rows_needed(self, level: int, policy: int, weight: float) -> float | None:
        if policy == UNIFORM_INDEX:
            return None
        estimate = self._components.lift_estimate('snips', level, policy, UNIFORM_INDEX)
        return rows_needed(estimate, weight, self._config.lift_to_find, self._config.confidence, _POWER)
