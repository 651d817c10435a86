"""Computes the figures of slices from their sums."""

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np

from components.sctr_evaluator.config import CANDIDATES, DAY, EvaluationConfig
from components.sctr_evaluator.estimators.cluster_sums import ClusterSums
from components.sctr_evaluator.estimators.power import effective_sample_size
from components.sctr_evaluator.estimators.ratio_estimates import DENOMINATOR, Moments
from components.sctr_evaluator.policies import UNIFORM_INDEX
from components.sctr_evaluator.results.estimates_with_intervals import Figures
from components.sctr_evaluator.sums.slice_sums import BRACKETS, SliceCounts, Value

# A slice has the uniform policy, the blessing policy and, if a model is serving, the same policy of that model.
_POLICY, _SERVING = 1, 2
# The number of columns after the ratios; see `batch_sums.slice_columns`.
_OTHERS = 4


class SliceSums(NamedTuple):
    """The sums of one slice; M components, L = M + 1 levels (the last pools all components), P policies.

    Attributes:
        moments: The moments of the numerators and denominators of sCTR.
        squares: The sum of weight x (m / propensity)^2, float64 [L].
        counted: The number of rows that counted, float64 [L].
        attention: The sums of attention weights and of weights, float64 [2, M]; see `row_totals.Totals`.
    """

    moments: Moments
    squares: np.ndarray
    counted: np.ndarray
    attention: np.ndarray

    @classmethod
    def of(cls, table: ClusterSums, policies: int) -> Self:
        """Builds the sums of a slice from whole clusters.

        Args:
            table: The sums by cluster, float64 [C, M x (2P + 4) + 1]; see `slice_sums.Slicer.flush`.
            policies: The number of policies P.
        """
        width = 2 * policies + _OTHERS
        columns = table.sums[:, :-1].reshape(len(table.keys), -1, width)
        pooled = np.concatenate([columns, columns.sum(1, keepdims=True)], 1)
        ratios = pooled[..., : 2 * policies].reshape(*pooled.shape[:2], policies, 2)
        squares, counted, attention, weight = pooled[..., 2 * policies :].sum(0).T
        return cls(
            Moments.of(ClusterSums(table.keys, ratios)),
            squares,
            counted,
            np.stack([attention[:-1], weight[:-1]]),
        )


def slice_figures(
    counts: dict[Value, SliceCounts],
    sums: Sequence[tuple[tuple[Value, Value], SliceSums]],
    levels: Sequence[str],
    config: EvaluationConfig,
) -> list[dict]:
    """Computes the figures of every slicing; see `results.evaluation.evaluate`.

    Args:
        counts: The number of rows by slicing and value.
        sums: Pairs of (slicing, value) and the sums of that slice.
        levels: The names of the components, followed by 'overall'.
        config: The configuration of the evaluation.
    """
    found = dict(sums)
    return [_slicing(by, counts[by], found, levels, config) for by in config.slices if by in counts]


def attention_of(sums: np.ndarray, components: Sequence[str]) -> dict[str, float | None]:
    """Computes the mean attention weight w_ij (eq. 17) of the shown element, by component.

    Args:
        sums: The sums of attention weights and of weights, float64 [2, M]; see `row_totals.Totals`.
        components: The names of the M components.
    """
    return {name: float(a / w) if w else None for name, a, w in zip(components, *sums)}


def _slicing(
    by: Value,
    counts: SliceCounts,
    sums: dict[tuple[Value, Value], SliceSums],
    levels: Sequence[str],
    config: EvaluationConfig,
) -> dict:
    kept = _in_order(by, counts.largest(config.max_slice_values))
    left = len(counts.rows) - len(kept)
    rows_left = sum(counts.rows.values()) - sum(counts.rows[value] for value in kept)
    return {
        'by': list(by),
        'values': [
            {'value': list(value), 'rows': counts.rows[value]} | _slice(sums[by, value], levels, config)
            for value in kept
        ],
        'rest': {'values': counts.rest_values + left, 'rows': counts.rest_rows + rows_left},
    }


def _in_order(by: Value, values: list[Value]) -> list[Value]:
    """Sorts brackets and days in their natural order; keeps other values as given, most rows first."""
    if by[0] not in (CANDIDATES, DAY):
        return values
    return sorted(
        values,
        key=lambda value: [BRACKETS.index(v) if name == CANDIDATES else v for name, v in zip(by, value)],
    )


def _slice(sums: SliceSums, levels: Sequence[str], config: EvaluationConfig) -> dict:
    figures = Figures({'snips': sums.moments}, {}, config.confidence)
    return {
        'levels': {name: _level(figures, sums, level) for level, name in enumerate(levels)},
        'attention': attention_of(sums.attention, levels[:-1]),
    }


def _level(figures: Figures, sums: SliceSums, level: int) -> dict:
    serving = _SERVING if sums.moments.first.shape[1] > _SERVING else None
    found = figures.rates('snips', level, _POLICY, UNIFORM_INDEX, serving)
    exposure = float(sums.moments.first[level, _POLICY, DENOMINATOR])
    return {
        'uniform': figures.rate('snips', level, UNIFORM_INDEX),
        'sctr': found.pop('rate'),
        **found,
        'rows': int(sums.counted[level]),
        'clusters': int(sums.moments.clusters[level, _POLICY]),
        'effective_sample_size': effective_sample_size(exposure, float(sums.squares[level])),
    }
