"""Attributes clicks to impressions."""

from dataclasses import astuple, dataclass

import numpy as np

NONE = -1


@dataclass(frozen=True)
class ClickCounts:
    """Counts of the clicks whose impression is known.

    Attributes:
        attributed: The clicks that are the first of their impression within its window.
        repeated: The later clicks of an impression within its window.
        early: The clicks before their impression.
        late: The clicks after the window of their impression.
    """

    attributed: int = 0
    repeated: int = 0
    early: int = 0
    late: int = 0

    def __add__(self, other: 'ClickCounts') -> 'ClickCounts':
        return ClickCounts(*(a + b for a, b in zip(astuple(self), astuple(other))))


def attribute(
    shown_at: np.ndarray, impression: np.ndarray, clicked_at: np.ndarray, window_ms: int
) -> tuple[np.ndarray, ClickCounts]:
    """Finds the first click of every impression within its window, [shown, shown + window).

    Args:
        shown_at: The time of each impression in milliseconds, int64 [R].
        impression: The impression (0 to R - 1) of each click, int64 [C].
        clicked_at: The time of each click in milliseconds, int64 [C]; equal times keep their order.
        window_ms: The length of the window in milliseconds.

    Returns:
        The place of the click of every impression, int64 [R], or NONE; and the counts, which add up to C.
    """
    delay = clicked_at - shown_at[impression]
    early, late = delay < 0, delay >= window_ms
    inside = np.flatnonzero(~early & ~late)
    inside = inside[np.argsort(clicked_at[inside], kind='stable')]
    clicked, first = np.unique(impression[inside], return_index=True)
    found = np.full(len(shown_at), NONE)
    found[clicked] = inside[first]
    counts = ClickCounts(len(clicked), len(inside) - len(clicked), int(early.sum()), int(late.sum()))
    return found, counts
