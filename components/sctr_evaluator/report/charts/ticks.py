"""Where an axis is labelled."""

import math


def nice_step(span: float, most: int) -> float:
    """The smallest of 1, 2, 5, 10, ..., times a power of ten, of which no more than `most` are in `span`."""
    power = 10.0 ** math.floor(math.log10(span / most))
    return next(m * power for m in (1, 2, 5, 10) if span / (m * power) <= most)
