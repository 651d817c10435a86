"""The distance between the ticks of an axis."""

import math


def nice_step(span: float, most: int) -> float:
    """Returns the smallest step of the form 1, 2 or 5 times a power of ten with at most `most` steps in `span`."""
    power = 10.0 ** math.floor(math.log10(span / most))
    return next(m * power for m in (1, 2, 5, 10) if span / (m * power) <= most)
