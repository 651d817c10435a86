"""The sums of all estimators side by side: the terms of a row, and the sums over all clusters."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np

from components.sctr_evaluator.estimators.bootstrap import Replicates
from components.sctr_evaluator.estimators.cluster_sums import ClusterSums
from components.sctr_evaluator.estimators.importance_weights import (
    importance,
    replay_importance,
    slate_importance,
)
from components.sctr_evaluator.estimators.ratio_estimates import Moments
from components.sctr_evaluator.rows.policy_predictions import PolicyRows

# The columns of each numerator and denominator; estimators share columns. None stands for the weight.
_OF_COMPONENT = {'snips': (0, 1), 'ips': (0, None), 'dm': (2, None), 'dr': (3, None)}
_OF_COMBINATION = {'replay': (0, 1), 'pi': (2, None), 'dm': (3, None), 'dr': (4, None)}
_COMPONENT_COLUMNS, _COMBINATION_COLUMNS = 4, 5


class SumColumns(NamedTuple):
    """The positions of the sums of M components and P policies in a row of `width` numbers."""

    components: int
    policies: int

    @property
    def width(self) -> int:
        """The length of a row."""
        return self._combinations + _COMBINATION_COLUMNS * self.policies + 1

    @classmethod
    def of_width(cls, width: int, policies: int) -> Self:
        """The columns of rows that have the given width."""
        whole = _COMBINATION_COLUMNS * policies + 1
        return cls((width - whole) // (_COMPONENT_COLUMNS * policies + 1), policies)

    def by_component(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The components' part of rows [R, width], as views: columns [R, M, 4, P] and the weight [R, M]."""
        end = self.components * _COMPONENT_COLUMNS * self.policies
        columns = rows[:, :end].reshape(len(rows), self.components, _COMPONENT_COLUMNS, self.policies)
        return columns, rows[:, end : self._combinations]

    def by_combination(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The combinations' part of rows [R, width], as views: columns [R, 1, 5, P] and the weight [R, 1]."""
        columns = rows[:, self._combinations : -1]
        return columns.reshape(len(rows), 1, _COMBINATION_COLUMNS, self.policies), rows[:, -1:]

    def component_ratios(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Each estimator's numerator and denominator, [R, M + 1, P, 2]; the last level pools components."""
        columns, weight = self.by_component(rows)
        pooled = np.concatenate([columns, columns.sum(1, keepdims=True)], 1)
        return _ratios(_OF_COMPONENT, pooled, np.concatenate([weight, weight.sum(1, keepdims=True)], 1))

    def combination_ratios(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Each estimator's numerator and denominator, [R, 1, P, 2]."""
        return _ratios(_OF_COMBINATION, *self.by_combination(rows))

    @property
    def _combinations(self) -> int:
        return self.components * (_COMPONENT_COLUMNS * self.policies + 1)


def _ratios(
    places: dict[str, tuple[int, int | None]], columns: np.ndarray, weight: np.ndarray
) -> dict[str, np.ndarray]:
    weights = np.broadcast_to(weight[..., None], columns[:, :, 0].shape)
    return {
        estimator: np.stack([columns[:, :, top], weights if bottom is None else columns[:, :, bottom]], -1)
        for estimator, (top, bottom) in places.items()
    }


def row_terms(
    policies: PolicyRows,
    click: np.ndarray,
    weight: np.ndarray,
    propensity: np.ndarray,
    present: np.ndarray,
    is_counted: np.ndarray,
) -> np.ndarray:
    """The terms that rows add to the sums.

    The formulas and their sources are in `estimators.importance_weights`.

    Args:
        policies: The predictions for the R rows.
        click, weight: The clicks and the weights of the rows, float64 [R].
        propensity: The propensity of the shown element, float64 [R, M].
        present: Whether the component has candidates, bool [R, M].
        is_counted: Whether the component has enough candidates to count, bool [R, M].

    Returns:
        The terms, float64 [R, width], in the order of `SumColumns`.
    """
    layout = SumColumns(*policies.match.shape[1:])
    terms = np.empty((len(click), layout.width))
    columns, weights = layout.by_component(terms)
    weights[:] = np.where(is_counted, weight[:, None], 0.0)
    w = importance(policies.match, propensity[..., None])
    residual = click[:, None, None] - policies.predicted
    np.multiply(weights[..., None], w, out=columns[:, :, 1])
    np.multiply(columns[:, :, 1], click[:, None, None], out=columns[:, :, 0])
    np.multiply(weights[..., None], policies.expected, out=columns[:, :, 2])
    np.add(columns[:, :, 1] * residual, columns[:, :, 2], out=columns[:, :, 3])
    _whole(policies, click, weight, propensity, present, *layout.by_combination(terms))
    return terms


def _whole(
    policies: PolicyRows,
    click: np.ndarray,
    weight: np.ndarray,
    propensity: np.ndarray,
    present: np.ndarray,
    columns: np.ndarray,
    weights: np.ndarray,
) -> None:
    replay = replay_importance(policies.match, propensity, present)
    slate = slate_importance(policies.match, propensity, present)
    v, y = weight[:, None], click[:, None]
    weights[:] = v
    columns[:, 0, 0] = v * replay * y
    columns[:, 0, 1] = v * replay
    columns[:, 0, 2] = v * slate * y
    columns[:, 0, 3] = v * policies.combination
    columns[:, 0, 4] = v * (policies.combination + slate * (y - policies.shown))


@dataclass(frozen=True)
class Sums:
    """The sums over all clusters; mergeable over clusters.

    Attributes:
        components: The moments of each of `importance_weights.COMPONENT_ESTIMATORS`. Their levels are the
            components and, last, all components pooled.
        combinations: The moments of each of `importance_weights.COMBINATION_ESTIMATORS`, with one level.
        replicates: The bootstrap replicates, float64 [B, width]; None where there is no bootstrap.
        policies: The number of policies, P.
    """

    components: dict[str, Moments]
    combinations: dict[str, Moments]
    replicates: Replicates | None
    policies: int

    @classmethod
    def of(cls, table: ClusterSums, policies: int, replicates: int) -> Self:
        """Sums a table of whole clusters.

        Args:
            table: The sums of `row_terms` per cluster, float64 [C, width].
            policies: The number of policies, P.
            replicates: The number of bootstrap replicates; 0 for no bootstrap.
        """
        layout = SumColumns.of_width(table.sums.shape[1], policies)
        drawn = Replicates.of(table, replicates) if replicates else None
        return cls(
            _moments(table.keys, layout.component_ratios(table.sums)),
            _moments(table.keys, layout.combination_ratios(table.sums)),
            drawn,
            policies,
        )

    @classmethod
    def none(cls, components: int, policies: int) -> Self:
        """The sums of a single cluster in which nothing counts."""
        width = SumColumns(components, policies).width
        return cls.of(ClusterSums(np.zeros(1, np.int64), np.zeros((1, width))), policies, 0)

    @classmethod
    def merged(cls, parts: Iterable[Self]) -> Self:
        """The sums of one or more groups of clusters; no cluster may be in two groups."""
        parts = list(parts)
        replicates = [part.replicates for part in parts if part.replicates is not None]
        return cls(
            _merged([part.components for part in parts]),
            _merged([part.combinations for part in parts]),
            Replicates.merged(replicates) if replicates else None,
            parts[0].policies,
        )

    def component_replicates(self) -> dict[str, Replicates]:
        """The replicates of the components' estimators; empty where there is no bootstrap."""
        return self._replicates_of(SumColumns.component_ratios)

    def combination_replicates(self) -> dict[str, Replicates]:
        """The replicates of the combinations' estimators; empty where there is no bootstrap."""
        return self._replicates_of(SumColumns.combination_ratios)

    def _replicates_of(self, ratios) -> dict[str, Replicates]:
        if self.replicates is None:
            return {}
        layout = SumColumns.of_width(self.replicates.sums.shape[1], self.policies)
        return {name: Replicates(sums) for name, sums in ratios(layout, self.replicates.sums).items()}


def _moments(keys: np.ndarray, ratios: dict[str, np.ndarray]) -> dict[str, Moments]:
    return {name: Moments.of(ClusterSums(keys, sums)) for name, sums in ratios.items()}


def _merged(parts: list[dict[str, Moments]]) -> dict[str, Moments]:
    return {name: Moments.merged(part[name] for part in parts) for name in parts[0]}
