"""Finds rows that cannot be evaluated, so that they are left out and reported instead of turning into NaN."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np

SENTENCES = {
    'propensity': 'with a propensity that is not above 0 and at most 1',
    'candidates': 'in which what was shown is not one of the candidates',
    'scores': 'for which the model gives no finite number',
    'label': 'whose click is not 0 or 1, or whose weight is negative or not finite',
}


@dataclass(frozen=True)
class Faults:
    """The numbers of faulty rows by kind of fault.

    Attributes:
        counts: {key of `SENTENCES`: number of rows}.
        rows: The number of all rows that were checked.
    """

    counts: dict[str, int]
    rows: int

    @classmethod
    def merged(cls, parts: Iterable[Self]) -> Self:
        """The numbers of one or more parts together."""
        parts = list(parts)
        counts = {name: sum(part.counts[name] for part in parts) for name in SENTENCES}
        return cls(counts, sum(part.rows for part in parts))

    def problems(self) -> list[str]:
        """One sentence for each kind of fault that occurred."""
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
        click, weight: The clicks and the weights of the rows, [R].
        shown: The index of the shown element, int [R, M]; -1 where the component is absent.
        candidate_count: The number of candidates, int [R, M]; 0 where the component is absent.
        propensity: The propensity of the shown element, [R, M].
        scores: The outputs of the model, each [R, ...]; -inf, which marks places without a candidate, is not
            a fault.

    Returns:
        A mask of the rows without a fault, bool [R], and the numbers of rows by fault; a row with several
        faults counts once for each.
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
