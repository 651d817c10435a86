"""Which click belongs to which impression."""

from dataclasses import astuple, dataclass

import numpy as np

NONE = -1


@dataclass(frozen=True)
class ClickCounts:
    """What became of the clicks whose impression is known.

    Attributes:
        attributed: the first of an impression inside of its window.
        repeated: another one inside of the window.
        early: before the impression.
        late: after the window.
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
    """Finds the first click of every impression inside of its window, [shown, shown + window).

    Args:
        shown_at: int64 [R], milliseconds.
        impression: int64 [C], the impression (0 to R - 1) of each click.
        clicked_at: int64 [C], milliseconds; of equal ones the first counts as the earlier.
        window_ms: length of the window.

    Returns:
        The place of its click for every impression, int64 [R], or NONE; and the counts, which add up to C.
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
