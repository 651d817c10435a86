"""Rows from which nothing can be learned: left out, counted and named, never a silent zero or a NaN."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np

SENTENCES = {
    'propensity': 'with a propensity that is not above 0 and at most 1',
    'candidates': 'in which what was shown is none of the candidates',
    'scores': 'for which the model gives no finite number',
    'label': 'whose click is not 0 or 1, or whose weight is negative or no finite number',
}


@dataclass(frozen=True)
class Faults:
    """Numbers of rows by what is wrong with them.

    Attributes:
        counts: {key of `SENTENCES`: rows}.
        rows: all rows that were looked at.
    """

    counts: dict[str, int]
    rows: int

    @classmethod
    def merged(cls, parts: Iterable[Self]) -> Self:
        """Numbers of one or more parts."""
        parts = list(parts)
        counts = {name: sum(part.counts[name] for part in parts) for name in SENTENCES}
        return cls(counts, sum(part.rows for part in parts))

    def problems(self) -> list[str]:
        """A sentence per kind of fault that occurred."""
        return [
            f'{count:,} of {self.rows:,} rows left out {SENTENCES[name]}'
            for name, count in self.counts.items()
            if count
        ]


def sound(
    click: np.ndarray,
    weight: np.ndarray,
    shown: np.ndarray,
    candidate_count: np.ndarray,
    propensity: np.ndarray,
    scores: Iterable[np.ndarray],
) -> tuple[np.ndarray, Faults]:
    """Which rows are free of faults.

    Args:
        click, weight: [R].
        shown, candidate_count: int [R, M]; a component without candidates is absent and shows -1.
        propensity: [R, M], of the shown element.
        scores: each [R, ...]; -inf, which marks places without a candidate, is no fault.

    Returns:
        bool [R], and the numbers of rows by fault; a row with several faults counts for each.
    """
    present = candidate_count > 0
    bad = {
        'propensity': (present & ~((propensity > 0) & (propensity <= 1))).any(1),
        'candidates': ((shown >= candidate_count) | (present & (shown < 0))).any(1),
        'scores': _not_finite(scores, len(click)),
        'label': ~(np.isin(click, (0, 1)) & (weight >= 0) & np.isfinite(weight)),
    }
    counts = {name: int(rows.sum()) for name, rows in bad.items()}
    return ~np.any(list(bad.values()), axis=0), Faults(counts, len(click))


def _not_finite(scores: Iterable[np.ndarray], rows: int) -> np.ndarray:
    bad = np.zeros(rows, bool)
    for score in scores:
        bad |= (np.isnan(score) | np.isposinf(score)).reshape(rows, -1).any(1)
    return bad
