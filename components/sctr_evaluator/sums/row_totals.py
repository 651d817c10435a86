"""Sums over rows that need no clusters; mergeable, pure numpy."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

import numpy as np

from components.sctr_evaluator.estimators.calibration import Calibration
from components.sctr_evaluator.rows.invalid_rows import Faults
from components.sctr_evaluator.sums.slice_sums import SliceCounts, Value


@dataclass(frozen=True)
class Totals:
    """Sums for M components, L = M + 1 levels (the last pools all components) and P policies.

    Attributes:
        components: The names of the components, in the order of the axis M.
        rows: The number of rows, without those that have a fault.
        impressions, clicks: The sum of weight, and the sum of weight x click.
        first, last: The smallest and the largest timestamp, ms since epoch.
        counted: The number of rows that count, and the sum of their weights, float64 [L, 2].
        matched: The sum of weight x m, and the sum of weight x (m / propensity)^2, float64 [L, P, 2].
        attention: The sum of weight x attention weight of the shown element, and the sum of weight, over the
            rows in which the component is present, float64 [2, M].
        calibration: The calibration of the predicted CTR of what was shown.
        faults: The numbers of rows left out, by kind of fault.
        unscored: The number of rows left out because the serving model gives no finite number for them.
        slices: The numbers of rows per slicing and value.
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
        """The totals of one or more parts, all of the same model."""
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
