"""Sums over rows that need no clusters: mergeable, pure numpy."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

import numpy as np

from components.sctr_evaluator.estimators.calibration import Calibration
from components.sctr_evaluator.rows.invalid_rows import Faults
from components.sctr_evaluator.sums.slice_sums import SliceCounts, Value


@dataclass(frozen=True)
class Totals:
    """M components, L = M + 1 levels (the last pools all components), P policies.

    Attributes:
        components: names, the axis M.
        rows: number of rows, those with a fault left out.
        impressions, clicks: sum of weight, and of weight x click.
        first, last: smallest and largest timestamp, ms since epoch.
        counted: float64 [L, 2], how many rows counted, and their weight.
        matched: float64 [L, P, 2], sum of weight x m, and of weight x (m / propensity)^2.
        attention: float64 [2, M], sum of weight x attention weight of the shown element, and of weight,
            over the rows in which the component is present.
        calibration: of the predicted CTR of what was shown.
        faults: rows that were left out, by what is wrong with them.
        unscored: rows that were left out since the serving model gives no finite number.
        slices: rows per slicing and value.
    """

    components: tuple[str, ...]
    rows: int
    impressions: float
    clicks: float
    first: int
    last: int
    counted: np.ndarray
    matched: np.ndarray
    attention: np.ndarray
    calibration: Calibration
    faults: Faults
    unscored: int = 0
    slices: dict[Value, SliceCounts] = field(default_factory=dict)

    @classmethod
    def merged(cls, parts: Iterable[Self]) -> Self:
        """Totals of one or more parts, all of one model."""
        parts = list(parts)
        slicings = [part.slices for part in parts if part.slices]
        names = slicings[0] if slicings else ()
        return cls(
            components=parts[0].components,
            first=min(part.first for part in parts),
            last=max(part.last for part in parts),
            calibration=Calibration.merged(part.calibration for part in parts),
            faults=Faults.merged(part.faults for part in parts),
            slices={by: SliceCounts.merged(counts[by] for counts in slicings) for by in names},
            **{name: sum(getattr(part, name) for part in parts) for name in _SUMS},
        )


_SUMS = ('rows', 'impressions', 'clicks', 'counted', 'matched', 'attention', 'unscored')
