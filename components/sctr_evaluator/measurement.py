"""All sums of an evaluation over one batch of scored rows, or over many: mergeable, pure numpy."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np

from components.sctr_evaluator.calibration import Calibration
from components.sctr_evaluator.estimators import ClusterSums
from components.sctr_evaluator.matching import (
    Scored,
    all_matches,
    check_finite,
    component_names,
    contributions,
)


@dataclass(frozen=True)
class Totals:
    """Sums that need no clusters; M components, L = M + 1 levels, P policies.

    Attributes:
        components: names, the axis M.
        rows: number of rows.
        impressions, clicks: sum of weight, and of weight x click.
        first, last: smallest and largest timestamp, ms since epoch.
        counted: float64 [L, 2], matched: float64 [L, P, 2], see `matching.Contributions`.
        attention: float64 [2, M], sum of weight x attention weight of the shown element, and of weight,
            over the rows in which the component is present.
        calibration: of the predicted CTR of what was shown.
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

    @classmethod
    def merged(cls, parts: Iterable[Self]) -> Self:
        """Totals of one or more parts, all of one model."""
        parts = list(parts)
        return cls(
            components=parts[0].components,
            first=min(part.first for part in parts),
            last=max(part.last for part in parts),
            calibration=Calibration.merged(part.calibration for part in parts),
            **{name: sum(getattr(part, name) for part in parts) for name in _SUMS},
        )


_SUMS = ('rows', 'impressions', 'clicks', 'counted', 'matched', 'attention')


def measure(
    scored: Scored, serving: Scored | None, keys: np.ndarray, min_candidates: int
) -> tuple[ClusterSums, Totals]:
    """Sums of one batch.

    Args:
        scored: what `score_examples` of the exported model returns, R rows, at least one.
        serving: likewise of the serving model, or None where there is none.
        keys: int64 [R], hash of each row's cluster.
        min_candidates: a component counts where it has at least so many candidates.

    Returns:
        Cluster sums float64 [C, L, P, 2], and the totals. P holds uniform, the model's policies and,
        where there is one, those of the serving model.

    Raises:
        InputError: a model gives NaN or infinity.
    """
    for model in (scored, serving) if serving is not None else (scored,):
        check_finite(model)
    rows = contributions(scored, all_matches(scored, serving), min_candidates)
    weight, click = scored['weight'].astype(np.float64), scored['click'].astype(np.float64)
    present = np.where(scored['shown'] >= 0, weight[:, None], 0.0)
    totals = Totals(
        components=component_names(scored),
        rows=len(click),
        impressions=float(weight.sum()),
        clicks=float(weight @ click),
        first=int(scored['timestamp'].min()),
        last=int(scored['timestamp'].max()),
        counted=rows.counted,
        matched=rows.matched,
        attention=np.stack([(present * scored['attention_weight']).sum(0), present.sum(0)]),
        calibration=Calibration.of(scored['shown_ctr'].astype(np.float64), click, weight),
    )
    return ClusterSums.of(keys, rows.ratio), totals
